"""Blurs: defocus, frosted glass, motion, zoom, Gaussian.

Shape letters: N images, H, W pixels; three channels.
"""

from functools import lru_cache
from math import ceil

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from fsens_cli.perturb.corruptions import smoothing
from fsens_cli.perturb.corruptions.constants import Constant
from fsens_cli.perturb.corruptions.levels import level_below
from fsens_cli.perturb.keyed_random import ImageDraws


def gaussian_blur(images_N3HW: Tensor, constant: Constant, draws: ImageDraws) -> Tensor:
    """Blur by a Gaussian of half-width 4 sd; constant: (sd in pixels,)."""
    del draws
    return smoothing.gaussian_blur(images_N3HW, constant[0])


def defocus_blur(images_N3HW: Tensor, constant: Constant, draws: ImageDraws) -> Tensor:
    """Blur by a disk with softened edge; constant: (radius, sd of the softening) in pixels."""
    del draws
    return smoothing.correlate(images_N3HW, soft_disk(*constant))


@lru_cache(maxsize=16)
def soft_disk(radius: float, softening: float) -> Tensor:
    """Return the kernel: whole pixels within the radius, then a Gaussian of 3 taps (5 above radius 8), sum 1.

    >>> soft_disk(0.3, 0.4).shape, round(float(soft_disk(3.0, 0.1).sum()), 6)
    (torch.Size([3, 3]), 1.0)
    """
    soft = 2 if radius > 8 else 1
    half = max(8, int(radius))
    offset = np.arange(-half, half + 1)
    disk = (offset[:, None] ** 2 + offset[None, :] ** 2 <= radius**2).astype(np.float64)
    tap = np.exp(-0.5 * (np.arange(-soft, soft + 1) / softening) ** 2)
    tap /= tap.sum()
    # What the softening carries over the edge of the published array of 17 (21) pixels comes back, mirrored.
    wide = pad(torch.from_numpy(disk / disk.sum())[None, None], (soft, soft, soft, soft), mode="reflect")
    kernel = torch.nn.functional.conv2d(wide, torch.from_numpy(np.outer(tap, tap))[None, None])[0, 0].float()
    margin = half - min(half, int(radius) + soft)
    return kernel[margin : 2 * half + 1 - margin, margin : 2 * half + 1 - margin]


def motion_blur(images_N3HW: Tensor, constant: Constant, draws: ImageDraws) -> Tensor:
    """Smear along a direction of its own for each image, -45 to 45 degrees; constant: (radius, sd) in pixels."""
    radius, sigma = constant
    angle_N = draws.uniform().mul(90.0).sub(45.0)
    return smoothing.motion_blur(images_N3HW, radius, sigma, angle_N)


def zoom_blur(images_N3HW: Tensor, constant: Constant, draws: ImageDraws) -> Tensor:
    """Average the image and its enlargements; constant: (end of the range from 1, step) of the factors."""
    del draws
    stop, step = constant
    # The published ranges end where numpy's rounding lets them end, so they are made by the same rule.
    factors = np.arange(1, stop, step).tolist()
    total = images_N3HW.clone()
    for factor in factors:
        total += clipped_zoom(images_N3HW, factor)
    return total / (len(factors) + 1)


def clipped_zoom(images_NCHW: Tensor, factor: float) -> Tensor:
    """Enlarge the middle by ``factor``, bilinear with corners on corners, and cut it to the same size."""
    size = images_NCHW.shape[-2:]
    crop = [ceil(side / factor) for side in size]
    top, left = ((side - part) // 2 for side, part in zip(size, crop, strict=True))
    middle = images_NCHW[..., top : top + crop[0], left : left + crop[1]]
    grown = [round(part * factor) for part in crop]
    large = interpolate(middle, size=grown, mode="bilinear", align_corners=True)
    top, left = ((part - side) // 2 for side, part in zip(size, grown, strict=True))
    return large[..., top : top + size[0], left : left + size[1]]


def glass_blur(images_N3HW: Tensor, constant: Constant, draws: ImageDraws) -> Tensor:
    """Blur, move pixels about in their neighbourhood, blur again; constant: (sd, reach in pixels, rounds)."""
    sigma, reach, rounds = constant[0], int(constant[1]), int(constant[2])
    moved = level_below(smoothing.gaussian_blur(images_N3HW, sigma)).div_(255.0)
    height, width = moved.shape[-2:]
    for _ in range(rounds):
        offset_N2HW = draws.below(2 * reach, 2, height, width) - reach
        moved = scatter_once(moved, offset_N2HW, reach)
    return smoothing.gaussian_blur(moved, sigma)


def scatter_once(images_NCHW: Tensor, offset_N2HW: Tensor, reach: int) -> Tensor:
    """Replace pixel by pixel, from the lower right to the upper left, each by what stands at its offset by then.

    The published code means to swap the two pixels, but its arrays are views, so the second assignment copies back what
    the first one wrote: it replaces. A pixel whose offset leads to one replaced before takes what that one has become,
    and so on. Such chains are followed for all pixels at once: pointers are doubled until all of them
    end at an original.

    Args:
        offset_N2HW: (across, down) from -reach to reach - 1; unused where ``reach`` of the upper and left edge and
            ``reach - 1`` of the others are out of bounds.
    """
    num_images, channels, height, width = images_NCHW.shape
    device = images_NCHW.device
    row = torch.arange(height, device=device)[:, None]
    column = torch.arange(width, device=device)[None, :]
    own = row * width + column
    inside = (row > reach) & (row <= height - reach) & (column > reach) & (column <= width - reach)
    offset = offset_N2HW * inside
    target = own + offset[:, 1] * width + offset[:, 0]
    # Node p is what pixel p becomes, node H W + p what it was. Later in reading order means replaced before.
    target_row = row + offset[:, 1]
    target_column = column + offset[:, 0]
    replaced = (target_row > reach) & (target_row <= height - reach)
    replaced &= (target_column > reach) & (target_column <= width - reach)
    area = height * width
    pointer = torch.where((target > own) & replaced, target, target + area).reshape(num_images, area)
    while bool((waiting := pointer < area).any()):
        pointer = torch.where(waiting, pointer.gather(1, pointer.clamp_max(area - 1)), pointer)
    source = (pointer[:, None] - area).expand(-1, channels, -1)
    return images_NCHW.reshape(num_images, channels, area).gather(2, source).reshape(images_NCHW.shape)
