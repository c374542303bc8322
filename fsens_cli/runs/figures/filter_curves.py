"""The filter figure: accuracy against how much of an image's spectrum is kept."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter
from numpy.typing import ArrayLike

from fsens_cli.runs.figures.style import BLACK, BLUE, GRAY, GREEN, RED, figure_style, interval_key, new_figure

Scale = Callable[[ArrayLike], np.ndarray]

COLOURS = {"low-pass": BLUE, "high-pass": RED, "band-pass": GREEN}
WORDS = {
    "low-pass": "only up to f",
    "high-pass": "only above f",
    "band-pass": "only from f to the bar's end",
}


def filter_figure(table: pd.DataFrame, *, clean: float, chance: float, shorter_side: int, title: str) -> Figure:
    """Draw accuracy against the cutoff, with intervals; band-pass values as steps over their band.

    Args:
        table: rows of ``accuracy.csv`` of kind ``filter``.
        clean, chance: accuracy on unchanged images, and of guessing.
        shorter_side: pixels, for the axis in cycles per pixel.
        title: above the figure.
    """
    with figure_style():
        figure, (axes,) = new_figure(3.4)
        for name, rows in table.groupby("probe", sort=False):
            _draw(axes, str(name), rows.sort_values("parameter"))
        for level, words in ((clean, "clean"), (chance, "chance")):
            axes.axhline(
                100 * level, color=BLACK if words == "clean" else GRAY, linestyle="--", linewidth=0.8, label=words
            )
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(xlabel="frequency f (cycles/image)", ylabel="accuracy (%)", ylim=(0, 102))
        above = axes.secondary_xaxis("top", functions=_cycles_per_pixel(shorter_side))
        above.set_xlabel("cycles/pixel")
        ticks = [0.5 / 2**k for k in range(10) if shorter_side * 0.5 / 2**k >= axes.get_xlim()[0]]
        above.set_xticks(ticks, [f"{t:.3g}" for t in ticks])
        above.xaxis.set_minor_formatter(NullFormatter())
        figure.suptitle(title, fontsize=8)
        handles, _ = axes.get_legend_handles_labels()
        figure.legend(handles=[*handles, interval_key()], loc="outside lower center", ncols=2, frameon=False)
    return figure


def _cycles_per_pixel(shorter_side: int) -> tuple[Scale, Scale]:
    """Return the way from cycles per image to cycles per pixel, and back."""
    return lambda radius: np.asarray(radius) / shorter_side, lambda frequency: np.asarray(frequency) * shorter_side


def _draw(axes: Axes, name: str, rows: pd.DataFrame) -> None:
    colour = COLOURS[name]
    mean, low, high = (100 * rows[c].to_numpy(float) for c in ("accuracy", "accuracy_ci_low", "accuracy_ci_high"))
    start = rows["parameter"].to_numpy(float)
    if name == "band-pass":
        # The first band begins at the constant, which a logarithmic axis does not have.
        start = start.clip(min=0.7 * float(rows["parameter_upper"].min()))
        stop = rows["parameter_upper"].to_numpy(float)
        axes.hlines(mean, start, stop, color=colour, label=WORDS[name])
        for a, b, lo, hi in zip(start, stop, low, high, strict=True):
            axes.fill_between([a, b], [lo, lo], [hi, hi], color=colour, alpha=0.25, linewidth=0)
        return
    axes.fill_between(start, low, high, color=colour, alpha=0.25, linewidth=0)
    axes.plot(start, mean, color=colour, marker="o", markersize=2.5, label=WORDS[name])
