"""The figure of critical-band masking: sensitivity over log2 frequency, below the input gradient's spectrum."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fsens_cli.runs.figures.style import (
    BLUE,
    COLUMN_WIDTH,
    GRAY,
    ORANGE,
    SMALLEST_TEXT,
    figure_style,
    octave_axis,
    subplots,
)


@dataclass(frozen=True, slots=True)
class KnownChannel:
    """A published channel: its name, its real centre in cycles/image and its width in octaves."""

    label: str
    centre: float
    width: float
    line: str


# Subramanian et al., NeurIPS 2023: 14 humans, 1.43 +- 0.54 octaves one by one and 1.00 for their average, centre 39.1
# nominal; 67 networks, median 4.17 octaves, centre 34.1 nominal (recomputed from their raw data). A nominal frequency
# is about twice that of half the power: 18.5 and 15.8 cycles/image.
KNOWN = (
    KnownChannel("14 humans (1.4 octaves)", 18.5, 1.43, "-"),
    KnownChannel("67 networks (4.2 octaves)", 15.8, 4.17, ":"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Values over frequency (cycles/image) with bounds."""

    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPlot:
    """What the figure shows; ``censored`` marks points that are bounds, ``words`` what is said beside them."""

    gradient: Curve
    sensitivity: Curve | None
    censored: Sequence[bool]
    words: str
    title: str


def critical_band_figure(plot: ChannelPlot) -> Figure:
    """Draw the share of the input gradient's power by radius, and below it 1 / sigma* by band, on one axis."""
    with figure_style():
        figure, (above, below) = subplots(2, 1, figsize=(COLUMN_WIDTH, 3.9), sharex=True, height_ratios=(1, 1.7))
        gradient = plot.gradient
        above.fill_between(gradient.x, gradient.low, gradient.high, color=ORANGE, alpha=0.3, linewidth=0)
        above.plot(gradient.x, gradient.y, color=ORANGE, marker="o", markersize=2, clip_on=False)
        above.set(ylabel="share of input\ngradient", title=plot.title, ylim=(0, None))
        if plot.sensitivity is not None:
            _sensitivity(below, plot.sensitivity, plot.censored)
        below.text(0.5, 1.01, plot.words, transform=below.transAxes, fontsize=7, ha="center", va="bottom")
        below.set(
            ylabel="1 / threshold sigma\n(of the pixel range)",
            xlabel="spatial frequency (cycles/image)",
            ylim=(0, None),
        )
        octave_axis(below, 0.85 * min(gradient.x), 1.1 * max(gradient.x))
        if plot.sensitivity is not None:
            figure.legend(
                *below.get_legend_handles_labels(), title="gray: published, scaled to this peak", title_fontsize=7,
                loc="outside lower center", ncols=2, frameon=False,
            )  # fmt: skip
    return figure


def _sensitivity(axes: Axes, curve: Curve, censored: Sequence[bool]) -> None:
    peak = max(curve.y)
    fine = np.exp2(np.linspace(math.log2(min(curve.x)) - 0.2, math.log2(max(curve.x)) + 0.5, 200))
    for known in KNOWN:
        sd = known.width / 2.3548
        shape = peak * np.exp(-0.5 * (np.log2(fine / known.centre) / sd) ** 2)
        axes.plot(fine, shape, known.line, color=GRAY, linewidth=0.9, alpha=0.7, label=known.label)
    axes.fill_between(curve.x, curve.low, curve.high, color=BLUE, alpha=0.25, linewidth=0)
    axes.plot(curve.x, curve.y, color=BLUE, marker="o", markersize=3, label="this model, 95 % interval")
    bounds = [(x, y) for x, y, c in zip(curve.x, curve.y, censored, strict=True) if c]
    if bounds:
        axes.plot(*zip(*bounds, strict=True), "o", markersize=3, color="white", markeredgecolor=BLUE, label="a bound")


def index_figure(
    frequency: Sequence[float],
    index: Sequence[float],
    fit: tuple[float, float, float] | None,
    *,
    title: str,
    words: str,
) -> Figure:
    """Draw the published index over frequency and, in the number of the band, its Gaussian (height, centre, sd)."""
    with figure_style():
        figure, axes = subplots(figsize=(COLUMN_WIDTH, 2.6))
        axes.plot(frequency, index, "o", color=BLUE, markersize=4, label="index of the threshold")
        if fit is not None:
            number = np.linspace(0, len(index) - 1, 300)
            along = np.exp2(np.interp(number, np.arange(len(index)), np.log2(frequency)))
            axes.plot(along, fit[0] * np.exp(-0.5 * ((number - fit[1]) / fit[2]) ** 2), color=BLUE, label="Gaussian")
        axes.axhline(4, linestyle="--", color=GRAY, linewidth=0.8)
        # Below the line: what reaches the ceiling lies on it.
        words_on_ceiling = "ceiling: sd 0.02 is too much, or nothing is recognised"
        across = axes.get_yaxis_transform()
        axes.text(
            0.5, 3.8, words_on_ceiling, fontsize=SMALLEST_TEXT, color=GRAY, transform=across, ha="center", va="top"
        )
        axes.set(
            xlabel="frequency of half the noise's power (cycles/image)",
            ylabel="index of the threshold (0 to 4)",
            title=f"{title}\n{words}",
            ylim=(-0.2, 4.5),
        )
        octave_axis(axes, 0.85 * min(frequency), 1.1 * max(frequency))
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure
