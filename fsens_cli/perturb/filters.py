"""Band-limited test images: what is left of a picture in a range of frequencies.

Cutoffs are radii in cycles per image (per the shorter side), measured along sqrt(f_y^2 + f_x^2); masks are sharp. The
constant is always kept, so every image keeps the mean of each of its channels until it is clipped to [0, 1].

Shape letters: N images, C channels, H, W pixels, F columns of the half plane.
"""

import math

import torch
from torch import Tensor

from fsens_cli.errors import require
from fsens_cli.fourier.bins import radius_grid
from fsens_cli.fourier.hybrids import TIE, spectrum


def low_pass(images_NCHW: Tensor, cutoff: float, *, clip: bool = True) -> Tensor:
    """Keep the radii up to and including ``cutoff`` cycles per image; 0 leaves the mean alone."""
    return _keep(images_NCHW, 0.0, cutoff, clip)


def high_pass(images_NCHW: Tensor, cutoff: float, *, clip: bool = True) -> Tensor:
    """Keep the radii above ``cutoff`` cycles per image: all that ``low_pass`` leaves out, and the mean."""
    return _keep(images_NCHW, cutoff, math.inf, clip)


def band_pass(images_NCHW: Tensor, low: float, high: float, *, clip: bool = True) -> Tensor:
    """Keep the radii above ``low`` up to and including ``high`` cycles per image, so that bands add up to the image."""
    require(low < high, f"the band from {low:g} to {high:g} cycles/image is empty: give LOW < HIGH.")
    return _keep(images_NCHW, low, high, clip)


def _keep(images_NCHW: Tensor, low: float, high: float, clip: bool) -> Tensor:
    cutoff = high if math.isfinite(high) else low
    require(min(low, cutoff) >= 0, f"cutoff={min(low, cutoff):g}: a radius in cycles/image, not negative.")
    height, width = images_NCHW.shape[-2:]
    kept_HF = band_of_radii(height, width, low, high).to(images_NCHW.device)
    filtered: Tensor = torch.fft.irfft2(spectrum(images_NCHW) * kept_HF, s=(height, width))
    return filtered.clamp(0, 1) if clip else filtered


def band_of_radii(height: int, width: int, low: float, high: float) -> Tensor:
    """Return True for the constant and for the radii low < r <= high in cycles per image, shape (H, F).

    >>> band_of_radii(4, 4, 0, 1).int().tolist()
    [[1, 1, 0], [1, 0, 0], [0, 0, 0], [1, 0, 0]]
    """
    radius_HF = min(height, width) * radius_grid(height, width, half=True)
    kept = (radius_HF > low + TIE) & (radius_HF <= high + TIE)
    kept[0, 0] = True
    return kept
