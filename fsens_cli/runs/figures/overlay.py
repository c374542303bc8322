"""Several runs in one figure: one panel a plot, one colour a run, one dash pattern a line within a run."""

import textwrap
from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes as Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fsens_cli.errors import ConfigError, require_one_of
from fsens_cli.experiments.quantities import PROFILE, Line
from fsens_cli.runs.figures.style import COLUMN_WIDTH, CYCLE, GRAY, INTERVAL, colour_of, figure_style, interval_key

DASHES = ("-", "--", ":", "-.")
REFERENCE = "reference"
Labelled = Sequence[tuple[str, Sequence[Line]]]  # label of the run, its lines


def colours_of(labels: Sequence[str]) -> dict[str, str]:
    """Return one colour a label: a training's own where one is named, else the next of the palette."""
    colours: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        own = colour_of(label)
        if own is not None and own not in colours.values():
            colours[label] = own
    left = cycle([c for c in CYCLE if c not in colours.values()] or CYCLE)
    for label in labels:
        if label not in colours:
            colours[label] = next(left)
    return colours


def plots_of(runs: Labelled) -> dict[str, list[tuple[str, Line]]]:
    """Return all lines by the plot that they belong to, each with its run's label."""
    plots: dict[str, list[tuple[str, Line]]] = {}
    for label, lines in runs:
        for line in lines:
            if line.plot == PROFILE:
                continue
            plots.setdefault(line.plot, []).append((label, line))
    return plots


def overlay_figure(runs: Labelled, *, about: str = "", title: str = "", legend: Sequence[str] = ()) -> Figure:
    """Draw the lines of all runs.

    Args:
        runs: label and lines of each.
        about: above the figure: the images that all runs share.
        title: of the legend.
        legend: what the legend says of each run; its label where not given.
    """
    plots = plots_of(runs)
    labels = [label for label, _ in runs]
    colours = colours_of(labels)
    rows = (len(runs) + (0 if legend else 1)) // (1 if legend else 2)
    with figure_style():
        size = (COLUMN_WIDTH, (2.0 if len(plots) > 1 else 2.3) * len(plots) + 0.3 + 0.16 * rows)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(len(plots), 1, squeeze=False)
        for axes, lines in zip(panels[:, 0], plots.values(), strict=True):
            _panel(axes, lines, colours)
            axes.set_title(textwrap.fill(title_of(lines), 44))  # over the axes, which are narrower than the figure
        if about:
            figure.suptitle("\n".join(textwrap.wrap(about, 52)), fontsize=8)
        handles: list[Artist] = [Line2D([], [], color=colours[label], marker="o", markersize=2) for label in labels]
        words = [*(legend or labels)]
        if any(has_band(lines) for lines in plots.values()):
            handles.append(interval_key())
            words.append(INTERVAL)
        figure.legend(
            handles, words, title=title or None, title_fontsize=7, loc="outside lower center",
            ncols=1 if legend else 2, frameon=False,
        )  # fmt: skip
    return figure


def plot_figure(lines: Sequence[tuple[str, Line]], colours: Mapping[str, str], size: tuple[float, float]) -> Figure:
    """Draw one plot of several runs, label and line each, with a legend below; ``size`` is in inches."""
    labels = list(dict.fromkeys(label for label, _ in lines))
    with figure_style():
        figure = Figure(figsize=size, layout="constrained")
        _panel(figure.subplots(), lines, colours)
        if len(labels) > 1:
            handles = [Line2D([], [], color=colours[label], marker="o", markersize=2) for label in labels]
            names = [textwrap.shorten(label, 40, placeholder="...") for label in labels]
            figure.legend(handles, names, loc="outside lower center", ncols=min(3, len(labels)), frameon=False)
    return figure


def draw_plot(runs: Labelled, name: str, axes: Axes | None = None) -> Axes:
    """Draw one plot of the runs and return its axes.

    Args:
        runs: label and lines of each.
        name: of the plot.
        axes: to draw into; a figure of its own, which pyplot does not know, where None.

    Raises:
        ConfigError: the runs have no such plot.
    """
    plots = plots_of(runs)
    require_one_of("plot", name, plots)
    if axes is not None and not isinstance(axes, Axes):
        raise ConfigError(f"ax must be matplotlib axes, got {type(axes).__name__}.")
    with figure_style():
        if axes is None:
            axes = Figure(figsize=(COLUMN_WIDTH, 2.3)).subplots()
        _panel(axes, plots[name], colours_of([label for label, _ in runs]))
        about = " and ".join(label for label, _ in runs)
        axes.set_title("\n".join(textwrap.wrap(about + images_of(plots[name]), 52)))
        if has_band(plots[name]):
            handles, words = axes.get_legend_handles_labels()
            axes.legend([*handles, interval_key()], [*words, INTERVAL], frameon=False)
    return axes


def title_of(lines: Sequence[tuple[str, Line]]) -> str:
    """Return a plot's title with the number of images behind it."""
    return lines[0][1].title + images_of(lines)


def images_of(lines: Sequence[tuple[str, Line]]) -> str:
    """Return ", n = 60" or ", n = 60 to 200"; empty where the lines do not say."""
    counts = sorted({line.n for _, line in lines if line.style != REFERENCE})
    if not counts or not counts[0]:
        return ""
    return f", n = {counts[0]:,}" + (f" to {counts[-1]:,}" if len(counts) > 1 else "")


def has_band(lines: Sequence[tuple[str, Line]]) -> bool:
    """Return whether anything of a plot has an interval that is drawn."""
    return any(len(line.low) for _, line in lines)


def _panel(axes: Axes, lines: Sequence[tuple[str, Line]], colours: Mapping[str, str]) -> None:
    first = lines[0][1]
    references = {line.label: line for _, line in lines if line.style == REFERENCE}
    lines = [(label, line) for label, line in lines if line.style != REFERENCE]
    kinds = list(dict.fromkeys(line.label for _, line in lines))
    places = _places([line for _, line in lines])
    width = 0.6 / max(1, len(lines))
    for number, (label, line) in enumerate(lines):
        shift = (number - (len(lines) - 1) / 2) * width if places else 0.0
        x = [places[str(v)] + shift if places else float(v) for v in line.x]
        _draw(axes, line, x, colours[label], DASHES[kinds.index(line.label) % len(DASHES)])
    if places:
        axes.set_xticks(list(places.values()), list(places))
    if any(line.mark is not None for _, line in lines):
        axes.axhline(0, color=GRAY, linewidth=0.6)
    axes.set(xlabel=first.x_label, ylabel=first.y_label)
    if "%" in first.y_label:
        axes.set_ylim(-3, 103)
    for reference, dash in zip(references.values(), cycle(("--", ":")), strict=False):
        axes.plot(reference.x, reference.y, color=GRAY, linestyle=dash, linewidth=0.9, zorder=1, label=reference.label)
    if len(kinds) > 1:
        for kind, dash in zip(kinds, cycle(DASHES), strict=False):  # dashes repeat for as long as there are kinds
            axes.plot([], [], color="black", linestyle=dash, label=kind or "measured")
    if len(kinds) > 1 or references:
        axes.legend(frameon=False)


def _places(lines: Sequence[Line]) -> dict[str, int]:
    """Return where words stand on the axis; nothing where positions are numbers."""
    words = dict.fromkeys(str(v) for line in lines for v in line.x if isinstance(v, str))
    return {word: place for place, word in enumerate(words)}


def _draw(axes: Axes, line: Line, x: Sequence[float], colour: str, dash: str) -> None:
    y, low, high = (np.asarray(values, float) for values in (line.y, line.low, line.high))
    if line.style == "steps":
        axes.step(x, y, where="post", color=colour, linestyle=dash)
    elif line.style == "points":
        error = np.abs(np.array([y - low, high - y])) if len(low) else None
        axes.errorbar(x, y, yerr=error, fmt="o", color=colour, markersize=3, elinewidth=0.8)
    else:
        axes.plot(x, y, color=colour, linestyle=dash, marker="o", markersize=2)
        if len(low):
            axes.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)
    if line.mark is not None:
        axes.plot(line.mark, 0, "o", color=colour, markersize=4.5, markeredgecolor="white", zorder=5)
