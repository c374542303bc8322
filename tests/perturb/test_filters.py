"""Band-limited images: what is kept, what is not, and what the bands add up to."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from fsens_cli.errors import ConfigError
from fsens_cli.perturb.filters import band_pass, high_pass, low_pass

SIZES = [(32, 32), (31, 31), (24, 40), (33, 20)]


def wave(radius_y: int, radius_x: int, size: int = 32) -> Tensor:
    at = torch.arange(size, dtype=torch.float64) / size
    plane = 0.5 + 0.3 * torch.cos(2 * math.pi * (radius_y * at[:, None] + radius_x * at[None, :]) + 0.7)
    return plane.expand(1, 3, size, size)


def test_a_wave_passes_up_to_its_own_radius() -> None:
    image = wave(3, 4)  # radius 5
    flat = torch.full_like(image, 0.5)
    for cutoff, kept in ((4.99, False), (5, True), (5.01, True)):
        torch.testing.assert_close(low_pass(image, cutoff), image if kept else flat)
        torch.testing.assert_close(high_pass(image, cutoff), flat if kept else image)
    torch.testing.assert_close(band_pass(image, 4, 5), image)
    torch.testing.assert_close(band_pass(image, 5, 6), flat)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_bands_add_up_to_the_image_and_keep_its_mean(size: tuple[int, int]) -> None:
    images = torch.rand(2, 3, *size, dtype=torch.float64)
    mean = images.mean(dim=(2, 3), keepdim=True)
    edges = [0, 3, 7.5, 100]
    bands = [band_pass(images, a, b, clip=False) for a, b in pairwise(edges)]
    for band in bands:
        torch.testing.assert_close(band.mean(dim=(2, 3), keepdim=True), mean)
    torch.testing.assert_close(sum(band - mean for band in bands) + mean, images)
    torch.testing.assert_close(low_pass(images, 6, clip=False) + high_pass(images, 6, clip=False) - mean, images)


def test_extreme_cutoffs() -> None:
    images = torch.rand(2, 1, 32, 32)
    mean = images.mean(dim=(2, 3), keepdim=True).expand_as(images)
    torch.testing.assert_close(low_pass(images, 0), mean)
    torch.testing.assert_close(high_pass(images, 23), mean)
    torch.testing.assert_close(low_pass(images, 23), images)
    torch.testing.assert_close(high_pass(images, 0), images)


def test_the_radius_is_in_cycles_per_the_shorter_side() -> None:
    at = torch.arange(64, dtype=torch.float64) / 64
    # 8 cycles across 64 pixels are 4 per 32, the shorter side.
    image = (0.5 + 0.3 * torch.cos(2 * math.pi * 8 * at)).expand(1, 1, 32, 64)
    torch.testing.assert_close(low_pass(image, 4), image)
    torch.testing.assert_close(low_pass(image, 3.9), torch.full_like(image, 0.5))


def test_clipping_is_optional() -> None:
    images = (torch.rand(2, 3, 32, 32) > 0.5).float()
    unclipped = low_pass(images, 8, clip=False)
    assert float(unclipped.max()) > 1
    torch.testing.assert_close(low_pass(images, 8), unclipped.clamp(0, 1))


def test_impossible_bands_are_refused() -> None:
    images = torch.rand(1, 3, 8, 8)
    for low, high in ((4, 4), (5, 3)):
        with pytest.raises(ConfigError, match="is empty: give LOW < HIGH"):
            band_pass(images, low, high)
    for bad in (lambda: low_pass(images, -1), lambda: high_pass(images, -0.5), lambda: band_pass(images, -1, 3)):
        with pytest.raises(ConfigError, match="not negative"):
            bad()
