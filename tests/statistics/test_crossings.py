"""Where a curve first rises through zero, and its bounds."""

import math

import pytest
import torch

from fsens_cli.statistics.crossings import central_bounds, first_rise

X = torch.tensor([0.0, 0.2, 0.6, 1.0])


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ([-1, -1, 1, 1], 0.4),
        ([-1, -0.25, 0.75, 1], 0.3),
        ([-1, 0, 1, 1], 0.2),  # a point on zero is the crossing itself
        ([0, 1, 1, 1], 0.0),
        ([-1, -1, -1, 0], 1.0),
        ([-1, 1, -1, 1], 0.1),  # the first of several
        ([0.1, -1, -1, 1], -math.inf),  # above zero at the start: it has risen before
        ([1, 1, 1, 1], -math.inf),
        ([-1, -1, -1, -0.01], math.inf),
    ],
)
def test_first_rise(curve: list[float], expected: float) -> None:
    (found,) = first_rise(X, torch.tensor([curve])).tolist()
    assert found == pytest.approx(expected)


def test_many_curves_are_read_one_by_one() -> None:
    curves = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    together = first_rise(X, curves)
    alone = torch.cat([first_rise(X, curve[None]) for curve in curves])
    assert together.tolist() == alone.tolist()
    assert not bool(together.isnan().any())


def test_bounds_are_open_only_where_enough_samples_are() -> None:
    few = torch.tensor([math.inf] * 2 + [0.5] * 98)
    many = torch.tensor([math.inf] * 5 + [0.5] * 95)
    assert central_bounds(few) == (0.5, 0.5)
    assert central_bounds(many) == (0.5, math.inf)
    assert central_bounds(-many) == (-math.inf, -0.5)
