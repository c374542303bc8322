"""Mean corruption error: closed forms."""

import pytest

from fsens_cli.errors import ConfigError
from fsens_cli.perturb.corruptions.catalog import CORRUPTIONS
from fsens_cli.statistics.corruption_error import (
    ALEXNET,
    ALEXNET_CLEAN,
    mean_corruption_error,
    relative_corruption_error,
)

OWN = {name: [error] * 5 for name, error in ALEXNET.items()}


def test_alexnets_own_errors_are_exactly_100() -> None:
    assert mean_corruption_error(OWN) == 100.0
    assert relative_corruption_error(OWN, ALEXNET_CLEAN) == pytest.approx(100, abs=1e-9)


def test_published_mean_and_names() -> None:
    assert sum(ALEXNET.values()) / 15 == pytest.approx(0.78899, abs=5e-6)
    assert set(ALEXNET) == {name for name, corruption in CORRUPTIONS.items() if not corruption.extra}


def test_one_corruption_counts_a_fifteenth() -> None:
    halved = OWN | {"fog": [error / 2 for error in OWN["fog"]]}
    assert mean_corruption_error(halved) == pytest.approx(100 - 50 / 15)


def test_errors_are_summed_over_severities_first() -> None:
    uneven = OWN | {"fog": [0.0, 0.0, 0.0, 2 * ALEXNET["fog"], 3 * ALEXNET["fog"]]}
    assert mean_corruption_error(uneven) == pytest.approx(100)


@pytest.mark.parametrize("errors", [{}, OWN | {"fog": [0.5] * 3}])
def test_what_is_missing_is_named(errors: dict[str, list[float]]) -> None:
    with pytest.raises(ConfigError, match=r"suite.severities=\[1,2,3,4,5\]"):
        mean_corruption_error(errors)
