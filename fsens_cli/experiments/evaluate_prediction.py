"""Predictions of which corruptions hurt, from the model's gradient and the corruption's own spectrum alone.

Shape letters: N images, C channels, H, W pixels, K conditions, B kinds of energy, R radial bins.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from fsens_cli.experiments.answers import Perturb
from fsens_cli.experiments.evaluate_changes import CHANGES
from fsens_cli.experiments.evaluate_shared import Setting
from fsens_cli.experiments.part_result import PartResult
from fsens_cli.experiments.suite import Condition, Part
from fsens_cli.fourier.bins import fourier_bins
from fsens_cli.fourier.overlap import dimensions_of_kinds, energy_of_kinds, flat_change, random_phase_change
from fsens_cli.objectives.input_gradient import input_gradient, target_value


def predict_corruptions(part: Part, setting: Setting) -> PartResult:
    """Return each image's margin, and how far each corruption should move it.

    The margin is the label's logit less the largest other one; the model is right where it is above 0. No corrupted
    image is shown to the model here: only the energies of its difference from the clean one are used.
    """
    images = setting.chosen(part)
    channels, height, width = images.images_NCHW.shape[1:]
    bins = fourier_bins(height, width).to(setting.device)
    dimensions_BK = dimensions_of_kinds(channels, bins)
    margins, moves, flats = [], [], []
    energy_KR = torch.zeros(len(part.conditions), bins.num_bins, dtype=torch.float64)
    clean_and_corrupted = zip(setting.batches(images), _corrupted_batches(part, setting), strict=True)
    for (batch, labels, _), corrupted in clean_and_corrupted:
        logits, grad, _ = input_gradient(setting.classifier, batch, labels, "margin")
        gradient_NBR = energy_of_kinds(grad, bins)
        columns, flat_columns = [], []
        for number, changed in enumerate(corrupted):
            change_NBR = energy_of_kinds(changed - batch, bins)
            columns.append(random_phase_change(gradient_NBR, change_NBR, dimensions_BK).cpu())
            flat_columns.append(flat_change(gradient_NBR, change_NBR, dimensions_BK).cpu())
            energy_KR[number] += change_NBR.sum(dim=(0, 1)).cpu()
        margins.append(target_value(logits, labels, "margin").double().cpu())
        moves.append(torch.stack(columns, dim=1))
        flats.append(torch.stack(flat_columns, dim=1))
    return PartResult(
        part=part,
        index_N=images.index_N,
        label_N=images.label_N,
        margin_N=torch.cat(margins),
        move_NK=torch.cat(moves),
        flat_move_NK=torch.cat(flats),
        change_energy_KR=energy_KR / len(images),
    )


def _corrupted_batches(part: Part, setting: Setting) -> Iterator[Iterator[Tensor]]:
    """Yield, for each batch, its corrupted versions one condition after the other."""
    columns = [_changed_batches(condition, part, setting) for condition in part.conditions]
    for batch, _, index in setting.batches(setting.chosen(part)):
        yield (column(batch, index) for column in columns)


def _changed_batches(condition: Condition, part: Part, setting: Setting) -> Perturb:
    """Return what gives one condition's images, batch by batch in order: read, or changed here."""
    if setting.corrupted is None or not setting.is_read(condition):
        return CHANGES["corruption"](condition, setting)
    read = setting.batches(setting.corrupted.load(condition.probe, condition.severity))
    return lambda batch, index: next(read)[0]
