"""Augmentations with a frequency story: APR swaps amplitudes, AFA adds waves, Patch Gaussian adds noise in a square.

Shape letters: N images, C channels, H, W pixels.
"""

import math

import torch
from torch import Tensor

from fsens_cli.data.augmix import one_operation

PAIR_PROBABILITY = 0.6
SINGLE_PROBABILITY = 0.5


def amplitude_phase(amplitude_of: Tensor, phase_of: Tensor) -> Tensor:
    """Return images with the amplitude spectrum of one batch and the phase of another, shape (N, C, H, W), unclipped.

    The transform is over channels, rows and columns together, as published.
    """
    axes = (-3, -2, -1)
    amplitude = torch.fft.fftn(amplitude_of, dim=axes).abs()
    phase = torch.fft.fftn(phase_of, dim=axes).angle()
    return torch.fft.ifftn(torch.polar(amplitude, phase), dim=axes).real


def apr_pair(images_NCHW: Tensor, generator: torch.Generator) -> Tensor:
    """APR-P: with probability 0.6 for the batch, every image's own phase with the amplitude of another one's.

    Chen et al., *Amplitude-Phase Recombination*, ICCV 2021; its loss is CE(clean) + CE(mixed).
    """
    if float(torch.rand((), generator=generator)) >= PAIR_PROBABILITY:
        return images_NCHW
    partner = torch.randperm(len(images_NCHW), generator=generator).to(images_NCHW.device)
    return amplitude_phase(images_NCHW[partner], images_NCHW)


def apr_single(
    images_NCHW: Tensor, generator: torch.Generator, *, severity: float = 3.0, overlapping: bool = False
) -> Tensor:
    """APR-S: one operation of AugMix; then, for half of the images, amplitude or phase from a second version.

    The released code casts complex numbers to bytes, which wraps around; here the real part is clipped to [0, 1].
    """
    first = one_operation(images_NCHW, generator, severity, overlapping)
    second = one_operation(images_NCHW, generator, severity, overlapping)
    draw_N = torch.rand(len(images_NCHW), generator=generator).to(images_NCHW)
    way_N = torch.rand(len(images_NCHW), generator=generator).to(images_NCHW)
    own_phase = (way_N < 0.5)[:, None, None, None]
    mixed = amplitude_phase(torch.where(own_phase, second, first), torch.where(own_phase, first, second)).clamp(0, 1)
    return torch.where((draw_N < SINGLE_PROBABILITY)[:, None, None, None], first, mixed)


def added_waves(images_NCHW: Tensor, generator: torch.Generator, *, strength: float = 5.0) -> Tensor:
    """AFA: a plane wave of random frequency and direction in every channel, clipped to [0, 1].

    ``sin(2 pi f r / N - pi / 4)`` of unit L2 norm, r from the middle of the image, f ~ 1 .. N cycles, the direction
    over a half turn, times N / 32 times a strength ~ Exp(mean).
    Vaish et al., *Fourier-basis functions to bridge augmentation gap*, CVPR 2024.

    Args:
        strength: mean of the exponential distribution.
    """
    n, channels, height, width = images_NCHW.shape
    size = min(height, width)
    shape = (n, channels, 1, 1)
    cycles = 1 + torch.randint(size, shape, generator=generator)
    angle = math.pi * torch.rand(shape, generator=generator)
    length = torch.empty(shape).exponential_(1 / strength, generator=generator)
    cycles, angle, length = (v.to(images_NCHW) for v in (cycles, angle, length))
    y, x = (
        torch.arange(side, device=images_NCHW.device, dtype=images_NCHW.dtype) - (side - 1) / 2
        for side in (height, width)
    )
    along = x * angle.cos() + y[:, None] * angle.sin()
    wave = torch.sin(2 * math.pi * cycles * along / size - math.pi / 4)
    wave = wave / wave.flatten(2).norm(dim=2)[:, :, None, None].clamp_min(1e-12)
    return (images_NCHW + length * (size / 32) * wave).clamp(0, 1)


def patch_gaussian(
    images_NCHW: Tensor, generator: torch.Generator, *, width: int = 25, largest_sd: float = 0.1
) -> Tensor:
    """Patch Gaussian: noise of sd ~ U(0, largest) inside one square around any pixel, clipped to [0, 1].

    Lopes et al., *Improving robustness without sacrificing accuracy with Patch Gaussian augmentation*, 2019.

    Args:
        width: side of the square in pixels; it may stick out of the image.
        largest_sd: on the [0, 1] scale.
    """
    n, _, height, columns = images_NCHW.shape
    row_N = torch.randint(height, (n,), generator=generator)
    column_N = torch.randint(columns, (n,), generator=generator)
    sd_N = largest_sd * torch.rand(n, generator=generator)
    noise = torch.randn(images_NCHW.shape, generator=generator).to(images_NCHW)
    inside_NH = _near(torch.arange(height), row_N, width)
    inside_NW = _near(torch.arange(columns), column_N, width)
    inside = (inside_NH[:, :, None] & inside_NW[:, None, :])[:, None].to(images_NCHW)
    return (images_NCHW + inside * sd_N.to(images_NCHW)[:, None, None, None] * noise).clamp(0, 1)


def _near(positions: Tensor, centre_N: Tensor, width: int) -> Tensor:
    offset = positions[None, :] - (centre_N[:, None] - width // 2)
    return (offset >= 0) & (offset < width)
