"""Correlations and slopes within families: against scipy, a written-out regression, and a case where pooling lies."""

import numpy as np
import pytest
from scipy import stats

from fsens_cli.statistics.slopes import correlation, within_slope


def test_correlation_against_scipy() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=12)
    y = x + generator.normal(size=12)
    found = correlation(x.tolist(), y.tolist())
    theirs = stats.pearsonr(x, y)
    bounds = theirs.confidence_interval(0.95)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((theirs.statistic, bounds.low, bounds.high))


def test_one_family_is_ordinary_regression() -> None:
    generator = np.random.default_rng(1)
    x = generator.normal(size=9)
    y = 2 * x + generator.normal(size=9)
    found = within_slope(x.tolist(), y.tolist(), ["a"] * 9)
    theirs = stats.linregress(x, y)
    half = stats.t.ppf(0.975, 7) * theirs.stderr
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx(
        (theirs.slope, theirs.slope - half, theirs.slope + half)
    )


def test_families_against_regression_with_a_level_for_each() -> None:
    generator = np.random.default_rng(2)
    family = ["a"] * 5 + ["b"] * 4 + ["alone"]
    level = {"a": 0.0, "b": 10.0, "alone": 100.0}
    x = generator.normal(size=10)
    y = np.array([level[f] for f in family]) - 3 * x + 0.1 * generator.normal(size=10)
    design = np.column_stack([x[:9], [f == "a" for f in family[:9]], [f == "b" for f in family[:9]]]).astype(float)
    solution, residual, *_ = np.linalg.lstsq(design, y[:9], rcond=None)
    error = np.sqrt(residual[0] / 6 * np.linalg.inv(design.T @ design)[0, 0])
    found = within_slope(x.tolist(), y.tolist(), family)
    assert found is not None
    assert found.n == 9
    assert found.value == pytest.approx(solution[0])
    assert found.high - found.low == pytest.approx(2 * stats.t.ppf(0.975, 6) * error)


def test_between_families_is_not_within() -> None:
    # Simpson: the second family is higher in both, while within each y falls with x.
    x = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]
    y = [2.0, 1.0, 0.0, 12.0, 11.0, 10.0]
    family = ["a"] * 3 + ["b"] * 3
    pooled, within = correlation(x, y), within_slope(x, y, family)
    assert pooled is not None
    assert within is not None
    assert pooled.value > 0.9
    assert within.value == pytest.approx(-1)
    assert within.high < 0


@pytest.mark.parametrize(
    ("x", "family"), [([1.0, 1.0, 1.0, 1.0], ["a"] * 4), ([1.0, 2.0], ["a"] * 2), ([1.0, 2.0, 3.0], ["a", "b", "c"])]
)
def test_too_little_says_nothing(x: list[float], family: list[str]) -> None:
    assert within_slope(x, list(range(len(x))), family) is None
    assert len(set(x)) == len(x) > 3 or correlation(x, list(range(len(x)))) is None


def test_one_network_behind_five_filters_is_one_network() -> None:
    x, y = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 1.0, 2.0, 3.0, 5.0, 4.0]
    assert correlation(x, y, ["a"] * 5 + ["b"]) is None
    few, many = correlation(x, y, ["a", "b", "c", "d", "e", "e"]), correlation(x, y)
    assert few is not None
    assert many is not None
    assert (few.n, many.n) == (5, 6)
    assert few.high - few.low > many.high - many.low
