"""The figures of an evaluation, drawn from its files alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from fsens_cli.runs.band_files import draw_band_importance
from fsens_cli.runs.calibration_files import draw_calibration
from fsens_cli.runs.figures.corruption_bars import CorruptionBar, corruption_figure
from fsens_cli.runs.figures.filter_curves import filter_figure
from fsens_cli.runs.figures.heat_map import heat_map_figure
from fsens_cli.runs.figures.prediction import PredictedCorruption, prediction_figure
from fsens_cli.runs.figures.robustness import BudgetPoint, robustness_figure
from fsens_cli.runs.figures.style import save_figure
from fsens_cli.runs.findings_files import FigureFile
from fsens_cli.runs.json_files import Fields
from fsens_cli.runs.stored_tables import read_columns, read_frame, read_rows
from fsens_cli.runs.subject import wrap_title
from fsens_cli.statistics.intervals import Interval

if TYPE_CHECKING:
    import pandas as pd

ACCURACY = ("accuracy", "accuracy_ci_low", "accuracy_ci_high")
HEAT_MAP = ("vertical_cycles_per_image", "horizontal_cycles_per_image", "error_rate")
SIZE = "_size_pixel_range"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evaluated:
    """What all figures of one evaluation share."""

    folder: Path
    formats: Sequence[str]
    results: Fields
    accuracy: "pd.DataFrame"
    words: str
    clean: float

    @property
    def title(self) -> str:
        return self.title_of(self.results.whole("num_images"))

    def title_of(self, n: int) -> str:
        """Return the title of a figure that rests on fewer images."""
        return f"{wrap_title(self.words)}\nn = {n:,}"

    @property
    def sides(self) -> list[int]:
        return [int(side) for side in self.results.numbers("image_size")]

    def keep(self, figure: Figure, name: str, caption: str, alt: str) -> FigureFile:
        save_figure(figure, self.folder, name, self.formats)
        return FigureFile(name=name, caption=caption, alt=alt)


def draw_evaluate(folder: Path, formats: Sequence[str]) -> list[FigureFile]:
    """Draw every figure for which the suite had a question.

    Raises:
        OutputError: a file is missing or damaged.
    """
    results = Fields.read(folder / "results.json", f"{folder} is not a finished evaluation")
    columns = ("kind", "probe", "group", "parameter", "parameter_upper", "severity", *ACCURACY, "n")
    evaluated = _Evaluated(
        folder=folder,
        formats=formats,
        results=results,
        accuracy=read_frame(folder / "accuracy.csv", columns),
        words=f"{results.text('model')} ({results.text('weights')}) on {results.text('data')}",
        clean=results.fields("accuracy").number("value"),
    )
    drawn = (_corruptions, _calibration, _prediction, _filters, _robustness, _heat_map)
    found = [figure for draw in drawn if (figure := draw(evaluated)) is not None]
    return [*found, *draw_band_importance(folder, formats, title=evaluated.title_of)]


def _corruptions(e: _Evaluated) -> FigureFile | None:
    if not e.results.rows("corruption_groups"):
        return None
    figure = corruption_figure(_bars(e.accuracy), _group_means(e.results), clean=e.clean, title=e.title)
    return e.keep(figure, "corruptions", f"Accuracy of {e.words} under each corruption.", "One bar a corruption.")


def _calibration(e: _Evaluated) -> FigureFile | None:
    figure = draw_calibration(e.folder, e.title)
    if figure is None:
        return None
    caption = f"Calibration of {e.words}: accuracy against confidence in 15 bins, and its error at each severity."
    return e.keep(
        figure, "calibration", caption, "A line for the clean images and one a severity; the diagonal is calibrated."
    )


def _prediction(e: _Evaluated) -> FigureFile | None:
    file = e.folder / "prediction.csv"
    if not file.exists():
        return None
    correlation = _interval(e.results.fields("corruption_prediction"), "spearman")
    if correlation is None:  # nothing is lost, or everything alike: there are no ranks to compare
        return None
    figure = prediction_figure(_predicted(file), clean=e.clean, correlation=correlation, title=e.title)
    caption = f"Accuracy lost under each corruption against what spectra foretold, {e.words}."
    alt = f"One point a corruption, by rank; rank correlation {correlation.text(2)}."
    return e.keep(figure, "prediction", caption, alt)


def _filters(e: _Evaluated) -> FigureFile | None:
    filters = e.accuracy[e.accuracy["kind"] == "filter"]
    if not len(filters):
        return None
    figure = filter_figure(
        filters,
        clean=e.clean,
        chance=1 / e.results.number("num_classes"),
        shorter_side=min(e.sides),
        title=e.title,
    )
    caption = f"Accuracy of {e.words} on band-limited images."
    return e.keep(figure, "filters", caption, "Accuracy against the cutoff frequency.")


def _robustness(e: _Evaluated) -> FigureFile | None:
    attacks = e.accuracy[e.accuracy["kind"] == "attack"]
    sizes = _sizes(e.folder) if e.results.rows("minimal") else {}
    if not (sizes or len(attacks)):
        return None
    attacked = int(attacks["n"].max()) if len(attacks) else len(next(iter(sizes.values())))
    figure = robustness_figure(sizes, _points(attacks), title=e.title_of(attacked))
    caption = f"Accuracy of {e.words} against the size of adversarial perturbations."
    return e.keep(figure, "robustness", caption, "Falling steps in each norm, and a point for each attack and budget.")


def _heat_map(e: _Evaluated) -> FigureFile | None:
    file = e.folder / "heat_map.csv"
    if not file.exists():
        return None
    agreement = e.results.fields_or_none("heat_map_agreement")
    correlation = None if agreement is None else _interval(agreement, "spearman")
    figure = heat_map_figure(read_frame(file, HEAT_MAP), e.sides, agreement=correlation, title=wrap_title(e.words))
    caption = f"Error rate of {e.words} under one added frequency, beside its gradient's power."
    return e.keep(figure, "heat_map", caption, "Two maps over horizontal and vertical frequency.")


def _interval(results: Fields, name: str) -> Interval | None:
    """Return a stored number with its bounds, NaN where there is none; nothing where there is no number."""
    inside = results.fields_or_none(name)
    if inside is None or inside.number_or_none("value") is None:
        return None
    value, low, high = (math.nan if bound is None else bound for bound in results.bounds(name))
    return Interval(value, low, high, inside.whole("n"))


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
        row.fields("accuracy").number("value")  # refuses a row without one
        interval = _interval(row, "accuracy")
        assert interval is not None, "the line above refuses null"
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
