"""Intervals of proportions and means over images.

One rule for every number between two ends: the score interval, all means mu that (mean - mu)^2 <= q^2 variance(mu) / n
does not exclude, where the variance is a share r of the largest that values with this mean can have. Proportions have
r = 1 and the normal quantile q (Wilson 1927). For other values r is estimated, so q is Student's, with n - 1 degrees of
freedom, and 1/n of one more image of the largest possible variance is added: few images near an end seldom show how
far the others reach. Differences, and values without ends, get Student's interval. Coverage for few images, of each of
these methods and of the bootstrap: ``docs/statistics.md``.

Shape letters: N images, K columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor

LEVEL = 0.95
Z = NormalDist().inv_cdf(0.5 + LEVEL / 2)

# Values that differ by less than this share of their range differ by rounding.
ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Interval:
    """A number, its 95 % interval and how many images it rests on; NaN where there is no number, or no bound."""

    value: float
    low: float
    high: float
    n: int

    def __repr__(self) -> str:
        """Return number and interval to four digits, and n.

        >>> Interval(0.95, 0.88825, 0.97847, 100)
        0.95 [0.8882, 0.9785], n = 100
        """
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}], n = {self.n:,}"

    def text(self, digits: int, *, scale: float = 1.0, unit: str = "") -> str:
        """Return value and bounds as shown; a question mark stands where there is no bound.

        >>> Interval(0.12345, 0.1, math.nan, 10).text(3), Interval(0.5, 0.4, 0.6, 10).text(1, scale=100, unit=" %")
        ('0.123 [0.100, ?]', '50.0 % [40.0, 60.0]')
        """
        low, high = (f"{scale * v:.{digits}f}" if math.isfinite(v) else "?" for v in (self.low, self.high))
        return f"{scale * self.value:.{digits}f}{unit} [{low}, {high}]"


def nothing(n: int = 0) -> Interval:
    """Return what stands where there is no number."""
    return Interval(math.nan, math.nan, math.nan, n)


def student(freedom: int) -> float:
    """Return Student's quantile that belongs to `Z`.

    >>> round(student(1), 3), round(student(99), 3)
    (12.706, 1.984)
    """
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + LEVEL / 2))


def score_limits(mean_K: Tensor, c_K: Tensor | float) -> tuple[Tensor, Tensor]:
    """Return both solutions mu of (mean - mu)^2 = c mu (1 - mu), for means in [0, 1]."""
    mean = mean_K.double()
    centre = (mean + c_K / 2) / (1 + c_K)
    half = (c_K * mean * (1 - mean) + c_K * c_K / 4) ** 0.5 / (1 + c_K)
    # Rounding must not push a bound past the mean, as at 0 and 1.
    return torch.minimum(centre - half, mean).clamp_min(0), torch.maximum(centre + half, mean).clamp_max(1)


def wilson(successes: int, n: int) -> Interval:
    """Return the proportion ``successes / n`` with Wilson's score interval (Wilson 1927).

    >>> i = wilson(95, 100)
    >>> round(i.low, 4), round(i.high, 4)
    (0.8882, 0.9785)
    """
    value = successes / n
    low, high = score_limits(torch.tensor(value, dtype=torch.float64), Z * Z / n)
    return Interval(value, float(low), float(high), n)


def unseen(n: int) -> float:
    """Return how large a share of all images may be unlike the ``n`` that were all alike: Wilson's bound at 0 of n.

    >>> round(unseen(100), 3)
    0.037
    """
    return Z * Z / (n + Z * Z)


def mean_intervals(values_NK: Tensor, ends: tuple[float, float] | None = (0.0, 1.0)) -> list[Interval]:
    """Return the mean of each column over images with its interval.

    Args:
        values_NK: any real numbers.
        ends: the smallest and largest value that there can be; None where there are none.
    """
    low_K, high_K = mean_bounds(values_NK, ends)
    triples = zip(values_NK.double().mean(dim=0).tolist(), low_K.tolist(), high_K.tolist(), strict=True)
    return [Interval(mean, low, high, len(values_NK)) for mean, low, high in triples]


def mean_bounds(values_NK: Tensor, ends: tuple[float, float] | None = (0.0, 1.0)) -> tuple[Tensor, Tensor]:
    """Return the bounds of the mean of each column, shapes (K,), float64; NaN for a single image.

    Columns whose values are all alike have no spread to go by: what was not seen, at most `unseen` of all images, may
    lie at either end. Without ends nothing is known of it, and there are no bounds.
    """
    values = values_NK.double()
    n = len(values)
    if n < 2:
        return torch.full_like(values[0], math.nan), torch.full_like(values[0], math.nan)
    bottom, top = ends if ends is not None else (0.0, float(values.abs().max()))
    width = max(top - bottom, 1e-300)
    mean, spread = values.mean(dim=0), values.std(dim=0)
    alike = spread <= ROUNDING * width
    if ends is None:
        half = student(n - 1) * spread / math.sqrt(n)
        low, high = mean - half, mean + half
        below, above = torch.full_like(mean, math.nan), torch.full_like(mean, math.nan)
    else:
        unit = ((mean - bottom) / width).clamp(0, 1)
        share = ((spread / width).square() / (unit * (1 - unit)).clamp_min(1e-300)).clamp_max(1)
        share = ((n - 1) * share + 1 / n) / (n - 1 + 1 / n)
        low, high = (bottom + width * bound for bound in score_limits(unit, student(n - 1) ** 2 * share / n))
        below, above = mean - unseen(n) * (mean - bottom), mean + unseen(n) * (top - mean)
    return torch.where(alike, below, torch.minimum(low, mean)), torch.where(alike, above, torch.maximum(high, mean))
