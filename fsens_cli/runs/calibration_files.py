"""Calibration and corruption error of an evaluation: two tables, the headline numbers, and the diagram from them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from fsens_cli.experiments.evaluate_calibration import CalibrationRow
from fsens_cli.experiments.evaluate_corruption_error import CorruptionError
from fsens_cli.runs.figures.calibration import ErrorPoint, ReliabilityCurve, calibration_figure
from fsens_cli.runs.files import write_table
from fsens_cli.runs.json_files import Json
from fsens_cli.runs.json_numbers import interval_or_nulls
from fsens_cli.runs.stored_tables import read_columns

CALIBRATION, RELIABILITY = "calibration.csv", "reliability.csv"
ERROR = ("severity", "ece", "ece_ci_low", "ece_ci_high")
# A bin with a smaller share of the answers is left out of the diagram: its accuracy is that of a handful of images.
SMALLEST_SHARE = 0.01
BINS = ("severity", "bin_upper", "count", "confidence", "accuracy")


def calibration_dicts(rows: Sequence[CalibrationRow]) -> list[Json]:
    """Return the calibration as it stands in ``results.json``: clean first, then each severity."""
    return [
        {
            "name": row.name,
            "severity": row.severity,
            "num_corruptions": row.num_corruptions,
            "expected_calibration_error": interval_or_nulls(row.found.error),
            "negative_log_likelihood_nats": interval_or_nulls(row.found.log_likelihood_loss),
            "brier": interval_or_nulls(row.found.brier),
        }
        for row in rows
    ]


def corruption_error_dict(found: CorruptionError | None) -> Json | None:
    """Return the averages over the 15 corruptions as shares; mCE is None for other images than ImageNet's."""
    if found is None:
        return None
    return {
        "mean_error": interval_or_nulls(found.mean_error),
        "mce": None if found.mce is None else interval_or_nulls(found.mce),
        "relative_mce": None if found.relative_mce is None else interval_or_nulls(found.relative_mce),
        "reference": found.reference or None,
    }


def write_calibration(folder: Path, rows: Sequence[CalibrationRow]) -> None:
    """Write ``calibration.csv``, one row a severity (0 is clean), and ``reliability.csv``, one row a bin of each."""
    if not rows:
        return
    columns: dict[str, Sequence[object]] = {
        "severity": [row.severity for row in rows],
        "corruptions": [row.num_corruptions for row in rows],
    }
    scores = {
        "ece": [row.found.error for row in rows],
        "nll_nats": [row.found.log_likelihood_loss for row in rows],
        "brier": [row.found.brier for row in rows],
    }
    for name, intervals in scores.items():
        columns[name] = [i.value for i in intervals]
        columns[f"{name}_ci_low"] = [i.low for i in intervals]
        columns[f"{name}_ci_high"] = [i.high for i in intervals]
    columns["n"] = [row.found.error.n for row in rows]
    write_table(folder / CALIBRATION, columns)
    _write_bins(folder, rows)


def _write_bins(folder: Path, rows: Sequence[CalibrationRow]) -> None:
    bins = [(row.severity, row.found.reliability) for row in rows]
    write_table(
        folder / RELIABILITY,
        {
            "severity": [severity for severity, found in bins for _ in found.upper_B],
            "bin_upper": [upper for _, found in bins for upper in found.upper_B.tolist()],
            "count": [int(count) for _, found in bins for count in found.count_B.tolist()],
            "confidence": [value for _, found in bins for value in found.confidence_B.tolist()],
            "accuracy": [value for _, found in bins for value in found.accuracy_B.tolist()],
        },
    )


def draw_calibration(folder: Path, title: str) -> Figure | None:
    """Return the reliability diagram of what ``write_calibration`` left; None where it left nothing.

    Raises:
        OutputError: a file is missing or damaged.
    """
    if not (folder / CALIBRATION).exists():
        return None
    errors = [ErrorPoint(int(s), *rest) for s, *rest in zip(*_lists(folder / CALIBRATION, ERROR), strict=True)]
    severity, _, count, confidence, accuracy = (np.array(c) for c in _lists(folder / RELIABILITY, BINS))
    curves = []
    for point in errors:
        mine = severity == point.severity
        rows = mine & (count >= SMALLEST_SHARE * count[mine].sum()) & (count > 0)
        curves.append(
            ReliabilityCurve(
                severity=point.severity,
                confidence=confidence[rows].tolist(),
                accuracy=accuracy[rows].tolist(),
                share=(count[rows] / count[mine].sum()).tolist(),
            )
        )
    return calibration_figure(curves, errors, title=title)


def _lists(file: Path, names: Sequence[str]) -> list[list[float]]:
    return [column.tolist() for column in read_columns(file, names)]
