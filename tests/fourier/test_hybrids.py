"""Masks and hybrids against their formulas, on planes of any size."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from fsens_cli.errors import ConfigError
from fsens_cli.experiments.hybrid_settings import PUBLISHED_GRID
from fsens_cli.fourier.catalog import MASKS
from fsens_cli.fourier.hybrids import low_pass_mask, mix, spectrum, split_image

SIZES = [(32, 32), (31, 31), (30, 31), (17, 24), (4, 9), (2, 2)]


def images(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def exact_mask(height: int, width: int, mixing: str) -> np.ndarray:
    """u^2/H^2 + v^2/W^2 <= (a/2)^2 in exact arithmetic, over the full plane."""
    mask = np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            u, v = (row + height // 2) % height - height // 2, (column + width // 2) % width - width // 2
            radius_squared = Fraction(u * u, height * height) + Fraction(v * v, width * width)
            mask[row, column] = radius_squared <= (Fraction(mixing) / 2) ** 2
    return mask


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mixing", [*(f"{a:g}" for a in PUBLISHED_GRID), "0.2", "0.4", "0.5", "0.3125"])
def test_sharp_mask_is_the_published_one(size: tuple[int, int], mixing: str) -> None:
    expected = exact_mask(*size, mixing)[:, : size[1] // 2 + 1]
    np.testing.assert_array_equal(low_pass_mask("sharp", *size, float(mixing)).numpy(), expected)


@pytest.mark.parametrize("size", [(32, 32), (31, 33), (17, 24)])
@pytest.mark.parametrize("mixing", [0.0, 0.16, 0.42, 1.0])
def test_hybrid_is_the_formula_on_the_full_plane(size: tuple[int, int], mixing: float) -> None:
    low, high = images(2, 3, *size), images(2, 3, *size, seed=1)
    f_y, f_x = np.fft.fftfreq(size[0])[:, None], np.fft.fftfreq(size[1])[None, :]
    mask = np.sqrt(f_y**2 + f_x**2) <= 0.5 * mixing
    expected = np.fft.ifft2(np.fft.fft2(low.numpy()) * mask + np.fft.fft2(high.numpy()) * (1 - mask)).real
    hybrid = mix(spectrum(low), spectrum(high), low_pass_mask("sharp", *size, mixing), size)
    np.testing.assert_allclose(hybrid.numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", MASKS)
def test_low_and_high_part_add_up_to_the_image(name: str, channels: int, size: tuple[int, int]) -> None:
    image = images(channels, *size)
    for mixing in (0.0, 0.3, 1.0):
        mask = low_pass_mask(name, *size, mixing)
        low, high = split_image(image, mask)
        torch.testing.assert_close(low + high, image, atol=1e-12, rtol=0)
        itself = mix(spectrum(image[None]), spectrum(image[None]), mask, size)
        torch.testing.assert_close(itself[0], image, atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", MASKS)
def test_constant_always_comes_from_the_low_image(name: str) -> None:
    low, high = images(1, 1, 9, 12), images(1, 1, 9, 12, seed=1)
    hybrid = mix(spectrum(low), spectrum(high), low_pass_mask(name, 9, 12, 0.0), (9, 12))
    torch.testing.assert_close(hybrid, high - high.mean() + low.mean(), atol=1e-12, rtol=0)


def test_beyond_the_corner_everything_is_low() -> None:
    assert bool((low_pass_mask("sharp", 32, 32, 2**0.5) == 1).all())
    assert not bool((low_pass_mask("sharp", 32, 32, 1.0) == 1).all())  # the corner band stays with the high image


@pytest.mark.parametrize("name", ["gaussian", "butterworth"])
def test_soft_masks_are_one_half_at_the_cutoff_and_fall(name: str) -> None:
    # 0.25 Nyquist is 4 cycles per 32 pixels.
    row = low_pass_mask(name, 32, 32, 0.25)[0]
    assert row[0] == 1
    assert row[4].item() == pytest.approx(0.5)
    assert bool((row.diff() < 0).all())


def test_butterworth_approaches_the_sharp_mask() -> None:
    # 0.21 Nyquist is 3.36 cycles per image; the nearest radii are sqrt(10) and sqrt(13).
    steep = low_pass_mask("butterworth", 32, 32, 0.21, order=32)
    torch.testing.assert_close(steep, low_pass_mask("sharp", 32, 32, 0.21), atol=0.05, rtol=0)


def test_unknown_mask_is_refused() -> None:
    with pytest.raises(ConfigError, match="mask can be sharp, gaussian, butterworth"):
        low_pass_mask("box", 8, 8, 0.5)
