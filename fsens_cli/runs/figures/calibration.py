"""The reliability diagram, and the calibration error at each severity."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fsens_cli.runs.figures.style import (
    BLACK,
    BLUE,
    GRAY,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    figure_style,
    interval_key,
    new_figure,
)

# Severity 0 is clean.
COLOURS = (BLACK, BLUE, GREEN, ORANGE, RED, PURPLE)
LARGEST_MARKER = 60.0  # square points, for a bin that holds every answer


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityCurve:
    """Bins that hold answers: mean confidence, accuracy (0..1) and share of the answers; severity 0 is clean."""

    severity: int
    confidence: Sequence[float]
    accuracy: Sequence[float]
    share: Sequence[float]


@dataclass(frozen=True, slots=True)
class ErrorPoint:
    """The expected calibration error (0..1) at one severity, with its interval."""

    severity: int
    value: float
    low: float
    high: float


def calibration_figure(curves: Sequence[ReliabilityCurve], errors: Sequence[ErrorPoint], *, title: str) -> Figure:
    """Draw accuracy against confidence, each point as large as its bin is full, and below the error by severity."""
    with figure_style():
        figure, (diagram, below) = new_figure(4.6, rows=2)
        diagram.plot([0, 100], [0, 100], "--", color=GRAY, linewidth=0.8, zorder=0, label="calibrated")
        for curve in curves:
            colour = COLOURS[curve.severity]
            x, y = ([100 * v for v in values] for values in (curve.confidence, curve.accuracy))
            diagram.plot(x, y, color=colour, linewidth=0.8, label=_words(curve.severity))
            # A bin at an end of the scale is a whole dot, too.
            sizes = [LARGEST_MARKER * s for s in curve.share]
            diagram.scatter(x, y, sizes, color=colour, linewidths=0, clip_on=False, zorder=3)
        diagram.set(
            xlim=(0, 102),
            ylim=(0, 102),
            xlabel="confidence (%); larger dots: more images",
            ylabel="accuracy (%)",
        )
        for point in errors:
            bounds = [[100 * (point.value - point.low)], [100 * (point.high - point.value)]]
            below.errorbar(
                point.severity, 100 * point.value, yerr=bounds, fmt="o", markersize=3, linewidth=0.8,
                color=COLOURS[point.severity], clip_on=False, zorder=3,
            )  # fmt: skip
        below.xaxis.set_major_locator(MaxNLocator(integer=True))
        below.set(ylabel="ECE (%)", xlabel="severity (0: clean)", ylim=(0, None), xlim=(-0.5, 5.5))
        figure.suptitle(title, fontsize=8)
        handles, _ = diagram.get_legend_handles_labels()
        handles.append(interval_key(bars=True))
        figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _words(severity: int) -> str:
    return f"severity {severity}" if severity else "clean"
