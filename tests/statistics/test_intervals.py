"""Intervals: against closed formulas, and against what they promise."""

import math
from collections.abc import Callable

import pytest
import torch
from scipy.stats import t
from torch import Tensor

from fsens_cli.statistics.intervals import Z, mean_bounds, mean_intervals, student, unseen, wilson


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (10, 10), (1, 3), (95, 100), (998, 1000), (0, 1), (5000, 10000)])
def test_wilson_against_its_formula(successes: int, n: int) -> None:
    p = successes / n
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    interval = wilson(successes, n)
    assert (interval.value, interval.n) == (p, n)
    assert interval.low == pytest.approx(centre - half, abs=1e-12)
    assert interval.high == pytest.approx(centre + half, abs=1e-12)


def test_wilson_against_scipy() -> None:
    from scipy.stats import binomtest

    theirs = binomtest(7, 60).proportion_ci(0.95, method="wilson")
    assert (wilson(7, 60).low, wilson(7, 60).high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_quantiles() -> None:
    assert pytest.approx(1.959963984540054, abs=1e-12) == Z
    assert [student(f) for f in (1, 2, 30)] == pytest.approx([t.ppf(0.975, f) for f in (1, 2, 30)])


def test_means_without_ends_have_students_interval() -> None:
    values = torch.randn(7, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (found,) = mean_intervals(values, None)
    half = float(t.ppf(0.975, 6) * values.std() / math.sqrt(7))
    assert (found.value - found.low, found.high - found.value) == pytest.approx((half, half))


def test_means_of_many_values_have_the_normal_interval() -> None:
    values = torch.rand(20_000, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (found,) = mean_intervals(values)
    error = float(values.std()) / math.sqrt(20_000)
    assert (found.low, found.high) == pytest.approx(
        (found.value - Z * error, found.value + Z * error), abs=0.01 * error
    )


def test_the_interval_turns_with_the_values() -> None:
    values = torch.rand(9, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64) ** 4
    for found, turned in zip(mean_intervals(values), mean_intervals(1 - values), strict=True):
        assert (1 - turned.low, 1 - turned.high) == pytest.approx((found.high, found.low), abs=1e-12)
    for found, moved in zip(mean_intervals(values), mean_intervals(3 + 5 * values, (3, 8)), strict=True):
        assert (moved.low, moved.high) == pytest.approx((3 + 5 * found.low, 3 + 5 * found.high))


def test_one_image_has_no_interval() -> None:
    (found,) = mean_intervals(torch.tensor([[0.112]]))
    assert found.value == pytest.approx(0.112)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_images_that_are_all_alike_leave_room_for_others() -> None:
    """60 of 60 as a mean is 60 of 60 as a proportion, and nowhere has an interval no width."""
    (found,) = mean_intervals(torch.ones(60, 1))
    assert (found.value, found.low, found.high) == pytest.approx((1.0, wilson(60, 60).low, 1.0))
    (found,) = mean_intervals(torch.full((60, 1), 0.3))
    assert (found.low, found.high) == pytest.approx((0.3 - unseen(60) * 0.3, 0.3 + unseen(60) * 0.7))
    (unknown,) = mean_intervals(torch.full((60, 1), 0.3), None)
    assert math.isnan(unknown.low)


def test_float32_values_are_averaged_in_float64() -> None:
    (interval,) = mean_intervals(torch.full((1000, 1), 0.1, dtype=torch.float32))
    assert interval.value == pytest.approx(float(torch.tensor(0.1, dtype=torch.float32).double()), rel=1e-13)


DRAWS: dict[str, tuple[Callable[[tuple[int, int], torch.Generator], Tensor], float]] = {
    "uniform": (lambda size, random: torch.rand(size, generator=random), 0.5),
    "skewed": (lambda size, random: torch.rand(size, generator=random, dtype=torch.float64) ** 6, 1 / 7),
    "seldom wrong": (lambda size, random: (torch.rand(size, generator=random) < 0.9).double(), 0.9),
    # Accuracy over many conditions: most images are right under all of them.
    "mostly right": (
        lambda size, random: 1 - (torch.rand(size, generator=random) - 0.7).clamp_min(0) / 0.3,
        1 - 0.3 / 2,
    ),
}


@pytest.mark.parametrize("n", [2, 3, 5, 10, 30, 100])
@pytest.mark.parametrize("name", ["uniform", "skewed", "seldom wrong", "mostly right"])
def test_intervals_of_means_cover(name: str, n: int) -> None:
    """4,000 studies of n images, each a column; the table of docs/statistics.md has more kinds."""
    draw, truth = DRAWS[name]
    low, high = mean_bounds(draw((n, 4000), torch.Generator().manual_seed(n)))
    covered = float(((low <= truth + 1e-9) & (high >= truth - 1e-9)).double().mean())
    # A binomial standard error is 0.4 %; a percentile bootstrap covers as little as 10 % of the third at n = 2.
    assert covered >= (0.89 if name == "skewed" else 0.93)
    # Nor is it wide for nothing.
    assert n < 30 or covered <= 0.985


@pytest.mark.parametrize(("p", "n"), [(0.5, 5), (0.9, 10), (0.9, 30), (0.98, 30), (0.7, 100)])
def test_wilson_covers(p: float, n: int) -> None:
    """Exactly, by summing over all outcomes."""
    mass = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    covered = sum(m for k, m in enumerate(mass) if wilson(k, n).low <= p <= wilson(k, n).high)
    assert 0.92 <= covered <= 0.99
