"""How sure is the difference of two models that were asked about the same images?

Shape letters: N images, R resamples, D pairs of images, K points of a curve. Every difference is second less first.
"""

import math

import torch
from torch import Tensor

from fsens_cli.statistics.crossings import central_bounds, first_rise
from fsens_cli.statistics.intervals import Interval, mean_intervals, wilson
from fsens_cli.statistics.pairs import draw_means, pair_mean


def proportion_difference(first_N: Tensor, second_N: Tensor) -> Interval:
    """Return the difference of two proportions over the same images, with Newcombe's paired score interval.

    Newcombe, *Statistics in Medicine* 17, 2635 (1998), method 10. A bootstrap would claim certainty where the models
    disagree about no image.

    >>> right = torch.ones(100)
    >>> i = proportion_difference(right, right)
    >>> i.value, round(i.low, 3), round(i.high, 3)
    (0.0, -0.037, 0.037)
    """
    first, second = first_N.bool(), second_N.bool()
    n = len(first)
    both, neither = int((first & second).sum()), int((~first & ~second).sum())
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    one, two = wilson(int(first.sum()), n), wilson(int(second.sum()), n)
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    product = both * neither - only_first * only_second
    # Newcombe's continuity correction, where agreement would shorten the interval.
    corrected = max(product - n / 2, 0.0) if product > 0 else float(product)
    phi = corrected / math.sqrt(margins) if margins else 0.0
    below = _joint(two.value - two.low, one.high - one.value, phi)
    above = _joint(two.high - two.value, one.value - one.low, phi)
    value = two.value - one.value
    return Interval(value, value - below, value + above, n)


def _joint(a: float, b: float, phi: float) -> float:
    return math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b))


def mean_difference(first_N: Tensor, second_N: Tensor, *, seed: int = 0) -> Interval:
    """Return the mean difference over images with its percentile bootstrap interval.

    Where no image differs, a bootstrap would claim certainty: values in [0, 1] then get the interval of proportions.
    """
    if torch.equal(first_N, second_N) and bool(((first_N >= 0) & (first_N <= 1)).all()):
        return proportion_difference(torch.ones(len(first_N)), torch.ones(len(first_N)))
    (interval,) = mean_intervals((second_N.double() - first_N.double())[:, None], seed=seed)
    return interval


def median_difference(first_N: Tensor, second_N: Tensor, *, seed: int = 0, num_resamples: int = 2000) -> Interval:
    """Return the difference of the median sizes of smallest perturbations, images resampled for both models together.

    Each median is over the images that its model gets right: those with a size above 0. Infinite sizes were not found.
    A difference of two infinite medians is no number: NaN.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn_RN = torch.randint(len(first_N), (num_resamples, len(first_N)), generator=generator)
    samples_R = _positive_median(second_N.double()[drawn_RN]) - _positive_median(first_N.double()[drawn_RN])
    whole = torch.arange(len(first_N))[None]
    value = float((_positive_median(second_N.double()[whole]) - _positive_median(first_N.double()[whole]))[0])
    kept = samples_R[~samples_R.isnan()]
    low, high = central_bounds(kept) if len(kept) else (math.nan, math.nan)
    return Interval(value, low, high, len(first_N))


def _positive_median(size_RN: Tensor) -> Tensor:
    """Return the middle of the sizes above 0 of each row, for an even count the mean of the two middle ones."""
    ordered = torch.where(size_RN > 0, size_RN, torch.full_like(size_RN, -math.inf)).sort(dim=1).values
    count = (size_RN > 0).sum(dim=1)
    first = size_RN.shape[1] - count
    last = size_RN.shape[1] - 1
    rows = torch.arange(len(ordered))
    lower = ordered[rows, (first + (count - 1).clamp_min(0) // 2).clamp_max(last)]
    upper = ordered[rows, (first + count // 2).clamp_max(last)]
    return torch.where(count > 0, (lower + upper) / 2, torch.tensor(math.nan, dtype=size_RN.dtype))


def crossing_difference(
    x_K: Tensor, first_DK: Tensor, second_DK: Tensor, low_D: Tensor, high_D: Tensor, *, seed: int = 0
) -> Interval:
    """Return by how much two curves over the same pairs of images differ in where they first rise through zero.

    Both means are drawn together, with the covariance of all couples of pairs that share an image, so what both models
    find easy or hard cancels.

    Args:
        x_K: where the curves are known.
        first_DK, second_DK: the outcome of each pair for either model.
        low_D, high_D: which images form the pair.
    """
    points = len(x_K)
    estimate = pair_mean(torch.cat([first_DK, second_DK], dim=1), low_D, high_D)
    draws = draw_means(estimate, seed=seed, num_draws=2000)
    samples = first_rise(x_K, draws[:, points:]) - first_rise(x_K, draws[:, :points])
    mean = estimate.mean_K[None]
    value = float((first_rise(x_K, mean[:, points:]) - first_rise(x_K, mean[:, :points]))[0])
    kept = samples[~samples.isnan()]
    low, high = central_bounds(kept) if len(kept) else (math.nan, math.nan)
    return Interval(value, low, high, estimate.num_images)
