"""Differences of two models that were asked about the same images, with intervals.

Shape letters: N images, R resamples, D pairs of images, K points of a curve. Every difference is second less first.
"""

import math

import torch
from torch import Tensor

from fsens_cli.statistics.crossings import central_bounds, first_rise
from fsens_cli.statistics.intervals import ROUNDING, Interval, Z, mean_intervals, unseen, wilson
from fsens_cli.statistics.medians import row_medians
from fsens_cli.statistics.pairs import draw_means, pair_mean

# Even the smallest and the largest of fewer values do not hold a median in 95 of 100 samples.
LEAST_FOR_MEDIANS = 6


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


def mean_difference(first_N: Tensor, second_N: Tensor, *, ends: tuple[float, float] | None = (0.0, 1.0)) -> Interval:
    """Return the mean difference over images with Student's interval, which ends where differences do.

    Where the models differ alike on all images, what was not seen is as different as values can be.

    Args:
        first_N, second_N: of the same images.
        ends: the smallest and largest value that there can be; None, or where values lie elsewhere: those that were
            seen tell how far values lie apart, and nothing ends the interval.
    """
    difference_N, n = second_N.double() - first_N.double(), len(first_N)
    (interval,) = mean_intervals(difference_N[:, None], None)
    both = torch.cat([first_N, second_N]).double()
    known = ends is not None and bool(((both >= ends[0]) & (both <= ends[1])).all())
    reach = ends[1] - ends[0] if ends is not None and known else float(both.max() - both.min())
    if n < 2:
        return interval
    low, high = interval.low, interval.high
    if math.isnan(low) and reach > 0:
        room = unseen(n) * (reach + abs(interval.value))
        low, high, known = interval.value - room, interval.value + room, True
    if known:
        low, high = max(low, -reach), min(high, reach)
    return Interval(interval.value, low, high, n)


def median_difference(first_N: Tensor, second_N: Tensor, *, seed: int = 0, num_resamples: int = 2000) -> Interval:
    """Return the difference of the median sizes of smallest perturbations, images resampled for both models together.

    Each median is over the images that its model gets right: those with a size above 0. Infinite sizes were not found.
    A difference of two infinite medians is no number: NaN. Below six images that either model gets right there are no
    bounds. Where all sizes agree, the second model may have others on as many images as `unseen` says.
    """
    sizes = torch.stack([first_N.double(), second_N.double()])
    first, second = row_medians(sizes, sizes > 0)
    value, n = float(second - first), len(first_N)
    if int((sizes > 0).sum(dim=1).min()) < LEAST_FOR_MEDIANS:
        return Interval(value, math.nan, math.nan, n)
    if torch.equal(sizes[0], sizes[1]):
        ordered = sizes[0][sizes[0] > 0].sort().values
        reach = math.ceil(unseen(n) * len(ordered))
        middle = len(ordered) // 2
        ends = ordered[[max(0, middle - reach), min(len(ordered) - 1, middle + reach)]] - first
        return Interval(value, float(ends[0]), float(ends[1]), n)
    generator = torch.Generator().manual_seed(seed)
    drawn_RN = torch.randint(n, (num_resamples, n), generator=generator)
    medians = [row_medians(size_N[drawn_RN], size_N[drawn_RN] > 0) for size_N in sizes]
    samples_R = medians[1] - medians[0]
    kept = samples_R[~samples_R.isnan()]
    low, high = central_bounds(kept) if len(kept) else (math.nan, math.nan)
    return Interval(value, low, high, n)


def crossing_difference(
    x_K: Tensor, first_DK: Tensor, second_DK: Tensor, low_D: Tensor, high_D: Tensor, *, seed: int = 0
) -> Interval:
    """Return by how much two curves over the same pairs of images differ in where they first rise through zero.

    Both means are drawn together, with the covariance of all couples of pairs that share an image, so what both models
    find easy or hard cancels. Where the models differ alike on all pairs, the second one's curve may lie higher or
    lower by what images that were not seen can do, each as either half of a pair.

    Args:
        x_K: where the curves are known.
        first_DK, second_DK: the outcome of each pair for either model, in [-1, 1].
        low_D, high_D: which images form the pair.
    """
    points, num_draws = len(x_K), 2000
    estimate = pair_mean(torch.cat([first_DK, second_DK], dim=1), low_D, high_D)
    draws = draw_means(estimate, seed=seed, num_draws=num_draws)
    if bool(((second_DK - first_DK).double().std(dim=0, correction=0) <= ROUNDING).all()):
        generator = torch.Generator().manual_seed(seed)
        noise_R1 = torch.randn(num_draws, 1, generator=generator, dtype=torch.float64)
        draws[:, points:] += 2 * unseen(estimate.num_images) / Z * noise_R1
    samples = first_rise(x_K, draws[:, points:]) - first_rise(x_K, draws[:, :points])
    mean = estimate.mean_K[None]
    value = float((first_rise(x_K, mean[:, points:]) - first_rise(x_K, mean[:, :points]))[0])
    kept = samples[~samples.isnan()]
    low, high = central_bounds(kept) if len(kept) else (math.nan, math.nan)
    return Interval(value, low, high, estimate.num_images)
