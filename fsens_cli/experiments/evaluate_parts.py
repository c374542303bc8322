"""How each kind of part is computed.

Shape letters: N images, C channels, H, W pixels, K conditions, M frequencies, B images of a batch.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from fsens_cli.errors import ModelError
from fsens_cli.experiments.answers import ask, is_right, side_by_side
from fsens_cli.experiments.band_importance import band_values
from fsens_cli.experiments.evaluate_attacks import attacked, minimal
from fsens_cli.experiments.evaluate_changes import CHANGES, unchanged
from fsens_cli.experiments.evaluate_prediction import predict_corruptions
from fsens_cli.experiments.evaluate_shared import Setting
from fsens_cli.experiments.part_result import PartResult
from fsens_cli.experiments.right_answers import require_labels
from fsens_cli.experiments.suite import Part
from fsens_cli.fourier.bases import build_basis
from fsens_cli.fourier.sensitivity import gradient_power, rescale_each, rounding_power
from fsens_cli.objectives.input_gradient import input_gradient
from fsens_cli.perturb.attacks.inspection import inspect_model
from fsens_cli.perturb.fourier_noise import add_fourier_noise, heat_map_frequencies

# L2 norm of the added frequency in each channel, as published for CIFAR-10 and for ImageNet (Yin et al. 2019), and how
# far the published map of ImageNet goes.
SMALL_SIDE, SMALL_L2, LARGE_L2 = 64, 4.0, 15.7
LARGE_CYCLES = 31

# Frequencies of the heat map that the model sees at once, times images: bounds memory, does not change results.
IMAGES_AT_ONCE = 256


# So many images, drawn at random, tell whether the model is random, has a gradient and gives logits.
NUM_INSPECTED = 8

# Kinds of parts whose probabilities are held against what is right.
CALIBRATED = ("clean", "corruption")
PROBABILITIES = (
    "the model's output looks like probabilities, so nothing is said of its calibration: take away the last softmax"
)

# What leaves out a part that needs the model's gradient.
WITHOUT_GRADIENT = {"prediction": "suite.prediction=false", "gradient": "suite.heat_map=false"}


def run_part(part: Part, setting: Setting) -> PartResult:
    """Compute one part.

    Raises:
        ModelError: the model's output on changed images is not a number, or it hides a gradient that the part needs.
    """
    try:
        return RUNNERS[part.kind](part, setting)
    except ModelError as error:
        if part.kind not in WITHOUT_GRADIENT:
            raise
        raise ModelError(f"{error} Or leave this question out: {WITHOUT_GRADIENT[part.kind]}.") from error


def warnings_of(setting: Setting, *, attacked: bool) -> tuple[int, list[str]]:
    """Return the number of classes, and what is doubtful about the model as a target of attacks.

    Raises:
        DataError: a label outside the model's classes.
    """
    # Folders are sorted by class, so the first few may be of one.
    images, labels, _ = next(setting.batches(setting.images.sample(NUM_INSPECTED, setting.seed)))
    with torch.no_grad():
        num_classes = setting.classifier(images).shape[1]
    require_labels(setting.images.label_N, num_classes)
    findings = inspect_model(setting.classifier, images, labels) if attacked else []
    # Gradients of zero are counted over all attacked images, by the attacks themselves.
    return num_classes, [finding.message for finding in findings if finding.kind != "zero-gradient"]


def _perturbed(part: Part, setting: Setting) -> PartResult:
    images = setting.chosen(part)
    if part.kind == "corruption" and setting.corrupted is not None and setting.is_read(part.conditions[0]):
        # The official pictures, instead of changes made here.
        sets = [setting.corrupted.load(c.probe, c.severity) for c in part.conditions]
        found = side_by_side([ask(setting, corrupted, [unchanged]) for corrupted in sets])
    else:
        found = ask(setting, images, [CHANGES[part.kind](condition, setting) for condition in part.conditions])
    result = PartResult(part=part, index_N=images.index_N, label_N=images.label_N, correct_NK=found.right_NK)
    if part.kind not in CALIBRATED:
        return result
    result = replace(result, metric_MNK=found.metric_MNK)
    if found.look_like_probabilities:
        return replace(result, notes=(PROBABILITIES,))
    return replace(result, confidence_NK=found.confidence_NK, loss_NK=found.loss_NK, brier_NK=found.brier_NK)


def _heat_map(part: Part, setting: Setting) -> PartResult:
    """Add one frequency after the other and see whether the model is still right (Yin et al. 2019)."""
    images = setting.chosen(part)
    height, width = images.images_NCHW.shape[-2:]
    frequency_M2 = _frequencies(height, width, setting.heat_map_cycles)
    length = setting.heat_map_l2 or (SMALL_L2 if min(height, width) <= SMALL_SIDE else LARGE_L2)
    rows = []
    with torch.no_grad():
        for batch, labels, index in setting.batches(images):
            right = []
            for some in frequency_M2.split(max(1, IMAGES_AT_ONCE // len(batch))):
                noisy = add_fourier_noise(batch, some, length, index_N=index, seed=setting.seed)
                answer = is_right(setting.classifier, noisy.flatten(0, 1), labels.repeat(len(some)))
                right.append(answer.reshape(len(some), -1))
            rows.append(torch.cat(right).T.cpu())
    return PartResult(
        part=part,
        index_N=images.index_N,
        label_N=images.label_N,
        correct_NK=torch.cat(rows),
        frequency_M2=frequency_M2,
    )


def _frequencies(height: int, width: int, cycles: int) -> Tensor:
    """Return the frequencies of the heat map without the constant, which no gradient spectrum has either."""
    frequency_K2 = heat_map_frequencies(height, width)
    if min(height, width) > SMALL_SIDE:
        cycles = cycles or LARGE_CYCLES
    largest_K = frequency_K2.abs().amax(dim=1)
    return frequency_K2[(largest_K > 0) & ((largest_K <= cycles) | (cycles == 0))]


def _gradient(part: Part, setting: Setting) -> PartResult:
    """Measure the power of the input gradient at each frequency of the heat map.

    A random sign in each channel makes the expected squared change of the loss the sum of the channels' powers.
    """
    images = setting.chosen(part)
    height, width = images.images_NCHW.shape[-2:]
    basis = build_basis("fourier", height, width)
    frequency_M2 = _frequencies(height, width, setting.heat_map_cycles)
    rows, columns = frequency_M2[:, 0] % height, frequency_M2[:, 1]
    shares = []
    for batch, labels, _ in setting.batches(images):
        _, grad, _ = input_gradient(setting.classifier, batch, labels)
        scaled, _ = rescale_each(grad.float())
        power_NM = gradient_power(scaled, basis, "power").cpu().double()[:, rows, columns]
        total_N1 = power_NM.sum(dim=1, keepdim=True)
        told_N1 = total_N1 > rounding_power(scaled).cpu()[:, None]
        shares.append(torch.where(told_N1, power_NM / total_N1.clamp_min(1e-300), torch.zeros_like(power_NM)))
    return PartResult(
        part=part,
        index_N=images.index_N,
        label_N=images.label_N,
        frequency_M2=frequency_M2,
        power_NM=torch.cat(shares),
    )


# How each kind is computed.
RUNNERS: dict[str, Callable[[Part, Setting], PartResult]] = {
    **dict.fromkeys(CHANGES, _perturbed),
    "attack": attacked,
    "minimal": minimal,
    "heat-map": _heat_map,
    "gradient": _gradient,
    "prediction": predict_corruptions,
    "bands": band_values,
}
