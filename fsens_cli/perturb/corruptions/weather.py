"""Weather without pictures of it: snow and fog.

Shape letters: N images, H, W pixels; three channels.
"""

import torch
from torch import Tensor

from fsens_cli.perturb.corruptions.blur import clipped_zoom
from fsens_cli.perturb.corruptions.constants import Constant
from fsens_cli.perturb.corruptions.levels import level_below, luminance, nearest_level
from fsens_cli.perturb.corruptions.plasma import plasma
from fsens_cli.perturb.corruptions.smoothing import motion_blur
from fsens_cli.perturb.keyed_random import ImageDraws


def fog(images_N3HW: Tensor, constant: Constant, draws: ImageDraws) -> Tensor:
    """Add a plasma map and shrink the range to the image's old maximum; constant: (strength, decay of the map)."""
    strength, decay = constant
    height, width = images_N3HW.shape[-2:]
    side = 1 << (max(height, width) - 1).bit_length()
    haze = plasma(side, decay, draws)[:, None, :height, :width]
    largest = images_N3HW.amax(dim=(1, 2, 3), keepdim=True)
    return (images_N3HW + strength * haze) * (largest / (largest + strength))


def snow(images_N3HW: Tensor, constant: Constant, draws: ImageDraws) -> Tensor:
    """Whiten the image and add flakes that fall in one direction, twice, the second time turned round.

    Constant: (mean and sd of the noise that becomes flakes, its enlargement, threshold, radius and sd in pixels of the
    motion, share of the image that is not whitened).
    """
    mean, sd, zoom, threshold, radius, sigma, kept = constant
    height, width = images_N3HW.shape[-2:]
    flakes = draws.normal(1, height, width).mul_(sd).add_(mean)
    flakes = clipped_zoom(flakes, zoom)
    flakes = torch.where(flakes < threshold, 0.0, flakes)
    angle_N = draws.uniform().mul(90.0).sub(135.0)
    # The published code passes the flakes through 8-bit pictures.
    flakes = motion_blur(level_below(flakes, nudge=0.0).div_(255.0), radius, sigma, angle_N)
    flakes = nearest_level(flakes).div_(255.0)
    white = torch.maximum(images_N3HW, luminance(images_N3HW) * 1.5 + 0.5)
    return kept * images_N3HW + (1 - kept) * white + flakes + flakes.flip(-2, -1)
