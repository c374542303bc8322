"""The figures of an evaluation, drawn from its files alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fsens_cli.runs.figures.corruption_bars import CorruptionBar, corruption_figure
from fsens_cli.runs.figures.filter_curves import filter_figure
from fsens_cli.runs.figures.heat_map import heat_map_figure
from fsens_cli.runs.figures.prediction import PredictedCorruption, prediction_figure
from fsens_cli.runs.figures.robustness import BudgetPoint, robustness_figure
from fsens_cli.runs.figures.style import save_figure
from fsens_cli.runs.findings_files import FigureFile
from fsens_cli.runs.json_files import Fields
from fsens_cli.runs.measure_files import wrap_title
from fsens_cli.runs.stored_tables import read_columns, read_frame, read_rows
from fsens_cli.statistics.intervals import Interval

if TYPE_CHECKING:
    import pandas as pd

ACCURACY = ("accuracy", "accuracy_ci_low", "accuracy_ci_high")
HEAT_MAP = ("vertical_cycles_per_image", "horizontal_cycles_per_image", "error_rate")
SIZE = "_size_pixel_range"


def draw_evaluate(folder: Path, formats: Sequence[str]) -> list[FigureFile]:
    """Draw every figure for which the suite had a question.

    Raises:
        OutputError: a file is missing or damaged.
    """
    results = Fields.read(folder / "results.json", f"{folder} is not a finished evaluation")
    table = read_frame(
        folder / "accuracy.csv", ("kind", "probe", "group", "parameter", "parameter_upper", "severity", *ACCURACY)
    )
    words = f"{results.text('model')} ({results.text('weights')}) on {results.text('data')}"
    title = wrap_title(words)
    clean = results.fields("accuracy").number("value")
    drawn = []
    if results.rows("corruption_groups"):
        figure = corruption_figure(_bars(table), _group_means(results), clean=clean, title=title)
        save_figure(figure, folder, "corruptions", formats)
        drawn.append(_figure("corruptions", f"Accuracy of {words} under each corruption.", "One bar a corruption."))
    if (folder / "prediction.csv").exists():
        predicted = _predicted(folder / "prediction.csv")
        correlation = _interval(results.fields("corruption_prediction"), "spearman")
        figure = prediction_figure(predicted, clean=clean, correlation=correlation, title=title)
        save_figure(figure, folder, "prediction", formats)
        drawn.append(
            _figure(
                "prediction",
                f"Accuracy lost under each corruption against what spectra foretold, {words}.",
                "Points near the dashed line were foretold well.",
            )
        )
    filters = table[table["kind"] == "filter"]
    if len(filters):
        figure = filter_figure(
            filters,
            clean=clean,
            chance=1 / results.number("num_classes"),
            shorter_side=int(min(results.numbers("image_size"))),
            title=f"{title}\nn = {results.whole('num_images'):,}",
        )
        save_figure(figure, folder, "filters", formats)
        drawn.append(
            _figure("filters", f"Accuracy of {words} on band-limited images.", "Accuracy against the cutoff frequency.")
        )
    attacks = table[table["kind"] == "attack"]
    sizes = _sizes(folder) if results.rows("minimal") else {}
    if sizes or len(attacks):
        save_figure(robustness_figure(sizes, _points(attacks), title=title), folder, "robustness", formats)
        drawn.append(
            _figure(
                "robustness",
                f"Accuracy of {words} against the size of adversarial perturbations.",
                "Falling steps in each norm, and a point for each attack and budget.",
            )
        )
    if (folder / "heat_map.csv").exists():
        heat = read_frame(folder / "heat_map.csv", HEAT_MAP)
        agreement = results.fields_or_none("heat_map_agreement")
        size = [int(side) for side in results.numbers("image_size")]
        figure = heat_map_figure(
            heat, size, agreement=None if agreement is None else _interval(agreement, "spearman"), title=words
        )
        save_figure(figure, folder, "heat_map", formats)
        drawn.append(
            _figure(
                "heat_map",
                f"Error rate of {words} under one added frequency, beside its gradient's power.",
                "Two maps over horizontal and vertical frequency.",
            )
        )
    return drawn


def _figure(name: str, caption: str, alt: str) -> FigureFile:
    return FigureFile(name=name, caption=caption, alt=alt)


def _interval(results: Fields, name: str) -> Interval | None:
    inside = results.fields_or_none(name)
    if inside is None:
        return None
    return Interval(inside.number("value"), inside.number("low"), inside.number("high"), inside.whole("n"))


def _bars(table: "pd.DataFrame") -> list[CorruptionBar]:
    rows = table[table["kind"] == "corruption"]
    bars = []
    for name, part in rows.groupby("probe", sort=False):
        bars.append(
            CorruptionBar(
                name=str(name),
                group=str(part["group"].iloc[0]),
                by_severity=dict(zip(part["severity"].astype(int), part["accuracy"], strict=True)),
            )
        )
    return bars


def _predicted(file: Path) -> list[PredictedCorruption]:
    words = read_rows(file, ("probe", "group"))
    severity, predicted, *measured = (
        c.tolist() for c in read_columns(file, ("severity", "predicted_accuracy", *ACCURACY))
    )
    return [
        PredictedCorruption(
            name=row["probe"].replace("_", " "),
            group=row["group"],
            severity=int(severity[i]),
            predicted=predicted[i],
            measured=(measured[0][i], measured[1][i], measured[2][i]),
        )
        for i, row in enumerate(words)
    ]


def _group_means(results: Fields) -> dict[str, Interval]:
    found = {}
    for row in results.rows("corruption_groups"):
        interval = _interval(row, "accuracy")
        assert interval is not None, "the reader above refuses null"
        found[row.text("name")] = interval
    return found


def _sizes(folder: Path) -> dict[str, np.ndarray]:
    minimal = read_frame(folder / "minimal.csv", ("index",))
    return {str(c).removesuffix(SIZE): minimal[c].to_numpy(float) for c in minimal.columns if str(c).endswith(SIZE)}


def _points(attacks: "pd.DataFrame") -> list[BudgetPoint]:
    eps, accuracy, low, high = (attacks[name].to_numpy(float).tolist() for name in ("parameter", *ACCURACY))
    return [
        BudgetPoint(attack=str(probe), norm=str(norm), eps=eps[i], accuracy=accuracy[i], low=low[i], high=high[i])
        for i, (probe, norm) in enumerate(zip(attacks["probe"], attacks["group"], strict=True))
    ]
