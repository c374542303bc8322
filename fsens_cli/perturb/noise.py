"""Additive and replacing noise at any strength: Gaussian, uniform, salt and pepper.

The corruptions' noises have five fixed severities; these have one free parameter. The result is clipped to [0, 1] and
not rounded. The numbers of an image depend on (seed, kind of noise, its index) alone, so the strengths of one sweep
share one noise pattern.

Shape letters: N images, C channels, H, W pixels.
"""

import torch
from torch import Tensor

from fsens_cli.errors import require
from fsens_cli.perturb.keyed_random import ImageDraws


def gaussian_noise(images_NCHW: Tensor, sd: float, *, index_N: Tensor, seed: int) -> Tensor:
    """Add independent normal noise of standard deviation ``sd`` to every value."""
    require(sd >= 0, f"sd={sd}: the noise's standard deviation in [0, 1] pixel units, not negative.")
    draws = ImageDraws("noise/gaussian", seed, index_N, images_NCHW.device)
    return draws.normal(*images_NCHW.shape[1:]).mul_(sd).to(images_NCHW.dtype).add_(images_NCHW).clamp_(0, 1)


def uniform_noise(images_NCHW: Tensor, half_width: float, *, index_N: Tensor, seed: int) -> Tensor:
    """Add independent noise uniform in [-half_width, half_width]; its standard deviation is half_width / sqrt(3)."""
    require(half_width >= 0, f"half_width={half_width}: the noise's largest size in [0, 1] pixel units, not negative.")
    draws = ImageDraws("noise/uniform", seed, index_N, images_NCHW.device)
    noise = draws.uniform(*images_NCHW.shape[1:]).mul_(2.0).sub_(1.0).mul_(half_width)
    return noise.to(images_NCHW.dtype).add_(images_NCHW).clamp_(0, 1)


def salt_and_pepper(images_NCHW: Tensor, share: float, *, index_N: Tensor, seed: int) -> Tensor:
    """Make a share of the pixels white or black with equal chance, all channels of a pixel together."""
    require(0 <= share <= 1, f"share={share}: the share of pixels that are replaced, from 0 to 1.")
    draws = ImageDraws("noise/salt-and-pepper", seed, index_N, images_NCHW.device)
    # One number decides both: the share grows from the two ends, so a larger share replaces the same pixels and more.
    uniform = draws.uniform(1, *images_NCHW.shape[2:])
    salted = torch.where(uniform < share / 2, 1.0, images_NCHW)
    return torch.where(uniform >= 1 - share / 2, 0.0, salted)
