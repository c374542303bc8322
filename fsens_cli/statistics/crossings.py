"""Where a curve rises through zero, with its interval.

Shape letters: N images, R curves, K points of a curve.
"""

import math

import torch
from torch import Tensor

from fsens_cli.statistics.intervals import LEVEL, Interval, mean_bounds, nothing

# Rounding must not move a curve that is zero on paper.
TOUCHES = -1e-12


def first_rise(x_K: Tensor, curve_RK: Tensor) -> Tensor:
    """Return where each curve first reaches zero from below, interpolated linearly, shape (R,), float64.

    A curve that starts above zero has risen before its first point: -inf. One that stays below rises after its last,
    or never: +inf. Nothing is clamped to the ends.

    >>> x = torch.tensor([0.0, 0.5, 1.0])
    >>> first_rise(x, torch.tensor([[-1.0, -1.0, 1.0], [1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]])).tolist()
    [0.75, -inf, inf]
    """
    x, curve = x_K.double(), curve_RK.double()
    reached = curve >= 0
    after = reached.int().argmax(dim=1)
    before = (after - 1).clamp_min(0)
    rows = torch.arange(len(curve))
    y0, y1 = curve[rows, before], curve[rows, after]
    # y0 < 0 <= y1 wherever this value is used.
    between = x[before] + (x[after] - x[before]) * (-y0 / torch.where(after > 0, y1 - y0, torch.ones_like(y0)))
    at_start = torch.where(y1 == 0, x[0], torch.tensor(-math.inf, dtype=torch.float64))
    found = torch.where(after == 0, at_start, between)
    return torch.where(reached.any(dim=1), found, torch.tensor(math.inf, dtype=torch.float64))


def first_step_interval(x_K: Tensor, curve_NK: Tensor, *, largest: float) -> Interval:
    """Return the first point at which the images' mean curve is not below zero, with its interval over images.

    The interval holds every point at which the interval of the mean curve holds zero (Fieller 1954): a ratio of means
    is found so without a normal approximation. A mean curve that rises only beyond the last point gives that point.

    Args:
        x_K: where the curves are known, ascending.
        curve_NK: one curve an image, rising.
        largest: no curve lies further from zero.
    """
    if not len(curve_NK):
        return nothing()
    low_K, high_K = mean_bounds(curve_NK, (-largest, largest))
    value = _first_step(x_K, curve_NK.double().mean(dim=0))
    if len(curve_NK) == 1:
        return Interval(value, math.nan, math.nan, 1)
    return Interval(value, _first_step(x_K, high_K), _first_step(x_K, low_K), len(curve_NK))


def _first_step(x_K: Tensor, curve_K: Tensor) -> float:
    at_or_above = curve_K >= TOUCHES * curve_K.abs().max()
    return float(x_K[int(at_or_above.int().argmax()) if bool(at_or_above.any()) else -1])


def central_bounds(samples_R: Tensor) -> tuple[float, float]:
    """Return the bounds of the central 95 % of samples that may be infinite, without interpolating between them.

    >>> central_bounds(torch.tensor([-math.inf] * 5 + list(range(95))))
    (-inf, 92.0)
    """
    ordered = samples_R.double().sort().values
    tail = (1 - LEVEL) / 2
    # Outwards to the next sample: interpolation between a number and infinity has no meaning.
    low, high = math.floor(tail * (len(ordered) - 1)), math.ceil((1 - tail) * (len(ordered) - 1))
    return float(ordered[low]), float(ordered[high])
