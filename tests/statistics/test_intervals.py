"""Intervals: against closed formulas, and against what they promise."""

import math

import pytest
import torch

from fsens_cli.statistics.intervals import (
    bootstrap_means,
    mean_intervals,
    percentile_bounds,
    resample_counts,
    wilson,
)

Z = 1.959963984540054


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (10, 10), (1, 3), (95, 100), (998, 1000), (0, 1), (5000, 10000)])
def test_wilson_against_its_formula(successes: int, n: int) -> None:
    p = successes / n
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    interval = wilson(successes, n)
    assert (interval.value, interval.n) == (p, n)
    assert interval.low == pytest.approx(centre - half, abs=1e-12)
    assert interval.high == pytest.approx(centre + half, abs=1e-12)


def test_counts_are_draws_with_replacement() -> None:
    counts = resample_counts(50, 400, torch.Generator().manual_seed(0))
    assert counts.shape == (400, 50)
    assert counts.sum(dim=1).tolist() == [50.0] * 400
    # Poisson(1) nearly: the part of images left out is 1/e.
    assert float((counts == 0).double().mean()) == pytest.approx(math.exp(-1), abs=0.01)


def test_bootstrap_against_the_normal_approximation() -> None:
    values = torch.randn(500, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    values[:, 1] = 3 + 2 * values[:, 1].square()
    for column, interval in zip(values.T, mean_intervals(values, seed=0, num_resamples=4000), strict=True):
        error = float(column.std(correction=0)) / math.sqrt(500)
        assert interval.value == pytest.approx(float(column.mean()), abs=1e-12)
        assert interval.n == 500
        assert interval.low == pytest.approx(interval.value - Z * error, abs=0.15 * error)
        assert interval.high == pytest.approx(interval.value + Z * error, abs=0.15 * error)


def test_bootstrap_interval_covers_the_truth() -> None:
    generator = torch.Generator().manual_seed(2)
    # 400 studies of 100 images each are 400 columns only if the resamples are their own: so loop in blocks.
    hits = 0
    for seed in range(20):
        values = torch.rand(100, 20, generator=generator, dtype=torch.float64)
        hits += sum(i.low <= 0.5 <= i.high for i in mean_intervals(values, seed=seed, num_resamples=1000))
    # The percentile bootstrap of 100 values covers about 94.4 %; 400 studies have a standard error of 1.1 %.
    assert 0.91 <= hits / 400 <= 0.98


def test_same_seed_same_interval() -> None:
    values = torch.rand(30, 3, generator=torch.Generator().manual_seed(3))
    assert mean_intervals(values, seed=5) == mean_intervals(values, seed=5)
    assert mean_intervals(values, seed=5) != mean_intervals(values, seed=6)


def test_global_generator_is_not_touched() -> None:
    torch.manual_seed(8)
    expected = torch.rand(1)
    torch.manual_seed(8)
    bootstrap_means(torch.rand(9, 1, generator=torch.Generator().manual_seed(0)), seed=1, num_resamples=100)
    assert torch.equal(torch.rand(1), expected)


def test_all_columns_see_the_same_resamples() -> None:
    column = torch.rand(40, 1, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    samples = bootstrap_means(torch.cat([column, 1 - column], dim=1), seed=0, num_resamples=300)
    torch.testing.assert_close(samples.sum(dim=1), torch.ones(300, dtype=torch.float64), rtol=0, atol=1e-12)


def test_blocks_do_not_change_the_resamples() -> None:
    # 4 million counts a block: 60,000 images are resampled 66 at a time.
    values = torch.rand(60_000, 1, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    blocked = bootstrap_means(values, seed=7, num_resamples=100)
    whole = resample_counts(60_000, 100, torch.Generator().manual_seed(7)) @ values / 60_000
    torch.testing.assert_close(blocked, whole, rtol=1e-12, atol=0)


def test_percentiles_leave_out_two_and_a_half_percent_on_each_side() -> None:
    samples = torch.arange(2001, dtype=torch.float64)[torch.randperm(2001, generator=torch.Generator().manual_seed(6))]
    low, high = percentile_bounds(samples[:, None])
    assert (float(low), float(high)) == (pytest.approx(50), pytest.approx(1950))


def test_float32_values_are_averaged_in_float64() -> None:
    values = torch.full((1000, 1), 0.1, dtype=torch.float32)
    (interval,) = mean_intervals(values, seed=0, num_resamples=100)
    exact = float(torch.tensor(0.1, dtype=torch.float32).double())
    assert interval.value == pytest.approx(exact, rel=1e-13)
    assert (interval.low, interval.high) == (pytest.approx(exact, rel=1e-13), pytest.approx(exact, rel=1e-13))
