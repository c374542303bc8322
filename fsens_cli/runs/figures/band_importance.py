"""Figures of band importance: Shapley value, first-in and last-in over frequency, and class by band."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from fsens_cli.runs.figures.style import BLUE, COLUMN_WIDTH, GRAY, GREEN, ORANGE, figure_style, interval_key, subplots

MOST_NAMES = 20  # class names that fit one column
LONGEST_NAME = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class BandCurve:
    """One number a band with bounds."""

    label: str
    value: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def importance_figure(bands: Sequence[str], curves: Sequence[BandCurve], *, unit: str, title: str) -> Figure:
    """Draw what each band adds: alone, to all others, and on average over orders."""
    with figure_style():
        figure, axes = subplots(figsize=(COLUMN_WIDTH, 2.7))
        axes.axhline(0, color=GRAY, linewidth=0.6)
        for k, (curve, colour, marker) in enumerate(zip(curves, (BLUE, ORANGE, GREEN), "o^v", strict=False)):
            x = np.arange(len(bands)) + 0.12 * (k - 1)
            value = np.asarray(curve.value)
            errors = np.abs([value - np.asarray(curve.low), np.asarray(curve.high) - value])
            axes.errorbar(
                x, value, yerr=errors, fmt=marker, color=colour, markersize=3.5, elinewidth=0.8, label=curve.label
            )
        axes.set_xticks(range(len(bands)), bands)
        axes.set(xlabel="band (cycles/image)", ylabel=f"adds to the {unit}", title=title)
        handles, _ = axes.get_legend_handles_labels()
        figure.legend(handles=[*handles, interval_key(bars=True)], loc="outside lower center", ncols=2, frameon=False)
    return figure


def class_band_figure(
    classes: Sequence[str], bands: Sequence[str], value: np.ndarray, *, label: str, title: str, signed: bool
) -> Figure:
    """Draw one cell a class and band; ``signed`` values get a scale with 0 in the middle."""
    with figure_style():
        figure, axes = subplots(figsize=(COLUMN_WIDTH, 1.2 + 0.16 * min(len(classes), MOST_NAMES)))
        largest = float(np.nanmax(np.abs(value))) or 1.0
        colours, low = ("RdBu_r", -largest) if signed else ("viridis", 0.0)
        drawn = axes.imshow(value, aspect="auto", cmap=colours, vmin=low, vmax=largest, interpolation="nearest")
        axes.set_xticks(range(len(bands)), bands, fontsize=6, rotation=30)
        if len(classes) <= MOST_NAMES:
            axes.set_yticks(
                range(len(classes)),
                [_short(name) for name in classes],
                fontsize=6,
            )
        axes.set(xlabel="band (cycles/image)", ylabel="class", title=title)
        figure.colorbar(drawn, label=label, fraction=0.05, pad=0.02)
    return figure


def _short(name: str) -> str:
    """Return a class's name that fits beside its row, cut between words where there are several."""
    return textwrap.shorten(name, LONGEST_NAME, placeholder="...") if " " in name else name[:LONGEST_NAME]
