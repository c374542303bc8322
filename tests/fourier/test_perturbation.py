"""Spectra of perturbations and f_0.5 against closed forms."""

import math

import pytest
import torch

from fsens_cli.fourier.perturbation import (
    cumulative_share,
    energy_by_radius,
    exact_radii,
    half_power_frequency,
    perturbation_power,
)


def half_power(delta: torch.Tensor) -> float:
    size = (delta.shape[-2], delta.shape[-1])
    radius_K, _ = exact_radii(*size)
    energy = energy_by_radius(perturbation_power(delta), size)
    return float(half_power_frequency(energy.sum(dim=0), radius_K))


def test_white_noise(random: torch.Generator) -> None:
    delta = torch.randn(60, 3, 64, 64, generator=random)
    assert half_power(delta) == pytest.approx(math.sqrt(0.5 / math.pi), abs=0.006)


@pytest.mark.parametrize(("v", "u"), [(0, 3), (5, 0), (7, 11), (-4, 9), (16, 16)])
def test_one_sinusoid(v: int, u: int) -> None:
    y, x = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    wave = torch.cos(2 * torch.pi * ((v * y + u * x) % 32) / 32 + 0.3).expand(1, 3, 32, 32)
    assert half_power(wave) == pytest.approx(math.hypot(v, u) / 32, abs=1e-9)


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0])
def test_white_weights_behind_a_gaussian(sigma: float, random: torch.Generator) -> None:
    """Power |H|^2 = exp(-4 pi^2 sigma^2 f^2): half of it lies below sqrt(ln 2) / (2 pi sigma) = .1325 / sigma."""
    size = 256
    f = torch.fft.fftfreq(size, dtype=torch.float64)
    transfer = torch.exp(-2 * (math.pi * sigma) ** 2 * (f[:, None] ** 2 + f[None, :] ** 2))
    delta = torch.fft.ifft2(torch.fft.fft2(torch.randn(20, 1, size, size, generator=random)) * transfer).real
    expected = math.sqrt(math.log(2)) / (2 * math.pi * sigma)
    assert expected == pytest.approx(0.1325 / sigma, rel=1e-3)
    assert half_power(delta) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("size", [(32, 32), (31, 31), (16, 20), (9, 14)])
def test_power_is_the_plain_transforms(size: tuple[int, int], random: torch.Generator) -> None:
    delta = torch.randn(3, 2, *size, generator=random, dtype=torch.float64) + 5
    full = torch.fft.fft2(delta - delta.mean(dim=(2, 3), keepdim=True), norm="ortho").abs().square().mean(dim=1)
    energy = energy_by_radius(perturbation_power(delta), size)
    torch.testing.assert_close(energy.sum(dim=1), full.sum(dim=(1, 2)))
    radius_K, _ = exact_radii(*size)
    fy, fx = torch.fft.fftfreq(size[0], dtype=torch.float64), torch.fft.fftfreq(size[1], dtype=torch.float64)
    radius = torch.sqrt(fy[:, None] ** 2 + fx[None, :] ** 2)
    for k in range(len(radius_K)):
        cells = (radius - radius_K[k]).abs() < 1e-8
        torch.testing.assert_close(energy[:, k], (full * cells).sum(dim=(1, 2)), rtol=1e-9, atol=1e-12)


def test_radii_are_all_different() -> None:
    radius_K, index_HF = exact_radii(32, 32)
    assert bool((radius_K.diff() > 1e-6).all())
    assert radius_K[0] == 0
    assert float(radius_K[-1]) == pytest.approx(math.sqrt(0.5))
    assert int(index_HF.max()) == len(radius_K) - 1


def test_nothing_has_no_half() -> None:
    radius_K, _ = exact_radii(8, 8)
    energy = energy_by_radius(perturbation_power(torch.full((1, 3, 8, 8), 0.2)), (8, 8))
    assert math.isnan(float(half_power_frequency(energy, radius_K)[0]))


def test_share_rises_to_one(random: torch.Generator) -> None:
    energy = energy_by_radius(perturbation_power(torch.randn(2, 3, 12, 12, generator=random)), (12, 12))
    share = cumulative_share(energy)
    assert bool((share.diff(dim=1) >= 0).all())
    torch.testing.assert_close(share[:, -1], torch.ones(2, dtype=torch.float64))
