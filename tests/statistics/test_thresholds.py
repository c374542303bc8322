"""Falling fits and crossings, against scipy's isotonic regression and on paper."""

import math

import pytest
import torch
from scipy.optimize import isotonic_regression

from fsens_cli.statistics.thresholds import class_resamples, falling_fit, threshold


@pytest.mark.parametrize("levels", [1, 2, 5, 11])
def test_fit_is_scipys_isotonic_regression(levels: int, random: torch.Generator) -> None:
    rows = torch.rand(40, levels, generator=random, dtype=torch.float64)
    rows[:10] = rows[:10].round(decimals=1)  # ties
    for row, fit in zip(rows, falling_fit(rows), strict=True):
        expected = isotonic_regression(row.numpy(), increasing=False).x
        assert fit.tolist() == pytest.approx(expected.tolist(), abs=1e-12)


def test_crossings() -> None:
    x = torch.tensor([-3.0, -2.0, 0.0])
    rows = torch.tensor([[0.9, 0.6, 0.2], [0.9, 0.5, 0.5], [0.4, 0.9, 0.1], [0.4, 0.3, 0.2], [0.9, 0.8, 0.7]])
    found = threshold(x, rows, torch.ones(5), torch.full((5,), 0.5)).tolist()
    assert found[:3] == pytest.approx([-1.5, math.inf, -2 + 2 * 0.15 / 0.55])
    assert found[3:] == [-math.inf, math.inf]


def test_no_level_exceeds_the_clean_accuracy() -> None:
    x = torch.tensor([0.0, 1.0])
    # 0.9 at the first level is luck: the observer knows 0.7 without noise.
    assert threshold(x, torch.tensor([[0.9, 0.1]]), torch.tensor([0.7]), torch.tensor([0.4])).tolist() == (
        pytest.approx([0.5])
    )


def test_resamples_keep_every_class(random: torch.Generator) -> None:
    label = torch.tensor([0, 0, 0, 1, 2, 2])
    counts = class_resamples(label, 500, random)
    for value, size in ((0, 3), (1, 1), (2, 2)):
        assert counts[:, label == value].sum(dim=1).unique().tolist() == [size]
    assert counts.mean(dim=0).tolist() == pytest.approx([1] * 6, abs=0.15)
