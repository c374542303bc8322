"""Images that a model loses inside a ball: one attack, or the cascade of attacks, with every claim checked.

Shape letters: N images, S of them still standing, C channels, H, W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.perturb.attacks.apgd import apgd
from fsens_cli.perturb.attacks.cascades import stages_of
from fsens_cli.perturb.attacks.config import ATTACKS, NUM_RIVALS, AttackConfig
from fsens_cli.perturb.attacks.costs import Cost, Counted
from fsens_cli.perturb.attacks.fab import fab_t, likeliest_rivals
from fsens_cli.perturb.attacks.goal import Filter, Goal, Model
from fsens_cli.perturb.attacks.losses import dlr, log_odds, targeted_dlr
from fsens_cli.perturb.attacks.minimal import SEARCHES, MinimalResult, doubts, search
from fsens_cli.perturb.attacks.opening import num_open, open_goal
from fsens_cli.perturb.attacks.own import own_attack
from fsens_cli.perturb.attacks.pgd import fgsm, pgd
from fsens_cli.perturb.attacks.square import square
from fsens_cli.perturb.attacks.streams import Streams
from fsens_cli.perturb.attacks.verify import TOLERANCE, fit, verified
from fsens_cli.perturb.attacks.watch import Watch
from fsens_cli.statistics.intervals import Interval, wilson

# Room for attacks that are built in later.
LATER = 1000

# One start of an attack: points and claims.
Attempt = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AttackResult:
    """What an attack of a fixed radius did.

    Attributes:
        adversarial_NCHW: an adversarial image where ``found_N``; elsewhere the last point tried; the image itself
            where it is misclassified without an attack.
        found_N: whether the model fails on it, by a fresh forward pass, inside the box and the ball to 1e-6.
        size_N: norm of the change in double precision; 0 for images misclassified clean, infinite where not found.
        rejected_N: an attack claimed an adversarial image, but no claim survived the check.
        undecided_N: the model's output at some point was no decision (NaN, or infinite); untargeted, such an image has
            fallen, because the model has not given the right answer.
        dead_N: every gradient that was taken is zero or not a number, so attacks by gradient say nothing.
        standing: for each stage in order which images stand after it; the first is ``clean``.
        costs: of each stage, ``clean`` included.
        num_classes: logits that can be compared.
    """

    adversarial_NCHW: Tensor
    found_N: Tensor
    size_N: Tensor
    rejected_N: Tensor
    undecided_N: Tensor
    dead_N: Tensor
    standing: dict[str, Tensor]
    costs: dict[str, Cost]
    num_classes: int

    @property
    def accuracy(self) -> Interval:
        """The share of images that stand, with Wilson's interval."""
        return wilson(int((~self.found_N).sum()), len(self.found_N))

    def __repr__(self) -> str:
        """Return the accuracy that is left, and how many images stand after each stage."""
        stages = ", ".join(f"{name} {int(stand_N.sum())}" for name, stand_N in self.standing.items())
        lines = [f"accuracy under attack {self.accuracy}", f" images that stand after: {stages}"]
        return "\n".join([*lines, *doubts(self.rejected_N, self.undecided_N, self.dead_N)])


def attack(
    model: Model,
    images_NCHW: Tensor,
    label_N: Tensor,
    config: AttackConfig,
    *,
    generator: torch.Generator | int,
    target_N: Tensor | None = None,
    gradient_filter: Filter | None = None,
) -> AttackResult:
    """Attack each image inside the ball of radius ``config.eps``.

    Args:
        model: from [0, 1] images to logits; a module must be in evaluation mode, where images do not mix.
        images_NCHW, label_N: one batch.
        config: which attack, and how.
        generator: one number an image is taken from it, so an image's randomness depends on its place in a run and
            not on the batch size, nor on which other images still stand. Equal batches give equal bytes on a CPU.
        target_N: the classes to reach; without them any wrong class counts.
        gradient_filter: applied to gradients (before they are normalised) and to random starts by FGSM, PGD and
            APGD. In ``l2`` the perturbation stays in the range of a linear filter up to the clamp to [0, 1]; the
            sign step of ``linf`` leaves it.

    For ``config.eot`` > 1 the decision of a random model is that of its mean logits over so many passes, in the
    checks as well. Minimal-norm attacks count as found where their image lies in the ball.

    Raises:
        ConfigError, DataError, ModelError: what was given cannot be used.
    """
    streams = Streams.drawn(generator, len(images_NCHW))
    model = counted = Counted(model)
    goal, logits_NL = open_goal(model, images_NCHW, label_N, config, target_N)
    clean_N = goal.reached(logits_NL)
    costs = {"clean": counted.taken(len(images_NCHW))}
    if config.name in (*SEARCHES, "minimal") and config.name not in SINGLE:
        result = search(model, images_NCHW, goal, clean_N, config, streams)
        costs[config.name] = counted.taken(int((~clean_N).sum()), steps=config.num_steps)
        return _within(result, clean_N, config, costs, num_open(logits_NL))
    so_far = _Progress.of(images_NCHW, clean_N)
    standing = {"clean": ~clean_N}
    for stage in stages_of(config, num_open(logits_NL)):
        num_images = int((~so_far.found_N).sum())
        for number, (start, rival_N) in enumerate(_starts(stage, logits_NL, goal)):
            row = so_far.standing_rows()
            if len(row) == 0:
                break
            aim = goal if rival_N is None else goal.towards(rival_N)
            # By name, so that a stage of the cascade walks the same path as the attack alone.
            own_streams = streams[row].child(_place(stage.name)).child(number)
            tried, claimed = start(model, images_NCHW[row], aim[row], stage, own_streams, gradient_filter)
            so_far.settle(row, tried, claimed, model, images_NCHW[row], goal[row], config)
        standing[stage.name] = ~so_far.found_N
        costs[stage.name] = counted.taken(num_images, steps=stage.num_steps)
    assert goal.watch is not None, "open_goal has set one"
    return so_far.result(goal.watch, standing, costs, num_open(logits_NL))


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far an attack has come: of each image the last point tried, whether it fell or was said to, and how near."""

    point_NCHW: Tensor
    found_N: Tensor
    claimed_N: Tensor
    size_N: Tensor

    @classmethod
    def of(cls, images_NCHW: Tensor, clean_N: Tensor) -> _Progress:
        """Return it before the first attempt; ``clean_N`` are the images that fall by themselves."""
        size_N = torch.where(clean_N, 0.0, torch.inf).double()
        return cls(images_NCHW.clone(), clean_N.clone(), torch.zeros_like(clean_N), size_N)

    def standing_rows(self) -> Tensor:
        """Return the rows of the images that stand."""
        return (~self.found_N).nonzero().squeeze(1)

    def settle(
        self,
        row: Tensor,
        tried: Tensor,
        claimed: Tensor,
        model: Model,
        images: Tensor,
        goal: Goal,
        config: AttackConfig,
    ) -> None:
        """Put the points of one attempt into ball and box, and ask the model anew which of these images fall."""
        tried = fit(images, tried, config.norm, config.eps)
        found, size = verified(model, images, tried, goal, norm=config.norm, eps=config.eps, eot=config.eot)
        self.point_NCHW[row], self.found_N[row] = tried, found
        self.claimed_N[row] = self.claimed_N[row] | claimed
        self.size_N[row[found]] = size[found]

    def result(
        self, watch: Watch, standing: dict[str, Tensor], costs: dict[str, Cost], num_classes: int
    ) -> AttackResult:
        """Return what was found in the end."""
        return AttackResult(
            adversarial_NCHW=self.point_NCHW,
            found_N=self.found_N,
            size_N=self.size_N,
            rejected_N=self.claimed_N & ~self.found_N,
            undecided_N=watch.undecided_N,
            dead_N=watch.dead_N,
            standing=standing,
            costs=costs,
            num_classes=num_classes,
        )


def join(results: Sequence[AttackResult]) -> AttackResult:
    """Return the results of several batches as one."""
    return AttackResult(
        adversarial_NCHW=torch.cat([r.adversarial_NCHW for r in results]),
        found_N=torch.cat([r.found_N for r in results]),
        size_N=torch.cat([r.size_N for r in results]),
        rejected_N=torch.cat([r.rejected_N for r in results]),
        undecided_N=torch.cat([r.undecided_N for r in results]),
        dead_N=torch.cat([r.dead_N for r in results]),
        standing={stage: torch.cat([r.standing[stage] for r in results]) for stage in results[0].standing},
        costs={stage: sum((r.costs[stage] for r in results), Cost()) for stage in results[0].costs},
        num_classes=min(r.num_classes for r in results),
    )


def _starts(
    stage: AttackConfig, logits_NL: Tensor, goal: Goal
) -> Iterator[tuple[Callable[..., Attempt], Tensor | None]]:
    """Yield each start of an attack, together with the rivals that it aims at."""
    for _ in range(stage.restarts):
        if stage.name not in RIVALLED:
            yield SINGLE.get(stage.name, own_attack), None
            continue
        if goal.target_N is not None:
            yield SINGLE[stage.name], goal.target_N
            continue
        for rival_N in likeliest_rivals(logits_NL, goal.label_N, NUM_RIVALS).T:
            yield SINGLE[stage.name], rival_N


def _place(name: str) -> int:
    """Return an attack's place in the registry; the user's own come after all of them."""
    return list(ATTACKS).index(name) if name in ATTACKS else len(ATTACKS) + LATER


def _apgd_ce(
    model: Model, images: Tensor, goal: Goal, config: AttackConfig, streams: Streams, gradient_filter: Filter | None
) -> Attempt:
    return apgd(model, images, goal, log_odds, config, streams, gradient_filter)


def _apgd_dlr(
    model: Model, images: Tensor, goal: Goal, config: AttackConfig, streams: Streams, gradient_filter: Filter | None
) -> Attempt:
    return apgd(model, images, goal, dlr, config, streams, gradient_filter)


def _apgd_t(
    model: Model, images: Tensor, goal: Goal, config: AttackConfig, streams: Streams, gradient_filter: Filter | None
) -> Attempt:
    return apgd(model, images, goal, targeted_dlr, config, streams, gradient_filter)


SINGLE: dict[str, Callable[..., Attempt]] = {
    "fgsm": fgsm,
    "pgd": pgd,
    "apgd-ce": _apgd_ce,
    "apgd-dlr": _apgd_dlr,
    "square": square,
    "apgd-t": _apgd_t,
    "fab-t": fab_t,
}
# These take the likeliest rivals one after the other.
RIVALLED = ("apgd-t", "fab-t")


def _within(
    result: MinimalResult, clean_N: Tensor, config: AttackConfig, costs: dict[str, Cost], num_classes: int
) -> AttackResult:
    """Return what a search for the smallest change means for the ball of radius ``config.eps``."""
    found_N = result.size_N <= config.eps + TOLERANCE
    return AttackResult(
        adversarial_NCHW=result.adversarial_NCHW,
        found_N=found_N,
        size_N=torch.where(found_N, result.size_N, torch.inf),
        rejected_N=result.rejected_N,
        undecided_N=result.undecided_N,
        dead_N=result.dead_N,
        standing={"clean": ~clean_N, config.name: ~found_N},
        costs=costs,
        num_classes=num_classes,
    )
