"""From [0, 1] images to 8-bit levels and back."""

import torch
from torch import Tensor

# Above the rounding errors of float32, far below a level: 100.00000001 and 99.9999 both become 100.
NUDGE = 5e-4


def nearest_level(unit: Tensor) -> Tensor:
    """Return the nearest 8-bit level of [0, 1] values, as floating point 0 .. 255; halves go up."""
    return unit.clamp(0, 1).mul_(255.0).add_(0.5).floor_()


def level_below(unit: Tensor, nudge: float = NUDGE) -> Tensor:
    """Return the 8-bit level at or below [0, 1] values, as floating point; what a cast to uint8 does.

    ``nudge`` is for values that may be levels already; continuous random values need none.

    >>> level_below(torch.tensor([0.999, 100 / 255, 1.2])).tolist()
    [254.0, 100.0, 255.0]
    """
    return unit.clamp(0, 1).mul_(255.0).add_(nudge).floor_()


def luminance(images_N3HW: Tensor) -> Tensor:
    """Return 0.299 R + 0.587 G + 0.114 B, shape (N, 1, H, W)."""
    weight = torch.tensor([0.299, 0.587, 0.114]).to(images_N3HW)
    return (images_N3HW * weight[:, None, None]).sum(dim=1, keepdim=True)
