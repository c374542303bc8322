"""Medians: against numpy, with values that were not found, and their coverage."""

import math

import numpy as np
import pytest
import torch

from fsens_cli.statistics.medians import median, median_interval, row_medians


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_median_against_numpy(n: int, random: torch.Generator) -> None:
    values = torch.randn(n, generator=random, dtype=torch.float64)
    assert median(values) == pytest.approx(float(np.median(values.numpy())))
    assert math.isnan(median(values[:0]))


def test_rows_count_what_they_are_told(random: torch.Generator) -> None:
    values, counts = torch.rand(6, 9, generator=random), torch.rand(6, 9, generator=random) > 0.4
    counts[2] = False
    for found, row, mine in zip(row_medians(values, counts), values, counts, strict=True):
        assert float(found) == pytest.approx(
            float(np.median(row[mine].numpy())) if mine.any() else math.nan, nan_ok=True
        )


def test_median_with_perturbations_that_were_not_found() -> None:
    few = torch.tensor([1.0, 2.0, math.inf, math.inf, math.inf])
    assert median_interval(few).value == math.inf
    most = torch.tensor([1.0, 2.0, 3.0, 4.0, math.inf, 0.5, 0.7])
    found = median_interval(most)
    assert (found.value, found.low, found.high, found.n) == (2.0, 0.5, math.inf, 7)


@pytest.mark.parametrize("n", [6, 9, 10, 30, 100])
def test_the_interval_covers_whatever_the_distribution(n: int, random: torch.Generator) -> None:
    hits = sum(
        i.low <= 1 <= i.high for i in (median_interval(row) for row in torch.randn(1000, n, generator=random).exp())
    )
    assert 0.94 <= hits / 1000 <= 0.995


def test_five_values_are_too_few() -> None:
    found = median_interval(torch.arange(5.0))
    assert found.value == 2.0
    assert math.isnan(found.low)
    assert math.isnan(found.high)
