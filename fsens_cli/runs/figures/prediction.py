"""The figure of predicted and measured losses: do the two spectra say which corruptions hurt?"""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from fsens_cli.runs.figures.corruption_bars import GROUPS
from fsens_cli.runs.figures.style import COLUMN_WIDTH, GRAY, figure_style
from fsens_cli.statistics.intervals import Interval

NAMED = 4  # corruptions written beside their points: those that cost most


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedCorruption:
    """One corruption of one severity: accuracies (0..1), the measured one with its interval."""

    name: str
    group: str
    severity: int
    predicted: float
    measured: tuple[float, float, float]


def prediction_figure(
    points: Sequence[PredictedCorruption], *, clean: float, correlation: Interval | None, title: str
) -> Figure:
    """Draw the points of accuracy lost under each corruption against those predicted, the dashed line where equal."""
    with figure_style():
        figure, axes = plt.subplots(figsize=(COLUMN_WIDTH, 3.0))
        for group, (colour, words) in GROUPS.items():
            mine = [p for p in points if p.group == group]
            if not mine:
                continue
            lost = [100 * (clean - p.measured[0]) for p in mine]
            # A higher accuracy is a smaller loss.
            below = [100 * (p.measured[2] - p.measured[0]) for p in mine]
            above = [100 * (p.measured[0] - p.measured[1]) for p in mine]
            axes.errorbar(
                [100 * (clean - p.predicted) for p in mine],
                lost,
                yerr=[below, above],
                fmt="o",
                markersize=3,
                linewidth=0,
                elinewidth=0.5,
                color=colour,
                label=words,
            )
        named = sorted(_strongest(points), key=lambda p: p.measured[0])[:NAMED]
        for point in named:
            axes.annotate(
                f"{point.name} {point.severity}",
                (100 * (clean - point.predicted), 100 * (clean - point.measured[0])),
                xytext=(4, 0),
                textcoords="offset points",
                fontsize=6,
                va="center",
            )
        low, high = axes.get_xlim()
        bottom, top = axes.get_ylim()
        ends = [min(low, bottom), max(high, top)]
        axes.plot(ends, ends, "--", color=GRAY, linewidth=0.8, zorder=0)
        axes.set(xlim=(low, high + 0.18 * (high - low)), ylim=(bottom, top))
        axes.set_xlabel("points lost, predicted from the two spectra")
        axes.set_ylabel("points lost, measured (95 % interval)")
        axes.legend(loc="upper left", frameon=False, title="corruptions", title_fontsize=7, alignment="left")
        words = "" if correlation is None else f"\nrank correlation of accuracies {correlation.value:.2f}"
        figure.suptitle(f"{title}{words}", fontsize=8)
    return figure


def _strongest(points: Sequence[PredictedCorruption]) -> list[PredictedCorruption]:
    """Return each corruption at its highest severity."""
    best: dict[str, PredictedCorruption] = {}
    for point in points:
        if point.name not in best or best[point.name].severity < point.severity:
            best[point.name] = point
    return list(best.values())
