"""Elastic transform: a random affine map, then a smooth random displacement.

Shape letters: N images, H, W pixels; three channels.
"""

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from fsens_cli.perturb.corruptions.constants import Constant
from fsens_cli.perturb.corruptions.smoothing import gaussian_blur
from fsens_cli.perturb.keyed_random import ImageDraws


def elastic_transform(images_N3HW: Tensor, constant: Constant, draws: ImageDraws) -> Tensor:
    """Warp; constant: (displacement before smoothing, sd of the smoothing, largest move of the affine map's corners).

    All three in units of the shorter side. The displacement is uniform noise smoothed by a Gaussian of half-width 3 sd.
    """
    height, width = images_N3HW.shape[-2:]
    unit = min(height, width)
    strength, sigma, affine = (unit * part for part in constant)
    shift_N32 = draws.uniform(3, 2).mul(2.0).sub(1.0).mul(affine)
    warped = affine_warp(images_N3HW, shift_N32)
    noise_N2HW = draws.uniform(2, height, width).mul_(2.0).sub_(1.0)
    if strength == 0:
        return warped
    smooth = gaussian_blur(noise_N2HW, sigma, truncate=3.0, boundary="reflect")
    return displace(warped, smooth.mul_(strength))


def affine_warp(images_NCHW: Tensor, shift_N32: Tensor) -> Tensor:
    """Move three corners of a square in the middle by ``shift_N32`` (x, y) in pixels, and the picture with them.

    Beyond the edge the picture goes on as its mirror image, the edge pixel not repeated.
    """
    height, width = images_NCHW.shape[-2:]
    middle = torch.tensor([width // 2, height // 2], dtype=torch.float64)
    half = min(height, width) // 3
    corners = middle + half * torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]], dtype=torch.float64)
    moved_N32 = corners + shift_N32.double().cpu()
    ones = torch.ones(len(moved_N32), 3, 1, dtype=torch.float64)
    # A result pixel looks up its source, so the map wanted leads from the moved corners back.
    back_N32 = torch.linalg.solve(torch.cat([moved_N32, ones], dim=2), corners.expand_as(moved_N32))
    y, x = torch.meshgrid(torch.arange(height).double(), torch.arange(width).double(), indexing="ij")
    pixel_HW3 = torch.stack([x, y, torch.ones_like(x)], dim=-1)
    source_NHW2 = torch.einsum("hwk,nkd->nhwd", pixel_HW3, back_N32).to(images_NCHW)
    scale = torch.tensor([2.0 / max(width - 1, 1), 2.0 / max(height - 1, 1)]).to(images_NCHW)
    return grid_sample(images_NCHW, source_NHW2 * scale - 1, padding_mode="reflection", align_corners=True)


def displace(images_NCHW: Tensor, shift_N2HW: Tensor) -> Tensor:
    """Return the image read at (x, y) + ``shift_N2HW`` (x first, in pixels), mirrored at the edge of the last pixel."""
    height, width = images_NCHW.shape[-2:]
    x = torch.arange(width).to(images_NCHW) + shift_N2HW[:, 0]
    y = torch.arange(height).to(images_NCHW)[:, None] + shift_N2HW[:, 1]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    return grid_sample(images_NCHW, grid, padding_mode="reflection", align_corners=False)
