"""The frequencies of a perturbation, and the radius below which half of its power lies.

Definitions: Li et al., PLoS Comput Biol 19(3) e1010932 (2023). Radii here are exact, one for every distance that occurs
in the plane; nothing is binned.
Shape letters: N images, C channels, H, W pixels, F columns of the half plane, K exact radii, R rows.
"""

from functools import lru_cache

import torch
from torch import Tensor

from fsens_cli.fourier.bins import hermitian_weight, radius_grid
from fsens_cli.fourier.layout import unrepeated

# Radii that are equal on paper differ in the last digits.
DIGITS = 9

# Rounding of images in [0, 1] stays below this many units in the last place of 1.
ROUNDING = 16


def perturbation_power(delta_NCHW: Tensor) -> Tensor:
    """Return |DFT|^2 of each perturbation, averaged over its channels, shape (N, H, F), float64; unitary transform.

    Each channel's mean is removed, so the constant is 0. What is left of a perturbation that is the same in every pixel
    is rounding, of the images and of the perturbation: no power.

    >>> wave = torch.cos(2 * torch.pi * 3 * torch.arange(32) / 32).expand(1, 3, 32, 32)
    >>> power = perturbation_power(wave)
    >>> int(power.flatten().argmax()), round(float(power.sum()), 3)
    (3, 256.0)
    """
    coefficient = torch.fft.rfft2(unrepeated(delta_NCHW).double(), norm="ortho")
    power = coefficient.abs().square().mean(dim=1)
    power[:, 0, 0] = 0.0
    height, width = delta_NCHW.shape[-2:]
    whole_N = delta_NCHW.double().square().mean(dim=1).sum(dim=(1, 2))
    rounding_N = (ROUNDING * torch.finfo(delta_NCHW.dtype).eps) ** 2 * (height * width + whole_N)
    left_N = (power * hermitian_weight(height, width)).sum(dim=(1, 2))
    return torch.where((left_N > rounding_N)[:, None, None], power, torch.zeros_like(power))


@lru_cache(maxsize=16)
def exact_radii(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return (radius_K in cycles per pixel, ascending, index_HF): every radius of the plane and each cell's place.

    >>> radius, _ = exact_radii(4, 4)
    >>> [round(r, 3) for r in radius.tolist()]
    [0.0, 0.25, 0.354, 0.5, 0.559, 0.707]
    """
    radius_HF = (radius_grid(height, width, half=True) * 10**DIGITS).round() / 10**DIGITS
    radius_K, index = radius_HF.flatten().unique(return_inverse=True)
    return radius_K, index.reshape(radius_HF.shape)


def energy_by_radius(power_NHF: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the power of the whole plane at each exact radius, shape (N, K), float64."""
    radius_K, index_HF = exact_radii(*size)
    weighted = (power_NHF.double() * hermitian_weight(*size)).flatten(1)
    return torch.zeros(len(weighted), len(radius_K), dtype=torch.float64).index_add_(1, index_HF.flatten(), weighted)


def cumulative_share(energy_RK: Tensor) -> Tensor:
    """Return R(f), the share of the power at radii up to f, shape (R, K); NaN for a row without power."""
    return energy_RK.cumsum(dim=-1) / energy_RK.sum(dim=-1, keepdim=True)


def half_power_frequency(energy_RK: Tensor, radius_K: Tensor) -> Tensor:
    """Return f_0.5 in cycles per pixel: the smallest radius up to which at least half of the power lies, shape (R,).

    NaN for a row without power. A white perturbation has sqrt(.5 / pi) = .399; a single sinusoid of k cycles per image
    side N has k / N.

    >>> radius, _ = exact_radii(64, 64)
    >>> white = energy_by_radius(torch.ones(1, 64, 33), (64, 64))
    >>> round(float(half_power_frequency(white, radius)), 3)
    0.398
    """
    share_RK = cumulative_share(energy_RK)
    # Rounding must not move a share of exactly one half.
    first_R = (share_RK >= 0.5 - 1e-12).int().argmax(dim=-1)
    return torch.where(share_RK[..., -1].isfinite(), radius_K[first_R], torch.nan)
