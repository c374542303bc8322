"""The defence figures: everything against the filter's strength, and robustness against frequency preference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator, StrMethodFormatter

from fsens_cli.runs.figures.corruption_bars import GROUPS
from fsens_cli.runs.figures.labels import label_points
from fsens_cli.runs.figures.style import (
    BLACK,
    BLUE,
    CYCLE,
    GRAY,
    GREEN,
    INTERVAL,
    ORANGE,
    PURPLE,
    RED,
    figure_style,
    new_figure,
)

HOLLOW = "hollow: a check failed, or not told from chance"

FAMILIES = {
    "standard": GRAY,
    "adversarially-trained": RED,
    "corruption-trained": GREEN,
    "blur": BLUE,
    "pca": PURPLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One number against the strength, with its interval; unreliable points are drawn hollow."""

    label: str
    strength: Sequence[float]
    value: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    reliable: Sequence[bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel over the strength: the label of its vertical axis, its curves, and a level to compare them with."""

    words: str
    curves: Sequence[Curve]
    chance: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScatterPoint:
    """One model in the paper's scatter plots; None where a number is missing."""

    label: str
    f_rev: float | None
    corruption_percent: float | None
    f_half: float | None
    size_per_255: float | None
    median_per_255: float | None
    reliable: bool
    is_control: bool = False


# x, y, axis labels of the two scatter plots of Li et al. 2023.
Published = Mapping[str, Sequence[tuple[str, float, float]]]


def panels_figure(panels: Sequence[Panel], *, unit: str, title: str) -> Figure:
    """Draw panels, lettered, that share the axis of the strength.

    Args:
        panels: from the top.
        unit: of the strength.
        title: above the figure.
    """
    with figure_style():
        figure, places = new_figure(0.8 + 1.35 * len(panels), rows=len(panels), share_x=True)
        for letter, axes, panel in zip("abcdefgh", places, panels, strict=False):
            for curve, colour in zip(panel.curves, cycle(CYCLE), strict=False):
                _draw(axes, curve, GROUPS[curve.label][0] if curve.label in GROUPS else colour)
            if panel.chance is not None:
                axes.axhline(panel.chance, color=GRAY, linestyle="--", linewidth=0.8, label="chance")
            axes.set(ylabel=panel.words)
            axes.margins(y=0.15)
            axes.set_ylim(bottom=0)
            axes.set_title(letter, loc="left", fontweight="bold")
            # Above the panel, where no curve can be.
            axes.legend(
                frameon=False, loc="lower right", bbox_to_anchor=(1, 0.98), ncols=4, borderpad=0, handlelength=1.2,
                columnspacing=0.9, fontsize=6.5,
            )  # fmt: skip
        reliable = all(all(curve.reliable) for panel in panels for curve in panel.curves)
        unit = f"{unit}; bars: {INTERVAL}"
        places[-1].set_xlabel(unit if reliable else f"{unit}\n{HOLLOW}")
        figure.suptitle(title, fontsize=8)
    return figure


def _draw(axes: Axes, curve: Curve, colour: str) -> None:
    error = np.abs(np.array([np.subtract(curve.value, curve.low), np.subtract(curve.high, curve.value)]))
    axes.errorbar(
        curve.strength, curve.value, yerr=error, color=colour, linewidth=1.0, elinewidth=0.8, label=curve.label
    )
    for x, y, reliable in zip(curve.strength, curve.value, curve.reliable, strict=True):
        axes.plot(x, y, "o", color=colour, markersize=3.5, markerfacecolor=colour if reliable else "white", zorder=4)


def scatter_figure(points: Sequence[ScatterPoint], published: Published, *, title: str) -> Figure:
    """Draw corruption accuracy against f_rev, and the size of perturbations against f_0.5, published values behind.

    Published sizes are means, so ours are means beside them; without any they are medians, as in the tables.

    Args:
        points: the models measured.
        published: rows (family, x, y) under ``f_rev`` and ``f_half``; empty where nothing is published for the data.
        title: above the figure.
    """
    beside = any(published.values())
    with figure_style():
        figure, (above, below) = new_figure(4.9 if beside else 4.4, rows=2)
        above.set(xlabel="f_rev (fraction of Nyquist)", ylabel="corrupted, accuracy (%)")
        kind = "mean" if beside else "median"
        below.set(xlabel="f_0.5 (cycles/pixel)", ylabel=f"{kind} smallest L∞ size (1/255)")
        below.set_yscale("log")
        for axes, key in ((above, "f_rev"), (below, "f_half")):
            for family, x, y in published.get(key, ()):
                axes.plot(x, y, "s", color=FAMILIES.get(family, BLACK), alpha=0.35, markersize=4, markeredgewidth=0)
        size = [p.size_per_255 if beside else p.median_per_255 for p in points]
        first = [(p.f_rev, p.corruption_percent, p.label, True, p.is_control) for p in points]
        second = [(p.f_half, y, p.label, p.reliable, p.is_control) for p, y in zip(points, size, strict=True)]
        drawn = [(above, _connect(above, first)), (below, _connect(below, second))]
        # Enough room that a range of less than a decade has ticks, too.
        below.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        below.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        below.yaxis.set_minor_locator(NullLocator())
        below.yaxis.set_minor_formatter(NullFormatter())
        low, high = below.get_ylim()
        below.set_ylim(min(low, 0.6 * low), max(high, 1.6 * high))
        above.margins(0.15)
        below.margins(x=0.15)
        if beside:
            for family, colour in FAMILIES.items():
                above.plot([], [], "s", color=colour, alpha=0.35, markersize=4, label=f"published: {family}")
            above.plot([], [], "o", color=ORANGE, markersize=4, label="this run")
            figure.legend(loc="outside lower center", ncols=2, frameon=False)
        figure.suptitle(title, fontsize=8)
        for axes, (mine, joined) in drawn:
            label_points(axes, [(x, y, label, BLACK) for x, y, label in mine], avoid=_along(axes, joined))
    return figure


def _connect(
    axes: Axes, points: Sequence[tuple[float | None, float | None, str, bool, bool]]
) -> tuple[list[tuple[float, float, str]], Line2D]:
    """Draw the points in their order; return those that have both numbers, and the line that joins them."""
    found = [
        ((x, y, label, reliable), is_control)
        for x, y, label, reliable, is_control in points
        if x is not None and y is not None
    ]
    drawn, controls = [point for point, _ in found], [is_control for _, is_control in found]
    # A control is another network: no line joins it with those trained through their filters.
    trained = [p for p, is_control in zip(drawn, controls, strict=True) if not is_control]
    (joined,) = axes.plot([p[0] for p in trained], [p[1] for p in trained], color=ORANGE, linewidth=0.8, alpha=0.6)
    for x, y, _, reliable in drawn:
        axes.plot(x, y, "o", color=ORANGE, markersize=4.5, markerfacecolor=ORANGE if reliable else "white", zorder=4)
    return [(x, y, label) for x, y, label, _ in drawn], joined


def _along(axes: Axes, joined: Line2D) -> list[tuple[float, float]]:
    """Return places close to each other on a line, which is straight where it is drawn, on whatever scale."""
    places = axes.transData.transform(np.column_stack(joined.get_data()))
    if len(places) < 2:
        return []
    steps = np.linspace(0, len(places) - 1, 60 * (len(places) - 1))
    between = np.column_stack([np.interp(steps, range(len(places)), column) for column in places.T])
    return [(float(x), float(y)) for x, y in axes.transData.inverted().transform(between)]
