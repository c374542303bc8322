"""Gabor energy of images: a stand-in for the complex cells of primary visual cortex.

Shape letters: N images, H, W pixels, F filters (frequencies times orientations), P places after pooling.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

NUM_ORIENTATIONS = 8
FREQUENCIES = (1 / 16, 1 / 8, 1 / 4)
# In octaves, at half amplitude. Eight orientations of one octave leave a ripple of 1.2 % in the power over angles:
# 2 exp(-2 (8 s)^2), s = 1 / (sqrt(8) pi sigma f) the spread of a filter's power over angles. At 1.03 it is below 1 %.
BANDWIDTH = 1.03
# Of the Gaussian envelope of a filter of that bandwidth, times its frequency: 0.547 (0.562 for one octave).
SIGMA_TIMES_FREQUENCY = math.sqrt(math.log(2) / 2) / math.pi * (2**BANDWIDTH + 1) / (2**BANDWIDTH - 1)
NORMALISATION_SD = 4.0
SEMI_SATURATION = 0.1
POOLED = 8


def gabor_pair(frequency: float, angle: float, largest: int) -> tuple[Tensor, Tensor]:
    """Return an even and an odd Gabor filter, both of unit L2 norm and shape (2 h + 1, 2 h + 1).

    Neither answers to a constant. The envelope is cut at 3.5 standard deviations: at 2.5 the two differ so that the
    energy of a grating depends on its phase by 1 %, here by less than 0.1 %.

    Args:
        frequency: of the carrier in cycles per pixel.
        angle: of its wave vector, radians.
        largest: h is at most this.

    >>> even, odd = gabor_pair(0.25, 0.0, 31)
    >>> even.shape, abs(round(float(even.sum()), 6)), round(float(odd.norm()), 6)
    (torch.Size([17, 17]), 0.0, 1.0)
    """
    sigma = SIGMA_TIMES_FREQUENCY / frequency
    half = min(math.ceil(3.5 * sigma), largest)
    y, x = torch.meshgrid(*[torch.arange(-half, half + 1, dtype=torch.float64)] * 2, indexing="ij")
    envelope = torch.exp(-(x.square() + y.square()) / (2 * sigma**2))
    phase = 2 * math.pi * frequency * (x * math.cos(angle) + y * math.sin(angle))
    even = envelope * torch.cos(phase)
    even = even - envelope * (even.sum() / envelope.sum())
    odd = envelope * torch.sin(phase)
    return even / even.norm(), odd / odd.norm()


def gabor_energy(gray_NHW: Tensor, frequencies: Sequence[float] = FREQUENCIES) -> Tensor:
    """Return ``even^2 + odd^2`` of every filter at every pixel, shape (N, F, H, W); borders are reflected.

    Filters are ordered by frequency, then by orientation ``k * pi / 8``.
    """
    height, width = gray_NHW.shape[-2:]
    largest = min(height, width) - 1
    energy = []
    for frequency in frequencies:
        pairs = [gabor_pair(frequency, k * math.pi / NUM_ORIENTATIONS, largest) for k in range(NUM_ORIENTATIONS)]
        bank = torch.stack([each for pair in pairs for each in pair])[:, None].to(gray_NHW)
        half = bank.shape[-1] // 2
        padded = torch.nn.functional.pad(gray_NHW[:, None], (half, half, half, half), mode="reflect")
        answers = torch.nn.functional.conv2d(padded, bank)
        energy.append(answers.square().unflatten(1, (NUM_ORIENTATIONS, 2)).sum(dim=2))
    return torch.cat(energy, dim=1)


def gabor_features(gray_NHW: Tensor, frequencies: Sequence[float] = FREQUENCIES, *, chunk: int = 256) -> Tensor:
    """Return normalised Gabor responses averaged over 8 x 8 places, shape (N, F * P), for a whole set of images.

    ``R = sqrt(E / (s0 + G * sum_F E))``, G a Gaussian of 4 pixels, s0 a tenth of the set's mean of that local sum:
    divisive normalisation, so that contrast does not decide.

    Args:
        gray_NHW: the set; s0 depends on all of it.
        frequencies: in cycles per pixel; for 224 pixels add 1/32.
        chunk: images at a time.
    """
    parts = gray_NHW.split(chunk)
    # Energies are computed twice rather than kept: they are as many times larger than the images as there are filters.
    means = [_smoothed(gabor_energy(part, frequencies).sum(dim=1)).mean(dim=(1, 2)) for part in parts]
    s0 = SEMI_SATURATION * torch.cat(means).mean()
    return torch.cat([_pooled(gabor_energy(part, frequencies), s0) for part in parts])


def _pooled(energy_NFHW: Tensor, s0: Tensor) -> Tensor:
    local_NHW = _smoothed(energy_NFHW.sum(dim=1))
    response = (energy_NFHW / (s0 + local_NHW[:, None])).sqrt()
    return torch.nn.functional.adaptive_avg_pool2d(response, POOLED).flatten(1)


def _smoothed(map_NHW: Tensor) -> Tensor:
    """Return the map blurred by a Gaussian of 4 pixels, borders reflected, its mean weight 1."""
    half = min(math.ceil(3 * NORMALISATION_SD), min(map_NHW.shape[-2:]) - 1)
    x = torch.arange(-half, half + 1, dtype=map_NHW.dtype, device=map_NHW.device)
    kernel = torch.exp(-x.square() / (2 * NORMALISATION_SD**2))
    kernel = kernel / kernel.sum()
    padded = torch.nn.functional.pad(map_NHW[:, None], (half, half, half, half), mode="reflect")
    down = torch.nn.functional.conv2d(padded, kernel.reshape(1, 1, -1, 1))
    return torch.nn.functional.conv2d(down, kernel.reshape(1, 1, 1, -1))[:, 0]
