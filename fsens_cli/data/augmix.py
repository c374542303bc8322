"""AugMix: three chains of simple operations, mixed with the image itself, drawn anew for every image.

Hendrycks et al., *AugMix: A simple data processing method to improve robustness and uncertainty*, ICLR 2020.
Shape letters: N images, C channels, H, W pixels, A augmented versions.
"""

import math
from collections.abc import Callable

import torch
import torchvision.transforms.v2.functional as vision
from torch import Tensor

WIDTH = 3
LARGEST_DEPTH = 3
# Of the published code's ten levels.
SMALLEST_LEVEL, LEVELS = 0.1, 10
LARGEST_DEGREES, LARGEST_SHEAR, LARGEST_SHIFT, BITS, LARGEST_FACTOR = 30.0, 0.3, 1 / 3, 4, 1.8

# An operation takes images of one size, how strongly each is changed (0 .. 1) and a sign for each.
Operation = Callable[[Tensor, Tensor, Tensor], Tensor]


def augmix(
    images_NCHW: Tensor, generator: torch.Generator, *, severity: float = 3.0, overlapping: bool = False
) -> Tensor:
    """Return one AugMix version of every image in [0, 1], same shape.

    ``(1 - m) x + m sum_i w_i chain_i(x)``, w ~ Dirichlet(1, 1, 1), m ~ Beta(1, 1), chains of one to three of
    nine operations. How strong one is: a level ~ U(0.1, severity) of 10.

    Args:
        generator: on the CPU; every image has its own draws.
        severity: 3 for 32 x 32 pixels, 1 for 224 x 224 as published.
        overlapping: also take the four operations that the benchmark of corruptions resembles.
    """
    n = len(images_NCHW)
    # Exponential draws divided by their sum are Dirichlet(1, 1, 1); a uniform draw is Beta(1, 1).
    weight_NA = torch.empty(n, WIDTH, dtype=torch.float64).exponential_(generator=generator)
    weight_NA = (weight_NA / weight_NA.sum(dim=1, keepdim=True)).to(images_NCHW)
    share_N = torch.rand(n, generator=generator).to(images_NCHW)
    mixed = torch.zeros_like(images_NCHW)
    for a in range(WIDTH):
        mixed = mixed + weight_NA[:, a, None, None, None] * _chain(images_NCHW, generator, severity, overlapping)
    share = share_N[:, None, None, None]
    return (1 - share) * images_NCHW + share * mixed


def one_operation(
    images_NCHW: Tensor, generator: torch.Generator, severity: float, overlapping: bool = False
) -> Tensor:
    """Return every image after one of the operations, drawn for each."""
    n = len(images_NCHW)
    operations = [*OPERATIONS.values(), *(OVERLAPPING.values() if overlapping else ())]
    which_N = torch.randint(len(operations), (n,), generator=generator)
    strength_N = (SMALLEST_LEVEL + (severity - SMALLEST_LEVEL) * torch.rand(n, generator=generator)) / LEVELS
    sign_N = 2.0 * torch.randint(2, (n,), generator=generator) - 1
    changed = images_NCHW.clone()
    for number, operation in enumerate(operations):
        rows = (which_N == number).nonzero().flatten()
        if len(rows):
            strength, sign = (v[rows].to(images_NCHW) for v in (strength_N, sign_N))
            there = rows.to(images_NCHW.device)
            changed[there] = operation(images_NCHW[there], strength, sign)
    return changed


def _chain(images_NCHW: Tensor, generator: torch.Generator, severity: float, overlapping: bool) -> Tensor:
    depth_N = torch.randint(1, LARGEST_DEPTH + 1, (len(images_NCHW),), generator=generator)
    changed = images_NCHW
    for step in range(LARGEST_DEPTH):
        longer = (depth_N > step).to(images_NCHW.device)[:, None, None, None]
        changed = torch.where(longer, one_operation(changed, generator, severity, overlapping), changed)
    return changed


def _eight_bits(images: Tensor) -> Tensor:
    return (255 * images).round().to(torch.uint8)


def _autocontrast(images: Tensor, _strength: Tensor, _sign: Tensor) -> Tensor:
    return vision.autocontrast(images)


def _equalize(images: Tensor, _strength: Tensor, _sign: Tensor) -> Tensor:
    return vision.equalize(_eight_bits(images)).to(images) / 255


def _posterize(images: Tensor, strength: Tensor, _sign: Tensor) -> Tensor:
    step = 2.0 ** (8 - (BITS - (BITS * strength).floor()))[:, None, None, None]
    return (torch.floor(255 * images / step) * step) / 255


def _solarize(images: Tensor, strength: Tensor, _sign: Tensor) -> Tensor:
    threshold = (256 - (256 * strength).floor())[:, None, None, None] / 255
    return torch.where(images >= threshold, 1 - images, images)


def _affine(images: Tensor, matrix_N22: Tensor, shift_N2: Tensor) -> Tensor:
    """Return images sampled bilinearly at ``matrix @ position + shift`` in pixels from the middle; outside is black."""
    height, width = images.shape[-2:]
    scale = torch.tensor([width / 2, height / 2], dtype=images.dtype, device=images.device)
    # grid_sample has positions from -1 to 1, so a matrix in pixels is scaled on both sides.
    normal = matrix_N22 * scale[None, None, :] / scale[None, :, None]
    theta = torch.cat([normal, (shift_N2 / scale)[:, :, None]], dim=2)
    grid = torch.nn.functional.affine_grid(theta, list(images.shape), align_corners=False)
    return torch.nn.functional.grid_sample(images, grid, mode="bilinear", align_corners=False)


def _matrix(rows: list[list[Tensor]]) -> Tensor:
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def _rotate(images: Tensor, strength: Tensor, sign: Tensor) -> Tensor:
    angle = sign * (LARGEST_DEGREES * strength).floor() * math.pi / 180
    cos, sin = angle.cos(), angle.sin()
    return _affine(images, _matrix([[cos, -sin], [sin, cos]]), torch.zeros_like(_pairs(cos)))


def _shear_x(images: Tensor, strength: Tensor, sign: Tensor) -> Tensor:
    one = torch.ones_like(strength)
    return _affine(images, _matrix([[one, LARGEST_SHEAR * strength * sign], [0 * one, one]]), 0 * _pairs(one))


def _shear_y(images: Tensor, strength: Tensor, sign: Tensor) -> Tensor:
    one = torch.ones_like(strength)
    return _affine(images, _matrix([[one, 0 * one], [LARGEST_SHEAR * strength * sign, one]]), 0 * _pairs(one))


def _translate_x(images: Tensor, strength: Tensor, sign: Tensor) -> Tensor:
    pixels = (images.shape[-1] * LARGEST_SHIFT * strength).floor() * sign
    one = torch.ones_like(strength)
    return _affine(images, _matrix([[one, 0 * one], [0 * one, one]]), torch.stack([pixels, 0 * pixels], dim=1))


def _translate_y(images: Tensor, strength: Tensor, sign: Tensor) -> Tensor:
    pixels = (images.shape[-2] * LARGEST_SHIFT * strength).floor() * sign
    one = torch.ones_like(strength)
    return _affine(images, _matrix([[one, 0 * one], [0 * one, one]]), torch.stack([0 * pixels, pixels], dim=1))


def _enhanced(images: Tensor, plain: Tensor, strength: Tensor) -> Tensor:
    """Return images moved away from a plainer version, or towards it, by a factor 0.1 .. 1.9."""
    factor = (0.1 + LARGEST_FACTOR * strength)[:, None, None, None]
    return (plain + factor * (images - plain)).clamp(0, 1)


def _gray(images: Tensor) -> Tensor:
    """Return the luma of ITU-R 601, one channel."""
    weights = torch.tensor([0.299, 0.587, 0.114], dtype=images.dtype, device=images.device)
    return images if images.shape[1] == 1 else (images * weights[:, None, None]).sum(dim=1, keepdim=True)


def _color(images: Tensor, strength: Tensor, _sign: Tensor) -> Tensor:
    return _enhanced(images, _gray(images), strength)


def _contrast(images: Tensor, strength: Tensor, _sign: Tensor) -> Tensor:
    return _enhanced(images, _gray(images).mean(dim=(1, 2, 3), keepdim=True), strength)


def _brightness(images: Tensor, strength: Tensor, _sign: Tensor) -> Tensor:
    return _enhanced(images, torch.zeros_like(images), strength)


def _sharpness(images: Tensor, strength: Tensor, _sign: Tensor) -> Tensor:
    """Smooth by Pillow's kernel, whose border is the image's own, and move away from that."""
    kernel = torch.ones(3, 3, dtype=images.dtype, device=images.device)
    kernel[1, 1] = 5
    channels = images.shape[1]
    weight = (kernel / kernel.sum()).expand(channels, 1, 3, 3)
    smooth = images.clone()
    smooth[..., 1:-1, 1:-1] = torch.nn.functional.conv2d(images, weight, groups=channels)
    return _enhanced(images, smooth, strength)


def _pairs(values: Tensor) -> Tensor:
    return torch.stack([values, values], dim=1)


# Those of the published code.
OPERATIONS: dict[str, Operation] = {
    "autocontrast": _autocontrast,
    "equalize": _equalize,
    "posterize": _posterize,
    "rotate": _rotate,
    "solarize": _solarize,
    "shear_x": _shear_x,
    "shear_y": _shear_y,
    "translate_x": _translate_x,
    "translate_y": _translate_y,
}
# They resemble corruptions of the benchmark, so a network trained on them is not tested on what it has not seen.
OVERLAPPING: dict[str, Operation] = {
    "color": _color,
    "contrast": _contrast,
    "brightness": _brightness,
    "sharpness": _sharpness,
}
