"""Medians over images, of values that may be infinite: not found.

Shape letters: N images, R rows.
"""

import math

import torch
from torch import Tensor

from fsens_cli.statistics.intervals import LEVEL, Interval, nothing


def row_medians(value_RN: Tensor, counts_RN: Tensor) -> Tensor:
    """Return the middle of the values that count in each row, of an even number the mean of the two middle ones; (R,).

    NaN for a row in which none counts.

    >>> row_medians(torch.tensor([[4.0, 1.0, 2.0, 9.0]]), torch.tensor([[True, True, True, True]])).tolist()
    [3.0]
    """
    ordered = torch.where(counts_RN, value_RN, torch.inf).double().sort(dim=1).values
    count_R1 = counts_RN.sum(dim=1, keepdim=True)
    middle = [ordered.gather(1, (count_R1 - one).clamp_min(0) // 2) for one in (1, 0)]
    # An even number of values would read one behind the last where all count.
    return torch.where(count_R1 > 0, (middle[0] + middle[1]) / 2, torch.nan)[:, 0]


def median(value_N: Tensor) -> float:
    """Return the median; NaN for no values."""
    if not len(value_N):
        return math.nan
    return float(row_medians(value_N[None], torch.ones_like(value_N, dtype=torch.bool)[None])[0])


def median_interval(value_N: Tensor) -> Interval:
    """Return the median with the narrowest interval of two order statistics that covers it in 95 of 100 samples.

    The number of values below the median is binomial, whatever their distribution (Thompson 1936). Below six values
    even the smallest and the largest do not cover so often: no bounds.

    >>> median_interval(torch.arange(1.0, 12.0))
    6 [2, 10], n = 11
    """
    n = len(value_N)
    if not n:
        return nothing()
    place = _outer_place(n)
    ordered = value_N.double().sort().values
    low, high = (float(ordered[place]), float(ordered[n - 1 - place])) if place >= 0 else (math.nan, math.nan)
    return Interval(median(value_N), low, high, n)


def _outer_place(n: int) -> int:
    """Return the largest place, from 0, that lies above the median in at most 2.5 % of samples; -1 if none does."""
    from scipy.special import bdtr

    tail = bdtr(torch.arange(n // 2 + 1).numpy(), n, 0.5)
    return int((tail <= (1 - LEVEL) / 2).sum()) - 1
