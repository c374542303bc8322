"""Figures of spectra by depth: high over low against depth, and the spectra themselves beside the gradients'."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fsens_cli.runs.figures.style import (
    BLUE,
    COLUMN_WIDTH,
    GRAY,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    figure_style,
    interval_key,
    octave_axis,
    subplots,
)

KINDS = {
    "image": ("s", GRAY),
    "front end": ("D", PURPLE),
    "stem": ("^", GREEN),
    "convolution": ("o", BLUE),
    "attention": ("v", RED),
    "token mixing": ("v", RED),
    "mlp": ("o", SKY),
}
OTHER_KIND = ("o", ORANGE)
MOST_NAMED = 9  # states that a legend names; of more a scale tells the depth


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthPoint:
    """One state: where it lies, what kind it is, and its ratio in dB with bounds."""

    name: str
    depth: float
    kind: str
    ratio: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSpectrum:
    """One state's curve over radius in cycles/image, the constant left out; ``gradient`` may be empty."""

    name: str
    depth: float
    radius: Sequence[float]
    power: Sequence[float]
    gradient: Sequence[float]


def depth_figure(points: Sequence[DepthPoint], *, title: str) -> Figure:
    """Draw the ratio of high to low against depth with its 95 % interval; kinds of states have their own marks."""
    with figure_style():
        figure, axes = subplots(figsize=(COLUMN_WIDTH, 2.8))
        axes.plot([p.depth for p in points], [p.ratio for p in points], color=GRAY, linewidth=0.8, zorder=1)
        for kind in dict.fromkeys(p.kind for p in points):
            mine = [p for p in points if p.kind == kind]
            marker, colour = KINDS.get(kind, OTHER_KIND)
            errors = [[p.ratio - p.low for p in mine], [p.high - p.ratio for p in mine]]
            axes.errorbar(
                [p.depth for p in mine],
                [p.ratio for p in mine],
                yerr=errors,
                fmt=marker,
                color=colour,
                markersize=4,
                elinewidth=0.8,
                capsize=1.5,
                label=kind,
            )
        axes.set(ylabel="high over low, dB per cell", title=title, xlim=(-0.04, 1.04))
        _name_depths(axes, points)
        handles, _ = axes.get_legend_handles_labels()
        handles = [*handles, interval_key(bars=True)]
        figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _name_depths(axes: Axes, points: Sequence[DepthPoint]) -> None:
    """Write the states below the axis where they are few; of many the depth alone."""
    if len(points) > MOST_NAMED:
        axes.set_xlabel("depth (0 the first state, 1 the last)")
        return
    names = [textwrap.shorten(p.name, 14, placeholder="...") for p in points]
    axes.set_xticks([p.depth for p in points], names, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_xlabel("state (from the image to the last block)")


def spectra_figure(states: Sequence[StateSpectrum], *, title: str) -> Figure:
    """Draw every state's power relative to r = 1, and below it the gradient's per cell; colours go with depth."""
    with_gradient = any(len(s.gradient) for s in states)
    with figure_style():
        rows = 2 if with_gradient else 1
        by_name = len(states) <= MOST_NAMED
        height = 1.4 + 1.5 * rows + (0.16 * (len(states) // 3) if by_name else 0)
        figure, grid = subplots(rows, 1, figsize=(COLUMN_WIDTH, height), sharex=True, squeeze=False)
        colours = mpl.colormaps["viridis"]
        for state in states:
            colour = colours(0.95 * state.depth)
            power = np.asarray(state.power, dtype=float)
            if len(power) and power[0] > 0:
                grid[0, 0].plot(state.radius, 10 * np.log10(np.maximum(power / power[0], 1e-12)), color=colour, lw=0.9)
            if with_gradient and any(state.gradient):
                grid[1, 0].plot(state.radius, state.gradient, color=colour, linewidth=0.9)
        grid[0, 0].set(ylabel="power per cell,\ndB to r = 1", title=title)
        if with_gradient:
            grid[1, 0].set(ylabel="share of gradient", ylim=(0, None))
        octave_axis(grid[-1, 0], 0.9, 1.1 * max(max(s.radius) for s in states))
        grid[-1, 0].set_xlabel("spatial frequency (cycles/image)")
        if by_name:
            handles = [Line2D([], [], color=colours(0.95 * state.depth)) for state in states]
            flat = {s.name for s in states if with_gradient and not any(s.gradient)}
            names = [textwrap.shorten(s.name, 20, placeholder="...") + "*" * (s.name in flat) for s in states]
            note = "*: its gradient has no frequencies" if flat else None
            figure.legend(
                handles, names, title=note, title_fontsize=7, loc="outside lower center", ncols=3, frameon=False
            )
            return figure
        scale = mpl.cm.ScalarMappable(norm=mpl.colors.Normalize(0, 1), cmap=colours)
        bar = figure.colorbar(scale, ax=grid[:, 0].tolist(), fraction=0.05, pad=0.02)
        bar.set_label("depth (0 the first state, 1 the last)", fontsize=7)
        bar.ax.tick_params(labelsize=6)
    return figure
