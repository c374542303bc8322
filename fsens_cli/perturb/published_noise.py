"""The stimuli of critical-band masking as they were published: gray pictures of low contrast in pyramid-filtered noise.

Subramanian, Sizikova, Majaj and Pelli, *Spatial-frequency channels, shape bias, and adversarial robustness*, NeurIPS
2023 (arXiv 2309.13190), by their public code. What the code does and a reader would not guess: a band of a Laplacian
pyramid is neither sharp nor where its nominal frequency says, and at pixels out of range the picture is moved, not the
sum clipped.

Shape letters: N images, C channels, H, W pixels.
"""

import torch
from torch import Tensor

from fsens_cli.fourier.pyramid import num_levels, one_level
from fsens_cli.perturb.corruptions.digital import jpeg_compression
from fsens_cli.perturb.keyed_random import ImageDraws

CONTRAST, MEAN = 0.2, 0.449
INSIDE = 0.1  # how far inside the range a moved pixel ends
LUMA = (0.299, 0.587, 0.114)
JPEG_QUALITY = 75  # of Pillow and torchvision where none is given


def gray(images_NCHW: Tensor) -> Tensor:
    """Return luma (ITU-R 601; the mean where there are not three channels) copied to all channels."""
    channels = images_NCHW.shape[1]
    weight = images_NCHW.new_tensor(LUMA if channels == 3 else [1 / channels] * channels)
    return torch.einsum("nchw,c->nhw", images_NCHW, weight)[:, None].expand_as(images_NCHW)


def lower_contrast(images_NCHW: Tensor, contrast: float, *, mean: float | None = None) -> Tensor:
    """Return ``contrast`` times each image's departure from its own mean, around that mean or around ``mean``."""
    own = images_NCHW.mean(dim=(1, 2, 3), keepdim=True)
    return (images_NCHW - own) * contrast + (own if mean is None else mean)


def pyramid_noise(size: tuple[int, int], band: int, sd: float, *, index_N: Tensor, seed: int) -> Tensor:
    """Return noise of one band, shape (N, H, W): band 0 is the low-pass residual, the last one the finest level.

    White Gaussian noise of standard deviation ``sd`` is taken apart; the band is rescaled to the root mean square of
    the finest one (about 0.944 sd).
    """
    white = sd * ImageDraws("published-noise", seed, index_N, index_N.device).normal(*size)
    finest = one_level(white, 0)
    chosen = one_level(white, num_levels(*size) - 1 - band)
    return chosen * (_rms(finest) / _rms(chosen).clamp_min(1e-30))


def _rms(planes_NHW: Tensor) -> Tensor:
    return planes_NHW.square().mean(dim=(-2, -1), keepdim=True).sqrt()


def keep_in_range(plane_NHW: Tensor, noise_NHW: Tensor, sd: float, draws: ImageDraws) -> Tensor:
    """Return the sum with every pixel in [0, 1], shape (N, H, W).

    Where the sum leaves the range, the *picture* is moved until the sum is 0.1 inside. Where the picture would then
    leave the range itself, its noise is drawn anew, white and normal of standard deviation ``sd``, until the sum fits.
    """
    total = plane_NHW + noise_NHW
    low, high = total < 0, total > 1
    moved = torch.where(low, INSIDE - noise_NHW, torch.where(high, 1 - INSIDE - noise_NHW, plane_NHW))
    redrawn = (low & (moved > 1)) | (high & (moved < 0))
    if not bool(redrawn.any()):
        return torch.where(low | high, moved + noise_NHW, total).clamp(0, 1)
    # Drawing until it fits is drawing from the truncated normal, which its inverse distribution does at once.
    below = torch.special.ndtr(-plane_NHW.double() / sd)
    above = torch.special.ndtr((1 - plane_NHW.double()) / sd)
    u = draws.uniform(*plane_NHW.shape[1:]).double()
    fresh = sd * torch.special.ndtri(below + (above - below) * u)
    return torch.where(redrawn, plane_NHW + fresh.to(plane_NHW), moved + noise_NHW).clamp(0, 1)


def published_stimuli(images_NCHW: Tensor, band: int, sd: float, *, index_N: Tensor, seed: int) -> Tensor:
    """Return the images as the published experiment showed them, through 8 bits and JPEG, (N, C, H, W) in [0, 1].

    ``sd`` 0 is the gray picture of low contrast without noise.
    """
    plane = lower_contrast(gray(images_NCHW), CONTRAST, mean=MEAN)[:, 0]
    draws = ImageDraws("published-noise/again", seed, index_N, images_NCHW.device)
    if sd > 0:
        size = (plane.shape[-2], plane.shape[-1])
        noise = pyramid_noise(size, band, sd, index_N=index_N.to(plane.device), seed=seed)
        plane = keep_in_range(plane, noise.to(plane), sd, draws)
    rgb = plane[:, None].expand(-1, 3, -1, -1)
    stored = jpeg_compression(rgb, (float(JPEG_QUALITY),), draws)
    return stored if images_NCHW.shape[1] == 3 else stored[:, :1].expand_as(images_NCHW)
