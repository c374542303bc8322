"""Paired differences: against slow loops, closed forms and coverage; pairing must shorten intervals where it should."""

import math

import numpy as np
import pytest
import torch

from fsens_cli.statistics.paired import crossing_difference, mean_difference, median_difference, proportion_difference


def test_newcombe_against_its_formula_written_out() -> None:
    both, only_first, only_second, neither = 20, 12, 2, 16
    first = torch.tensor([1] * (both + only_first) + [0] * (only_second + neither))
    second = torch.tensor([1] * both + [0] * only_first + [1] * only_second + [0] * neither)
    n, z = 50, 1.959963984540054

    def score(k: int) -> tuple[float, float]:
        p = k / n
        centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)

    p1, p2 = 32 / n, 22 / n
    (l1, u1), (l2, u2) = score(32), score(22)
    phi = (both * neither - only_first * only_second - n / 2) / math.sqrt(32 * 18 * 22 * 28)
    below = math.sqrt((p2 - l2) ** 2 - 2 * phi * (p2 - l2) * (u1 - p1) + (u1 - p1) ** 2)
    above = math.sqrt((u2 - p2) ** 2 - 2 * phi * (u2 - p2) * (p1 - l1) + (p1 - l1) ** 2)
    found = proportion_difference(first, second)
    assert (found.value, found.low, found.high) == pytest.approx((p2 - p1, p2 - p1 - below, p2 - p1 + above))
    turned = proportion_difference(second, first)
    assert (turned.value, turned.low, turned.high) == pytest.approx((-found.value, -found.high, -found.low))


def test_proportions_that_agree_leave_room_for_doubt() -> None:
    right = torch.ones(40)
    found = proportion_difference(right, right)
    assert found.value == 0
    assert found.low < -0.02 < 0.02 < found.high
    # So do means of values that all agree, medians and crossings; a bootstrap would say [0, 0].
    same = mean_difference(right, right)
    assert (same.value, same.low, same.high) == pytest.approx((0, found.low, found.high))
    sizes = torch.linspace(0.1, 1, 40)
    same = median_difference(sizes, sizes)
    assert same.low < -0.02 < 0.02 < same.high
    image, x = torch.arange(40), torch.tensor([0.0, 1.0], dtype=torch.float64)
    curve = torch.tensor([[-1.0, 1.0]]).repeat(40, 1)
    same = crossing_difference(x, curve, curve, image, image.roll(1))
    assert same.low < -0.02 < 0.02 < same.high


def test_one_image_has_no_difference_of_means() -> None:
    found = mean_difference(torch.tensor([0.3]), torch.tensor([0.5]))
    assert found.value == pytest.approx(0.2)
    assert math.isnan(found.low)
    assert math.isnan(median_difference(torch.arange(5.0), torch.arange(5.0) + 1).low)


def test_differences_of_means_end_where_values_do() -> None:
    few, none = torch.tensor([1.0, 0.5]), torch.tensor([0.0, 0.4])
    found = mean_difference(few, none)
    assert (found.value, found.low, found.high) == (pytest.approx(-0.55), -1.0, 1.0)
    # Of losses nobody knows an end.
    assert mean_difference(few, none, ends=None).high == pytest.approx(-0.55 + 12.706 * 0.45, rel=1e-3)
    assert mean_difference(few, none, ends=(0.0, 2.0)).low == -2.0
    same = mean_difference(few, few, ends=(0.0, 2.0))
    assert same.high == pytest.approx(2 * mean_difference(few, few).high)
    assert math.isnan(mean_difference(few[:1].expand(9), few[:1].expand(9), ends=None).low)


@pytest.mark.parametrize("n", [2, 3, 5, 10, 30])
def test_coverage_of_mean_differences(n: int, random: torch.Generator) -> None:
    hits = 0
    for _ in range(400):
        first = torch.rand(n, generator=random)
        second = first * torch.rand(n, generator=random)
        found = mean_difference(first, second)
        hits += found.low <= -0.25 <= found.high
    assert hits / 400 >= 0.87  # the differences are skewed


def test_coverage_of_proportions(random: torch.Generator) -> None:
    hits = 0
    for _ in range(300):
        hard = torch.rand(60, generator=random)
        first, second = hard < 0.8, hard + 0.2 * torch.rand(60, generator=random) < 0.85
        truth = _expected(0.85) - 0.8
        found = proportion_difference(first, second)
        hits += found.low <= truth <= found.high
    assert 0.91 <= hits / 300 <= 1.0


def _expected(threshold: float) -> float:
    # P(u + 0.2 v < t) for t >= 0.2, u and v uniform on [0, 1].
    return threshold - 0.1


def test_pairing_shortens_the_interval(random: torch.Generator) -> None:
    hard = torch.rand(200, generator=random)
    second = hard + 0.01 * torch.rand(200, generator=random)
    paired = mean_difference(hard, second)
    shuffled = mean_difference(hard, second[torch.randperm(200, generator=random)])
    assert paired.value == pytest.approx(shuffled.value)
    assert paired.high - paired.low < 0.1 * (shuffled.high - shuffled.low)
    assert paired.low > 0


def test_medians_against_numpy(random: torch.Generator) -> None:
    first, second = torch.rand(31, generator=random), torch.rand(31, generator=random) + 1
    first[:5] = 0  # wrong anyway: no size
    found = median_difference(first, second)
    expected = np.median(second.numpy()) - np.median(first.numpy()[5:])
    assert found.value == pytest.approx(expected)
    assert found.low < found.value < found.high
    assert found.low > 0


def test_medians_that_were_not_found() -> None:
    sizes = torch.tensor([1.0, 2.0, 3.0, math.inf, math.inf, math.inf, math.inf])
    found = median_difference(torch.ones(7), sizes)
    assert found.value == math.inf
    nothing = median_difference(torch.zeros(7), sizes)
    assert math.isnan(nothing.value)


def test_crossings(random: torch.Generator) -> None:
    x = torch.linspace(0, 1, 11, dtype=torch.float64)
    n = 80
    image = torch.arange(n)
    taste = 0.1 * torch.randn(n, generator=random, dtype=torch.float64)

    own = 0.005 * torch.randn(n, generator=random, dtype=torch.float64)
    own -= own.mean()

    def curve(reversal: float, own: torch.Tensor | float = 0.0) -> torch.Tensor:
        return (x[None] - reversal - (taste + own)[:, None]).clamp(-1, 1)

    partner = image.roll(1)
    found = crossing_difference(x, curve(0.35), curve(0.55, own), image, partner)
    assert found.value == pytest.approx(0.2, abs=1e-6)
    assert found.low <= 0.2 + 1e-9
    assert found.high >= 0.2 - 1e-9
    # What both models share cancels: unpaired, the same images would leave an interval ten times as wide.
    assert found.high - found.low < 0.005
    same = crossing_difference(x, curve(0.35), curve(0.35), image, partner)
    assert same.value == 0


def test_a_model_that_never_reverses() -> None:
    x = torch.tensor([0.0, 1.0], dtype=torch.float64)
    rising = torch.tensor([[-1.0, 1.0]]).repeat(20, 1)
    never = torch.full((20, 2), -1.0)
    image = torch.arange(20)
    found = crossing_difference(x, rising, never, image, image.roll(1))
    assert found.value == math.inf
