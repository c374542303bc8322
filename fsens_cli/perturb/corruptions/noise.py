"""Noise of the sensor: Gaussian, shot, impulse and speckle noise.

Shape letters: N images, H, W pixels; three channels (RGB), or one (gray).
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from fsens_cli.perturb.corruptions.constants import Constant
from fsens_cli.perturb.corruptions.levels import nearest_level
from fsens_cli.perturb.keyed_random import ImageDraws


def gaussian_noise(images_N3HW: Tensor, constant: Constant, draws: ImageDraws) -> Tensor:
    """Add independent normal noise; constant: (sd,)."""
    (sd,) = constant
    return draws.normal(*images_N3HW.shape[1:]).mul_(sd).add_(images_N3HW)


def speckle_noise(images_N3HW: Tensor, constant: Constant, draws: ImageDraws) -> Tensor:
    """Multiply by 1 + normal noise; constant: (sd,)."""
    (sd,) = constant
    return draws.normal(*images_N3HW.shape[1:]).mul_(sd).add_(1.0).mul_(images_N3HW)


def impulse_noise(images_N3HW: Tensor, constant: Constant, draws: ImageDraws) -> Tensor:
    """Set a share of the values to 0 or 1 with equal chance, each channel on its own; constant: (share,)."""
    (share,) = constant
    uniform = draws.uniform(*images_N3HW.shape[1:])
    salted = torch.where(uniform < share / 2, 1.0, images_N3HW)
    return torch.where((uniform >= share / 2) & (uniform < share), 0.0, salted)


def shot_noise(images_N3HW: Tensor, constant: Constant, draws: ImageDraws) -> Tensor:
    """Count photons: Poisson(x * count) / count; constant: (count,), the mean count of a white pixel.

    Images have 256 levels, so there are 256 distributions; each is inverted exactly, all in one search.
    """
    (count,) = constant
    table = photon_table(count)
    level = nearest_level(images_N3HW)
    uniform = draws.whole(*images_N3HW.shape[1:]).double().add_(0.5).mul_(2.0**-32)
    place = torch.searchsorted(table.to(images_N3HW.device), uniform.add_(level), side="left")
    photons = place - level.long() * (len(table) // 256)
    return photons.to(images_N3HW.dtype) / count


@lru_cache(maxsize=16)
def photon_table(count: float) -> Tensor:
    """Return each level's cumulative chances of 0, 1, 2 ... photons, those of level k moved to [k, k + 1], one row."""
    mean = np.arange(256) / 255.0 * count
    most = int(count + 8 * np.sqrt(count) + 12)
    from scipy.stats import poisson  # takes half a second to import: only where it is used

    cumulative = poisson.cdf(np.arange(most + 1)[None, :], mean[:, None])
    cumulative[:, -1] = 1.0
    return torch.from_numpy((np.arange(256)[:, None] + cumulative).ravel())
