"""The defence figures: everything against the filter's strength, and robustness against frequency preference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, ScalarFormatter

from fsens_cli.runs.figures.style import (
    BLACK,
    BLUE,
    COLUMN_WIDTH,
    CYCLE,
    GRAY,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    figure_style,
)

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
class ScatterPoint:
    """One model in the paper's scatter plots; None where a number is missing."""

    label: str
    f_rev: float | None
    corruption_percent: float | None
    f_half: float | None
    size_per_255: float | None
    reliable: bool


# x, y, axis labels of the two scatter plots of Li et al. 2023.
Published = Mapping[str, Sequence[tuple[str, float, float]]]


def panels_figure(panels: Sequence[tuple[str, Sequence[Curve]]], *, unit: str, title: str) -> Figure:
    """Draw small panels that share the axis of the strength.

    Args:
        panels: the label of the vertical axis, and its curves.
        unit: of the strength.
        title: above the figure.
    """
    rows = (len(panels) + 1) // 2
    with figure_style():
        figure, axes = plt.subplots(rows, 2, figsize=(2 * COLUMN_WIDTH, 0.5 + 2.0 * rows), sharex=True, squeeze=False)
        for place, (words, curves) in zip(axes.flat, panels, strict=False):
            for curve, colour in zip(curves, cycle(CYCLE), strict=False):
                _draw(place, curve, colour)
            place.set(ylabel=words)
            place.margins(y=0.15)
            place.set_ylim(bottom=0)
            place.legend(frameon=False, fontsize=7)
        for place in axes.flat[len(panels) :]:
            place.set_visible(False)
        for place in axes[-1]:
            place.set_xlabel(unit)
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

    Args:
        points: the models measured.
        published: rows (family, x, y) under ``f_rev`` and ``f_half``; empty where nothing is published for the data.
        title: above the figure.
    """
    with figure_style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(2 * COLUMN_WIDTH, 3.1))
        left.set(xlabel=r"$f_{\rm rev}$ (fraction of Nyquist)", ylabel="accuracy under corruptions (%)")
        right.set(xlabel=r"$f_{0.5}$ (cycles/pixel)", ylabel=r"mean smallest $L_\infty$ perturbation (1/255)")
        right.set_yscale("log")
        right.yaxis.set_major_formatter(ScalarFormatter())
        right.yaxis.set_minor_formatter(FuncFormatter(lambda y, _: f"{y:g}" if f"{y:e}"[0] in "25" else ""))
        for axes, key in ((left, "f_rev"), (right, "f_half")):
            for family, x, y in published.get(key, ()):
                axes.plot(x, y, "s", color=FAMILIES.get(family, BLACK), alpha=0.35, markersize=4, markeredgewidth=0)
        _connect(left, [(p.f_rev, p.corruption_percent, p.label, True) for p in points])
        _connect(right, [(p.f_half, p.size_per_255, p.label, p.reliable) for p in points])
        if any(published.values()):
            for family, colour in FAMILIES.items():
                left.plot([], [], "s", color=colour, alpha=0.35, markersize=4, label=f"published: {family}")
        left.plot([], [], "o", color=ORANGE, markersize=4, label="this run")
        figure.legend(loc="outside lower center", ncols=3, frameon=False)
        figure.suptitle(title, fontsize=8)
    return figure


def _connect(axes: Axes, points: Sequence[tuple[float | None, float | None, str, bool]]) -> None:
    drawn = [(x, y, label, reliable) for x, y, label, reliable in points if x is not None and y is not None]
    axes.plot([p[0] for p in drawn], [p[1] for p in drawn], color=ORANGE, linewidth=0.8, alpha=0.6)
    for x, y, label, reliable in drawn:
        axes.plot(x, y, "o", color=ORANGE, markersize=4.5, markerfacecolor=ORANGE if reliable else "white", zorder=4)
        axes.annotate(label, (x, y), xytext=(4, 3), textcoords="offset points", fontsize=6)
