"""Rank correlation over cells, with an interval over images."""

import math

import pytest
import torch
from scipy.stats import spearmanr

from fsens_cli.statistics.intervals import student
from fsens_cli.statistics.ranks import rank_correlation


def test_value_is_spearmans(random: torch.Generator) -> None:
    a, b = torch.rand(7, 40, generator=random), (torch.rand(7, 40, generator=random) > 0.6).double()
    found = rank_correlation(a, b)
    assert found is not None
    assert abs(found.value - spearmanr(a.mean(0).numpy(), b.mean(0).numpy()).statistic) < 1e-9
    assert found.low < found.value < found.high
    assert found.n == 7


def test_opposite_order_is_minus_one() -> None:
    rising = torch.arange(9.0).expand(4, 9)
    found = rank_correlation(rising, -rising)
    assert found is not None
    assert abs(found.value + 1) < 1e-9


def test_a_constant_map_has_no_rank(random: torch.Generator) -> None:
    assert rank_correlation(torch.rand(5, 8, generator=random), torch.ones(5, 8)) is None


def test_one_image_has_no_interval(random: torch.Generator) -> None:
    assert rank_correlation(torch.rand(1, 8, generator=random), torch.rand(1, 8, generator=random)) is None


def test_interval_holds_the_expected_value_of_such_samples(random: torch.Generator) -> None:
    """Maps are a common map plus noise of each image; the number expected at this many images should be covered."""
    common = torch.rand(60, generator=random)

    def draw(num_images: int) -> tuple[torch.Tensor, torch.Tensor]:
        noise = torch.randn(2, num_images, 60, generator=random)
        return common + noise[0], common + noise[1]

    repeats = [rank_correlation(*draw(30)) for _ in range(120)]
    expected = sum(r.value for r in repeats if r is not None) / len(repeats)
    covered = [r.low <= expected <= r.high for r in repeats if r is not None]
    assert len(covered) == 120
    assert 0.85 <= sum(covered) / 120 <= 1.0
    # An interval that is far too wide would cover as well.
    spread = torch.tensor([r.value for r in repeats if r is not None]).std()
    width = sum(r.high - r.low for r in repeats if r is not None) / 120
    assert width < 2 * student(29) * float(spread) * 1.6


@pytest.mark.parametrize("num_images", [2, 3, 5])
def test_few_images_are_covered_too(num_images: int, random: torch.Generator) -> None:
    """The normal quantile would cover 61, 81 and 91 of 100."""
    common = torch.rand(60, generator=random)
    maps = [common + torch.randn(2, num_images, 60, generator=random) for _ in range(150)]
    found = [i for i in (rank_correlation(*both) for both in maps) if i is not None]
    expected = sum(i.value for i in found) / len(found)
    assert sum(i.low <= expected <= i.high for i in found) / len(found) >= 0.88


def test_images_that_are_all_alike_say_nothing_of_others() -> None:
    rising = torch.arange(9.0).expand(4, 9)
    found = rank_correlation(rising, rising)
    assert found is not None
    assert found.value == pytest.approx(1)
    assert math.isnan(found.low)
