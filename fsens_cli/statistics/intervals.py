"""How sure is a mean or a proportion over images?

Shape letters: N images, K columns, R resamples.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A number, its 95 % interval and how many images it rests on."""

    value: float
    low: float
    high: float
    n: int


def wilson(successes: int, n: int) -> Interval:
    """Return the proportion ``successes / n`` with Wilson's score interval (Wilson 1927).

    >>> i = wilson(95, 100)
    >>> round(i.low, 4), round(i.high, 4)
    (0.8882, 0.9785)
    """
    from scipy.stats import binomtest  # takes half a second to import: only where it is used

    interval = binomtest(successes, n).proportion_ci(LEVEL, method="wilson")
    return Interval(successes / n, float(interval.low), float(interval.high), n)


def resample_counts(n: int, num_resamples: int, generator: torch.Generator) -> Tensor:
    """Return how often each of ``n`` images is drawn in each bootstrap resample, shape (R, N), float64."""
    drawn = torch.randint(n, (num_resamples, n), generator=generator)
    counts = torch.zeros(num_resamples, n, dtype=torch.float64)
    return counts.scatter_add_(1, drawn, torch.ones(1, 1, dtype=torch.float64).expand_as(drawn))


def bootstrap_means(values_NK: Tensor, *, seed: int, num_resamples: int = 2000) -> Tensor:
    """Return bootstrap means over images, shape (R, K), float64; all columns see the same resamples."""
    values = values_NK.double()
    generator = torch.Generator().manual_seed(seed)
    # Blocks of at most 4 million counts keep memory flat for large data sets.
    block = max(1, min(num_resamples, 4_000_000 // len(values)))
    sizes = [min(block, num_resamples - start) for start in range(0, num_resamples, block)]
    return torch.cat([resample_counts(len(values), size, generator) @ values for size in sizes]) / len(values)


def percentile_bounds(samples_RK: Tensor) -> tuple[Tensor, Tensor]:
    """Return the lower and upper bound of the central 95 % of each column, shapes (K,)."""
    tail = (1 - LEVEL) / 2
    low, high = torch.quantile(samples_RK, torch.tensor([tail, 1 - tail], dtype=samples_RK.dtype), dim=0)
    return low, high


def mean_intervals(values_NK: Tensor, *, seed: int, num_resamples: int = 2000) -> list[Interval]:
    """Return the mean of each column with its percentile bootstrap interval over images (Efron 1979)."""
    samples_RK = bootstrap_means(values_NK, seed=seed, num_resamples=num_resamples)
    return intervals_of(values_NK.double().mean(dim=0), samples_RK, n=len(values_NK))


def intervals_of(mean_K: Tensor, samples_RK: Tensor, *, n: int) -> list[Interval]:
    """Return one percentile interval a column, from its mean and its bootstrap means over ``n`` images."""
    low_K, high_K = percentile_bounds(samples_RK)
    triples = zip(mean_K.tolist(), low_K.tolist(), high_K.tolist(), strict=True)
    return [Interval(mean, low, high, n) for mean, low, high in triples]
