"""Headline numbers and warnings of a training, with those of the measurement of its network."""

from fsens_cli.experiments.quantities import Findings, quantity
from fsens_cli.experiments.train_settings import TrainConfig
from fsens_cli.statistics.intervals import Interval


def train_findings(test_accuracy: Interval, measured: Findings, config: TrainConfig) -> Findings:
    """Return what a training says: its accuracy on all test images, then what was measured on some of them."""
    whole = quantity(test_accuracy, "test-accuracy", "test accuracy, all images", leading=True)
    return Findings(
        verdict=measured.verdict,
        quantities=(whole, *measured.quantities),
        warnings=measured.warnings,
        lines=measured.lines,
        asked={"epochs": str(config.epochs)} | measured.asked,
    )
