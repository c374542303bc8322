"""Fog: a height map by the diamond-square algorithm.

Shape letters: N images, S side of the map, a power of two.
"""

import torch
from torch import Tensor

from fsens_cli.perturb.keyed_random import ImageDraws


def plasma(side: int, decay: float, draws: ImageDraws) -> Tensor:
    """Return random maps with values 0 to 1, shape (N, S, S), wrapping round at the edges.

    Each halving of the step puts points in the middles of squares, then of their edges: the mean of four neighbours
    plus noise whose amplitude shrinks by the square of ``decay`` a step (the published code multiplies by it twice).
    """
    # One number a point, whatever the order in which the points are filled.
    noise = draws.uniform(side, side).mul_(2.0).sub_(1.0)
    height = torch.zeros_like(noise)
    step, amplitude = side, 1.0
    while step >= 2:
        half = step // 2
        fresh = noise * amplitude
        corner = height[:, ::step, ::step]
        across = corner + corner.roll(-1, 2)
        height[:, half::step, half::step] = (across + across.roll(-1, 1)) / 4 + fresh[:, half::step, half::step]
        middle = height[:, half::step, half::step]
        corner = height[:, ::step, ::step]
        on_rows = middle + middle.roll(1, 1) + corner + corner.roll(-1, 2)
        on_columns = middle + middle.roll(1, 2) + corner + corner.roll(-1, 1)
        height[:, ::step, half::step] = on_rows / 4 + fresh[:, ::step, half::step]
        height[:, half::step, ::step] = on_columns / 4 + fresh[:, half::step, ::step]
        step, amplitude = half, amplitude / decay**2
    height -= height.amin(dim=(1, 2), keepdim=True)
    return height / height.amax(dim=(1, 2), keepdim=True).clamp_min(1e-12)
