"""Predicted and measured losses under corruptions, by rank."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from fsens_cli.runs.figures.corruption_bars import GROUPS
from fsens_cli.runs.figures.labels import label_points
from fsens_cli.runs.figures.style import GRAY, figure_style, new_figure
from fsens_cli.statistics.intervals import Interval

NAMED = 4  # corruptions written beside their points: those foretold worst


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedCorruption:
    """One corruption of one severity: accuracies (0..1), the measured one with its interval."""

    name: str
    group: str
    severity: int
    predicted: float
    measured: tuple[float, float, float]


def prediction_figure(
    points: Sequence[PredictedCorruption], *, clean: float, correlation: Interval, title: str
) -> Figure:
    """Draw the rank of each corruption by what it costs against its rank by what was predicted; 1 costs least.

    Predicted losses are often far smaller than measured ones and lie on each other, so ranks are what they say. The
    dashed line is where both agree.
    """
    predicted = _ranks([clean - p.predicted for p in points])
    measured = _ranks([clean - p.measured[0] for p in points])
    worst = np.argsort(-np.abs(predicted - measured), kind="stable")[:NAMED].tolist()
    with figure_style():
        figure, (axes,) = new_figure(3.5)
        ends = [0, len(points) + 1]
        axes.plot(ends, ends, "--", color=GRAY, linewidth=0.8, zorder=0, label="as predicted")
        for group, (colour, words) in GROUPS.items():
            mine = [i for i, p in enumerate(points) if p.group == group]
            if mine:
                axes.plot(predicted[mine], measured[mine], "o", color=colour, markersize=3, label=words)
        axes.set(xlim=ends, ylim=ends, xlabel="rank by predicted drop in accuracy", ylabel="rank by measured drop")
        axes.set_title(f"{title}\nrank correlation {correlation.text(2)}, {len(points)} corruptions")
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
        named = [
            (
                float(predicted[i]),
                float(measured[i]),
                f"{points[i].name} {points[i].severity}",
                GROUPS[points[i].group][0],
            )
            for i in worst
        ]
        label_points(axes, named, [(float(a), float(b)) for a, b in zip(predicted, measured, strict=True)])
    return figure


def _ranks(loss: Sequence[float]) -> np.ndarray:
    """Return ranks from 1, the mean of the ranks for equal losses."""
    values = np.asarray(loss)
    return np.array([(values < v).sum() + ((values == v).sum() + 1) / 2 for v in values])
