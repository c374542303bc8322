"""The measured gradient's prediction, compared with actual changes of the output.

Shape letters: N images, C channels, H, W pixels, D directions.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fsens_cli.fourier.bins import frequency_grid
from fsens_cli.models.classifier import Classifier
from fsens_cli.objectives.input_gradient import target_value

NUM_IMAGES = 2
NUM_DIRECTIONS = 2
# Small enough to stay on one linear piece of a ReLU network, large enough for float64 differences.
STEP = 1e-6
# A slope must be so many times what rounding alone would show.
TELLABLE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfCheck:
    """How well the measured gradient predicts changes of the target along real Fourier directions, in float64.

    Attributes:
        relative_error: root mean square of (predicted - actual) over that of actual, or over that of a plane wave of
            any frequency where this is larger: a blurred model has almost no slope along some. None if not run.
        num_images, num_directions: directions for each image.
        note: why it could not be run, or empty.
    """

    relative_error: float | None
    num_images: int
    num_directions: int
    note: str = ""


def fourier_directions(
    height: int, width: int, num_directions: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Return random real plane waves of unit L2 norm, shape (D, H, W), with their (row, column) in the transform."""
    row = torch.randint(height, (num_directions,), generator=generator)
    column = torch.randint(1, max(2, width), (num_directions,), generator=generator) % width
    phase = torch.rand(num_directions, generator=generator, dtype=torch.float64) * 2 * torch.pi
    f_y, f_x = frequency_grid(height, width)
    y = torch.arange(height, dtype=torch.float64)[:, None]
    x = torch.arange(width, dtype=torch.float64)[None, :]
    angle = 2 * torch.pi * (f_y[row][:, :, None] * y + f_x[0, column][:, None, None] * x) + phase[:, None, None]
    wave = torch.cos(angle)
    norm = wave.flatten(1).norm(dim=1)
    return wave / norm[:, None, None], row, column


def first_order_check(
    classifier: Classifier,
    images_NCHW: Tensor,
    label_N: Tensor,
    grad_NCHW: Tensor,
    log_factor_N: Tensor,
    *,
    target: str,
    seed: int,
) -> SelfCheck:
    """Compare <gradient, direction>, taken in the frequency domain, with central differences of the target.

    Args:
        grad_NCHW, log_factor_N: gradient with respect to the [0, 1] images up to a factor, and that factor's logarithm.

    The inner product is the sum over frequencies of the two transforms (Parseval), so the transform and its
    normalisation are checked along with the gradient. The same wave goes into every channel.
    """
    num_images, _, height, width = images_NCHW.shape
    device = images_NCHW.device
    wave_DHW, _, _ = fourier_directions(height, width, NUM_DIRECTIONS, torch.Generator().manual_seed(seed))
    wave_DHW = wave_DHW.to(device)
    step = STEP * wave_DHW[:, None, None]
    images = images_NCHW.double()[None]
    both = torch.cat([images + step, images - step]).flatten(0, 1)
    try:
        with torch.no_grad():
            logits = torch.func.functional_call(classifier, _in_double(classifier), (both,)).double()
    except (RuntimeError, TypeError, NotImplementedError, AttributeError) as failure:
        return _not_run(f"the model does not run in float64 ({type(failure).__name__})")
    value = target_value(logits, label_N.repeat(2 * NUM_DIRECTIONS), target)
    plus, minus = value.unflatten(0, (2, NUM_DIRECTIONS, num_images))
    actual_DN = (plus - minus) / (2 * STEP)
    true_NHW = grad_NCHW.double().sum(dim=1) * torch.exp(log_factor_N.double())[:, None, None]
    gradient = torch.fft.fft2(true_NHW, norm="ortho")
    direction = torch.fft.fft2(wave_DHW, norm="ortho")
    predicted_DN = torch.einsum("dhw,nhw->dn", direction.conj(), gradient).real
    # Over all plane waves of unit norm the squared slope averages |gradient|^2 / (H W).
    typical_N = true_NHW.square().mean(dim=(1, 2))
    scale = float(torch.maximum(actual_DN.square().mean(), typical_N.mean()).sqrt())
    error = float((predicted_DN - actual_DN).square().mean().sqrt())
    if scale == 0:
        return _not_run("the target does not change")
    # What float64 can tell of a difference: untrained networks may change by less.
    # Masked classes have the logit -inf and no part in rounding.
    largest = float(value.abs().max() * (1 + logits.where(logits.isfinite(), 0.0).abs().max()))
    if scale < TELLABLE * torch.finfo(torch.float64).eps * largest / (2 * STEP):
        return _not_run("the target changes by less than float64 can tell")
    return SelfCheck(relative_error=error / scale, num_images=num_images, num_directions=NUM_DIRECTIONS)


def _in_double(module: nn.Module) -> dict[str, Tensor]:
    """Return the module's floating-point parameters and buffers as float64; the module keeps its own."""
    own = [*module.named_parameters(), *module.named_buffers()]
    return {name: value.detach().double() for name, value in own if value.is_floating_point()}


def _not_run(note: str) -> SelfCheck:
    return SelfCheck(relative_error=None, num_images=0, num_directions=0, note=note)
