"""Thresholds: where accuracy, which falls with the strength of noise, crosses a criterion.

Shape letters: N images, R resamples, L levels of noise in ascending order.
"""

import math

import torch
from torch import Tensor


def falling_fit(accuracy_RL: Tensor) -> Tensor:
    """Return the non-increasing rows closest to the given ones in least squares, all levels weighing the same.

    Pool adjacent violators (Ayer et al. 1955) by its min-max formula: min over a <= k of max over b >= k of the mean
    of levels a to b.

    >>> falling_fit(torch.tensor([[8, 4, 6, 1]])).tolist()
    [[8.0, 5.0, 5.0, 1.0]]
    """
    accuracy = accuracy_RL.double()
    num_levels = accuracy.shape[1]
    total = torch.cat([torch.zeros_like(accuracy[:, :1]), accuracy.cumsum(dim=1)], dim=1)
    # Largest mean of levels a..b over b >= k, for each a <= k.
    fit = torch.full_like(accuracy, math.inf)
    for a in range(num_levels):
        lengths = torch.arange(1, num_levels - a + 1, dtype=accuracy.dtype)
        means = (total[:, a + 1 :] - total[:, a : a + 1]) / lengths
        from_k = means.flip(1).cummax(dim=1).values.flip(1)
        fit[:, a:] = torch.minimum(fit[:, a:], from_k)
    return fit


def threshold(log_sigma_L: Tensor, accuracy_RL: Tensor, clean_R: Tensor, criterion_R: Tensor) -> Tensor:
    """Return log2 of the strength at which each falling curve crosses its criterion, shape (R,), float64.

    The fit is anchored at the clean accuracy, which no level may exceed, and interpolated linearly between the last
    level at or above the criterion and the next one. A crossing outside the levels is censored: -inf where the first
    level is below the criterion already, +inf where the last one is still above. Nothing is clamped to the ends.

    >>> x, one = torch.tensor([0.0, 1.0, 2.0]), torch.ones(1)
    >>> threshold(x, torch.tensor([[0.9, 0.7, 0.3]]), one, 0.5 * one).tolist()
    [1.5]
    """
    fit_RL = torch.minimum(falling_fit(accuracy_RL), clean_R.double()[:, None])
    criterion = criterion_R.double()
    below = fit_RL < criterion[:, None]
    after = below.int().argmax(dim=1)
    before = (after - 1).clamp_min(0)
    rows = torch.arange(len(fit_RL))
    high, low = fit_RL[rows, before], fit_RL[rows, after]
    x = log_sigma_L.double()
    share = (high - criterion) / torch.where(after > 0, high - low, torch.ones_like(high))
    found = x[before] + (x[after] - x[before]) * share
    found = torch.where(after == 0, torch.tensor(-math.inf, dtype=torch.float64), found)
    return torch.where(below.any(dim=1), found, torch.tensor(math.inf, dtype=torch.float64))


def class_resamples(label_N: Tensor, num_resamples: int, generator: torch.Generator) -> Tensor:
    """Return how often each image is drawn when every class keeps its number of images, shape (R, N), float64."""
    counts = torch.zeros(num_resamples, len(label_N), dtype=torch.float64)
    for label in label_N.unique():
        rows = torch.nonzero(label_N == label).flatten()
        drawn = rows[torch.randint(len(rows), (num_resamples, len(rows)), generator=generator)]
        counts.scatter_add_(1, drawn, torch.ones(1, 1, dtype=torch.float64).expand_as(drawn))
    return counts
