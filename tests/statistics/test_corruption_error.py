"""Mean corruption error: closed forms."""

import pytest

from fsens_cli.errors import ConfigError
from fsens_cli.perturb.corruptions.catalog import CORRUPTIONS
from fsens_cli.statistics.corruption_error import (
    ROBUSTBENCH,
    VALIDATION,
    mean_corruption_error,
    relative_corruption_error,
)

OWN = {name: [error] * 5 for name, error in VALIDATION.errors.items()}


def test_alexnets_own_errors_are_exactly_100() -> None:
    assert mean_corruption_error(OWN) == 100.0
    assert relative_corruption_error(OWN, VALIDATION.clean) == pytest.approx(100, abs=1e-9)


def test_published_mean_and_names() -> None:
    assert sum(VALIDATION.errors.values()) / 15 == pytest.approx(0.78899, abs=5e-6)
    assert set(VALIDATION.errors) == {name for name, corruption in CORRUPTIONS.items() if not corruption.extra}


def test_one_corruption_counts_a_fifteenth() -> None:
    halved = OWN | {"fog": [error / 2 for error in OWN["fog"]]}
    assert mean_corruption_error(halved) == pytest.approx(100 - 50 / 15)


def test_errors_are_summed_over_severities_first() -> None:
    uneven = OWN | {"fog": [0.0, 0.0, 0.0, 2 * VALIDATION.errors["fog"], 3 * VALIDATION.errors["fog"]]}
    assert mean_corruption_error(uneven) == pytest.approx(100)


@pytest.mark.parametrize("errors", [{}, OWN | {"fog": [0.5] * 3}])
def test_what_is_missing_is_named(errors: dict[str, list[float]]) -> None:
    with pytest.raises(ConfigError, match=r"suite.severities=\[1,2,3,4,5\]"):
        mean_corruption_error(errors)


# Mean errors over severities in RobustBench's unaggregated_results.csv, in the order of its divisors here.
RESNET_50 = (.68536, .70904, .74012, .61096, .73232, .61868, .63684, .67848, .62684, .545, .32156, .60896, .55044,
             .5514, .46156)  # fmt: skip


def test_the_divisors_of_the_5000_images_give_the_published_mce() -> None:
    errors = {name: [error] * 5 for name, error in zip(ROBUSTBENCH.errors, RESNET_50, strict=True)}
    assert round(mean_corruption_error(errors, ROBUSTBENCH), 2) == 76.38  # Standard_R50.json
    assert round(mean_corruption_error(errors), 2) == 76.37
    assert sum(ROBUSTBENCH.errors.values()) / 15 == pytest.approx(1 - 0.2112, abs=5e-5)  # AlexNet.json
