"""How the power of an input gradient is spread over frequencies.

Equations: Krishnamachari, Ng, Foo, *Fourier Sensitivity and Regularization of Computer Vision Models*, TMLR 2022.
Shape letters: N images, C channels, H, W pixels, F columns of the half plane, K radial bins.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from fsens_cli.errors import require_one_of
from fsens_cli.fourier.bases import Basis
from fsens_cli.fourier.bins import radial_sum, spectral_share
from fsens_cli.fourier.catalog import CHANNEL_REDUCTIONS


def rescale_each(grad_NCHW: Tensor) -> tuple[Tensor, Tensor]:
    """Divide each image's gradient by its largest magnitude, so that squares neither underflow nor overflow.

    Returns the scaled gradient and the divisor of each image, shape (N,); an all-zero gradient keeps divisor 1.
    The divisor counts as a constant for differentiation: shares do not depend on it.
    """
    flat = grad_NCHW.detach().flatten(1)
    largest = torch.maximum(flat.amax(dim=1), -flat.amin(dim=1))
    divisor = torch.where(largest > 0, largest, torch.ones_like(largest))
    return grad_NCHW / divisor[:, None, None, None], divisor


def gradient_power(grad_NCHW: Tensor, basis: Basis, channels: str) -> Tensor:
    """Return the power of the gradient's coefficients, shape (N, H, F).

    ``channels="mean"`` averages the gradient over C first (the published definition, in which opposite signs in
    different channels cancel); ``"power"`` sums the power of the channels (nothing cancels).
    """
    require_one_of("channels", channels, CHANNEL_REDUCTIONS)
    if channels == "mean":
        return basis.power(grad_NCHW.mean(dim=1))
    power = basis.power(grad_NCHW.flatten(0, 1))
    return power.reshape(*grad_NCHW.shape[:2], *power.shape[1:]).sum(dim=1)


def rounding_power(grad_NCHW: Tensor) -> Tensor:
    """Return how much of a gradient's power outside the constant rounding alone may be, shape (N,), float64.

    A gradient that is the same in every pixel, of a model that sees brightness alone, leaves no more.
    """
    power_N = grad_NCHW.square().sum(dim=(1, 2, 3), dtype=torch.float64)
    return (16 * torch.finfo(grad_NCHW.dtype).eps) ** 2 * power_N


def without_rounding(energy_NK: Tensor, scaled_NCHW: Tensor) -> Tensor:
    """Return the energy by radius, rows of 0 where no more of it lies outside the constant than rounding leaves."""
    total_N = energy_NK[:, 1:].sum(dim=1, dtype=torch.float64)
    told_N1 = (total_N > rounding_power(scaled_NCHW))[:, None]
    return torch.where(told_N1, energy_NK, torch.zeros_like(energy_NK))


class GradientEnergy(NamedTuple):
    """An image's gradient by frequency: scaled, its divisor (N,), power of each cell (N, H, F) and radius (N, K)."""

    scaled_NCHW: Tensor
    divisor_N: Tensor
    power_NHF: Tensor
    energy_NK: Tensor


def gradient_energy(grad_NCHW: Tensor, basis: Basis, channels: str) -> GradientEnergy:
    """Return the power of each gradient, scaled to a largest magnitude of 1, summed over each radius; differentiable.

    Measurement and penalty both start here.
    """
    scaled, divisor = rescale_each(grad_NCHW)
    power = gradient_power(scaled, basis, channels)
    return GradientEnergy(scaled, divisor, power, radial_sum(power, basis.bins.to(power.device)))


def sensitivity_share(grad_NCHW: Tensor, basis: Basis, channels: str = "mean") -> Tensor:
    """Return the spatial-frequency sensitivity SFS(r) of each image, shape (N, K); rows sum to 1, bin 0 is 0.

    Power is summed over each radius, the constant is dropped, then each image is divided by its own total.
    Differentiable. A gradient of zeros, or of one value in all pixels up to rounding, gives a row of zeros.

    >>> from fsens_cli.fourier.bases import fourier_basis
    >>> x = torch.arange(32.0)
    >>> wave = torch.cos(2 * torch.pi * (3 * x[:, None] + 4 * x[None, :]) / 32)
    >>> share = sensitivity_share(wave.expand(1, 3, 32, 32), fourier_basis(32, 32))
    >>> round(float(share[0, 5]), 6)
    1.0
    """
    energy = gradient_energy(grad_NCHW, basis, channels)
    return spectral_share(without_rounding(energy.energy_NK, energy.scaled_NCHW.detach()))


def full_plane(half_NHF: Tensor, width: int) -> Tensor:
    """Complete the half plane of a real image's power by its mirror image, shape (N, H, W), the constant at [0, 0]."""
    half_width = half_NHF.shape[-1]
    mirrored_columns = half_NHF[..., 1 : width - half_width + 1].flip(-1)
    # Row v of the mirror image is row -v: index 0 stays, the rest turn round.
    mirrored = torch.cat([mirrored_columns[:, :1], mirrored_columns[:, 1:].flip(1)], dim=1)
    return torch.cat([half_NHF, mirrored], dim=-1)
