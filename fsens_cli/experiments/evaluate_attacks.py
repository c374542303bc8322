"""Attacks within a budget, each stage of a cascade kept by itself, and searches for the smallest change.

Shape letters: N images, C channels, H, W pixels, K exact radii, F half-plane columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fsens_cli.experiments.evaluate_shared import Setting
from fsens_cli.experiments.part_result import PartResult, StageRow
from fsens_cli.experiments.suite import Part
from fsens_cli.fourier.perturbation import energy_by_radius, perturbation_power
from fsens_cli.perturb.attacks.attack import AttackResult, Marks, attack, attack_stage, open_attack
from fsens_cli.perturb.attacks.cascades import shortened, stages_of
from fsens_cli.perturb.attacks.config import AttackConfig, record_of
from fsens_cli.perturb.attacks.costs import Cost
from fsens_cli.perturb.attacks.minimal import MinimalResult, minimal_perturbation
from fsens_cli.perturb.attacks.opening import num_open

# AutoAttack's own threshold for an attack without gradients that wins where those with gradients did not.
SUSPICIOUS_SHARE = 0.002
# The marks of an image that are kept between two stages, beside whether it stands.
MARKS = ("claimed_N", "undecided_N", "looked_N", "alive_N")


def attacked(part: Part, setting: Setting) -> PartResult:
    """Attack every image within one budget."""
    (condition,) = part.conditions
    hook = setting.hooks.get(("attacks", condition.probe))
    name = condition.probe if hook is None else hook.asked
    config = setting.attack.fixed(name, condition.group, condition.parameter)
    if record_of(config.name).is_cascade:
        return _cascade(part, setting, config)
    images, generator = setting.chosen(part), setting.generator()
    correct, met = [], Met()
    standing: dict[str, int] = {}
    costs: dict[str, Cost] = {}
    for batch, labels, _ in setting.batches(images):
        result = attack(setting.classifier, batch, labels, config, generator=generator)
        correct.append(~result.found_N.cpu())
        met.add(result)
        for stage, standing_N in result.standing.items():
            standing[stage] = standing.get(stage, 0) + int(standing_N.sum())
            costs[stage] = costs.get(stage, Cost()) + result.costs[stage]
    return PartResult(
        part=part,
        index_N=images.index_N,
        label_N=images.label_N,
        correct_NK=torch.cat(correct)[:, None],
        num_rejected=met.rejected,
        notes=met.notes(),
        stages=tuple(_stage_row(stage, left, costs[stage]) for stage, left in standing.items()),
    )


def _cascade(part: Part, setting: Setting, config: AttackConfig) -> PartResult:
    """Run one attack after the other on the images that stand, and keep what each has left."""
    logits, marks, cost = [], [], Cost()
    for batch, labels, _ in setting.batches(setting.chosen(part)):
        logits_NL, marked, taken = open_attack(setting.classifier, batch, labels, config)
        logits.append(logits_NL)
        marks.append(marked)
        cost = cost + taken
    num_classes = min(num_open(logits_NL) for logits_NL in logits)
    result = _left(part, setting, marks, (_stage_row("clean", _standing(marks), cost),))
    for stage in stages_of(config, num_classes):
        own = replace(part, name=f"{part.name}-{stage.name}")
        kept = setting.recorder.load(own)
        if kept is None or kept.mark_NM.shape != result.mark_NM.shape:
            marks, cost = _one_stage(own, setting, config, stage, _marks_of(result, setting), logits)
            kept = _left(own, setting, marks, (*result.stages, _stage_row(stage.name, _standing(marks), cost)))
            setting.recorder.save(kept)
        result = kept
    met = Met()
    for marked in _marks_of(result, setting):
        met.add(marked)
    notes = (*met.notes(), *cascade_notes(config.name, num_classes, result.stages, met.images))
    no_marks = torch.zeros(0, 0, dtype=torch.bool)
    return replace(result, part=part, mark_NM=no_marks, num_rejected=met.rejected, notes=notes)


def _one_stage(
    part: Part,
    setting: Setting,
    config: AttackConfig,
    stage: AttackConfig,
    marks: Sequence[Marks],
    logits: Sequence[Tensor],
) -> tuple[list[Marks], Cost]:
    """Return what one stage of a cascade leaves of each batch, and what it took."""
    generator, left, cost = setting.generator(), [], Cost()
    for (batch, labels, _), before, logits_NL in zip(setting.batches(setting.chosen(part)), marks, logits, strict=True):
        after, taken = attack_stage(
            setting.classifier, batch, labels, config, stage, before, logits_NL, generator=generator
        )
        left.append(after)
        cost = cost + taken
    return left, cost


def _left(part: Part, setting: Setting, marks: Sequence[Marks], stages: tuple[StageRow, ...]) -> PartResult:
    """Return what a stage has left as it is kept: the images that stand, and what the next stage has to know."""
    images = setting.chosen(part)
    mark_NM = torch.cat([torch.stack([getattr(m, name) for name in MARKS], dim=1) for m in marks]).cpu()
    return PartResult(
        part=part,
        index_N=images.index_N,
        label_N=images.label_N,
        correct_NK=~torch.cat([m.found_N for m in marks]).cpu()[:, None],
        mark_NM=mark_NM,
        stages=stages,
    )


def _marks_of(result: PartResult, setting: Setting) -> list[Marks]:
    """Return the same for each batch."""
    found_N = ~result.correct_NK[:, 0]
    return [
        Marks(found_N=found, **dict(zip(MARKS, marks.unbind(1), strict=True)))
        for found, marks in zip(
            found_N.to(setting.device).split(setting.batch_size),
            result.mark_NM.to(setting.device).split(setting.batch_size),
            strict=True,
        )
    ]


def _standing(marks: Sequence[Marks]) -> int:
    return sum(int((~m.found_N).sum()) for m in marks)


def _stage_row(name: str, num_standing: int, cost: Cost) -> StageRow:
    return StageRow(
        name=name,
        num_standing=num_standing,
        steps=cost.steps,
        queries=cost.queries,
        gradients=cost.gradients,
        seconds=cost.seconds,
    )


def minimal(part: Part, setting: Setting) -> PartResult:
    """Search the smallest change of every image, and where its power lies."""
    images, generator = setting.chosen(part), setting.generator()
    config = setting.attack.minimal(part.norm)
    height, width = images.images_NCHW.shape[-2:]
    sizes, energies, met = [], [], Met()
    power_2HF = torch.zeros(2, height, width // 2 + 1, dtype=torch.float64)
    for batch, labels, _ in setting.batches(images):
        result = minimal_perturbation(setting.classifier, batch, labels, config, generator=generator)
        sizes.append(result.size_N.double().cpu())
        met.add(result)
        power_NHF = perturbation_power((result.adversarial_NCHW - batch).cpu())
        energy_NK = energy_by_radius(power_NHF, (height, width))
        total_N = energy_NK.sum(dim=1).clamp_min(1e-300)
        power_2HF += torch.stack([power_NHF.sum(dim=0), (power_NHF / total_N[:, None, None]).sum(dim=0)])
        energies.append(energy_NK.float())
    size_N = torch.cat(sizes)
    num_found = max(1, int(((size_N > 0) & size_N.isfinite()).sum()))
    return PartResult(
        part=part,
        index_N=images.index_N,
        label_N=images.label_N,
        size_N=size_N,
        energy_NK=torch.cat(energies),
        power_2HF=power_2HF / num_found,
        num_rejected=met.rejected,
        notes=met.notes(),
    )


@dataclass(slots=True)
class Met:
    """What attacks met on their way, over all batches of a part."""

    images: int = 0
    rejected: int = 0
    undecided: int = 0
    dead: int = 0

    def add(self, result: AttackResult | MinimalResult | Marks) -> None:
        """Count one batch."""
        self.images += len(result.undecided_N)
        self.rejected += int(result.rejected_N.sum())
        self.undecided += int(result.undecided_N.sum())
        self.dead += int(result.dead_N.sum())

    def notes(self) -> tuple[str, ...]:
        """Return each in words."""
        said = []
        if self.rejected:
            said.append(
                f"{self.rejected} adversarial images failed the check by a fresh forward pass and count as not found"
            )
        if self.undecided:
            said.append(
                f"on {self.undecided} of {self.images} images the model's output was not a number at an attacked "
                "point, which counts as not robust"
            )
        if self.dead:
            said.append(
                f"the input gradient is zero or not a number on {self.dead} of {self.images} images: attacks by "
                "gradient say nothing about them, take attack=square too"
            )
        return tuple(said)


def cascade_notes(name: str, num_classes: int, stages: Sequence[StageRow], num_images: int) -> tuple[str, ...]:
    """Return the warnings of AutoAttack that are known afterwards: too few classes, and a search that beats gradients.

    Where Square, which sees logits alone, takes more than .2 points from what attacks by gradient left, the gradients
    hide something.
    """
    said = [shortened(name, num_classes)]
    left = {stage.name: stage.num_standing for stage in stages}
    won = left["fab-t"] - left["square"] if {"fab-t", "square"} <= left.keys() else 0
    if won > SUSPICIOUS_SHARE * num_images:
        said.append(
            f"square, which takes no gradient, won {won} of {num_images} images that attacks by gradient had left: the "
            "model may hide its gradients, so an attack made for it may find more"
        )
    return tuple(note for note in said if note)
