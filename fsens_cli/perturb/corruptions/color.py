"""Brightness, contrast, saturation: one formula a pixel.

Shape letters: N images, H, W pixels; three channels. Value, saturation and hue are those of the HSV model: value V is
the largest channel, saturation S = (V - smallest channel) / V.
"""

import torch
from torch import Tensor

from fsens_cli.perturb.corruptions.constants import Constant
from fsens_cli.perturb.keyed_random import ImageDraws


def brightness(images_N3HW: Tensor, constant: Constant, draws: ImageDraws) -> Tensor:
    """Add to the value V, hue and saturation kept: all channels times V' / V; constant: (what is added,)."""
    del draws
    value = images_N3HW.amax(dim=1, keepdim=True)
    brighter = (value + constant[0]).clamp_max(1.0)
    # Black has no hue: it becomes gray.
    return torch.where(value > 0, images_N3HW * (brighter / value.clamp_min(1e-6)), brighter)


def saturate(images_N3HW: Tensor, constant: Constant, draws: ImageDraws) -> Tensor:
    """Set the saturation to S * factor + offset, value and hue kept; constant: (factor, offset)."""
    del draws
    factor, offset = constant
    value = images_N3HW.amax(dim=1, keepdim=True)
    spread = value - images_N3HW.amin(dim=1, keepdim=True)
    saturation = spread / value.clamp_min(1e-6)
    wanted = (saturation * factor + offset).clamp(0, 1)
    colored = value - (value - images_N3HW) * (wanted * value / spread.clamp_min(1e-6))
    # Gray has no hue either; the convention takes hue 0, which is red.
    red = torch.cat([value, (1 - wanted) * value, (1 - wanted) * value], dim=1)
    return torch.where(spread > 0, colored, red)


def as_it_is(images_NCHW: Tensor, constant: Constant, draws: ImageDraws) -> Tensor:
    """Return gray images unchanged: without a hue there is no saturation to set, and the value is kept."""
    del constant, draws
    return images_NCHW.clone()


def contrast(images_N3HW: Tensor, constant: Constant, draws: ImageDraws) -> Tensor:
    """Shrink the distance to each channel's mean; constant: (factor,)."""
    del draws
    mean = images_N3HW.mean(dim=(2, 3), keepdim=True)
    return (images_N3HW - mean) * constant[0] + mean
