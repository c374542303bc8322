"""The hybrid figures: whom the model believes at each mixing frequency; and several models in one picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fsens_cli.experiments.hybrid_curve import in_words
from fsens_cli.runs.figures.style import BLACK, BLUE, COLUMN_WIDTH, GRAY, RED, figure_style, interval_key, subplots

LOW_COLOUR, HIGH_COLOUR = BLUE, RED
XLABEL = "mixing frequency (fraction of Nyquist)"
DIFFERENCE = "low - high (share)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A curve with its 95 % interval."""

    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridCurves:
    """One probe: mixing frequencies and f_rev in Nyquist units; None where there is no crossing or bound."""

    frequency: Sequence[float]
    p_low: Band
    p_high: Band
    neither: Sequence[float]
    difference: Band
    f_rev: float | None
    f_rev_low: float | None
    f_rev_high: float | None
    f_rev_status: str
    cycles_per_nyquist: float
    title: str


def curve_figure(curves: HybridCurves) -> Figure:
    """Draw p_low, p_high and neither above their difference, f_rev as a vertical line with its interval."""
    with figure_style():
        figure, (above, below) = subplots(
            2, 1, figsize=(COLUMN_WIDTH, 3.7), sharex=True, gridspec_kw={"height_ratios": (1.3, 1)}
        )
        figure.suptitle(curves.title, fontsize=8)
        for axes in (above, below):
            _mark_reversal(axes, curves)
        _draw(above, curves.frequency, curves.p_low, LOW_COLOUR)
        _draw(above, curves.frequency, curves.p_high, HIGH_COLOUR)
        above.plot(curves.frequency, curves.neither, color=GRAY, linewidth=0.9, linestyle="--")
        above.set(ylabel="share of hybrids", ylim=(-0.02, 1.02))
        _add_cycles(above, curves.cycles_per_nyquist)
        below.axhline(0, color=GRAY, linewidth=0.6)
        _draw(below, curves.frequency, curves.difference, BLACK)
        below.set(xlabel=XLABEL, ylabel=DIFFERENCE, ylim=(-1.05, 1.05), xlim=_limits(curves))
        _write_reversal(below, curves)
        _add_key(figure)
    return figure


def _add_cycles(axes: Axes, cycles_per_nyquist: float) -> None:
    scale = cycles_per_nyquist
    top = axes.secondary_xaxis("top", functions=(lambda a: np.multiply(a, scale), lambda c: np.divide(c, scale)))
    top.set_xlabel("cycles/image", fontsize=7)
    top.tick_params(labelsize=6.5)


def _draw(axes: Axes, x: Sequence[float], band: Band, colour: str) -> None:
    axes.fill_between(x, band.low, band.high, color=colour, alpha=0.25, linewidth=0)
    axes.plot(x, band.mean, color=colour, marker="o", markersize=2)


def _mark_reversal(axes: Axes, curves: HybridCurves) -> None:
    if curves.f_rev is None:
        return
    first, last = curves.frequency[0], curves.frequency[-1]
    low = first if curves.f_rev_low is None else curves.f_rev_low
    high = last if curves.f_rev_high is None else curves.f_rev_high
    axes.axvspan(low, high, color=GRAY, alpha=0.25, linewidth=0)
    axes.axvline(curves.f_rev, color=BLACK, linewidth=0.8, linestyle=":")


def _add_key(figure: Figure) -> None:
    """Name the three curves in their own colours, below the axes, where no curve can hide them."""
    legend = figure.legend(
        handles=[
            Line2D([], [], color=LOW_COLOUR, marker="o", markersize=2, label="low image"),
            Line2D([], [], color=HIGH_COLOUR, marker="o", markersize=2, label="high image"),
            Line2D([], [], color=GRAY, linewidth=0.9, linestyle="--", label="neither"),
            interval_key(),
        ],
        title="the hybrid is given the class of the", title_fontsize=7, ncols=4, frameon=False,
        loc="outside lower center", columnspacing=0.9, handlelength=1.4, handletextpad=0.5, borderpad=0,
    )  # fmt: skip
    for text, colour in zip(legend.get_texts(), (LOW_COLOUR, HIGH_COLOUR, GRAY), strict=False):
        text.set_color(colour)


def _limits(curves: HybridCurves) -> tuple[float, float]:
    first, last = curves.frequency[0], curves.frequency[-1]
    margin = 0.02 * (last - first)
    return first - margin, last + margin


def _write_reversal(axes: Axes, curves: HybridCurves) -> None:
    """Write f_rev into the corner that a rising curve leaves free."""
    if _rises_early(curves):
        axes.text(0.98, 0.06, _reversal_text(curves), transform=axes.transAxes, fontsize=7, ha="right", va="bottom")
    else:
        axes.text(0.02, 0.95, _reversal_text(curves), transform=axes.transAxes, fontsize=7, ha="left", va="top")


def _reversal_text(curves: HybridCurves) -> str:
    if curves.f_rev is None:
        return in_words(curves.f_rev_status)
    return f"f_rev = {curves.f_rev:.3f} Nyquist\n{_bounds(curves.f_rev_low, curves.f_rev_high)}"


def _bounds(low: float | None, high: float | None) -> str:
    below, above = ("?" if bound is None else f"{bound:.3f}" for bound in (low, high))
    return f"[{below}, {above}]"


def _rises_early(curves: HybridCurves) -> bool:
    middle = len(curves.frequency) // 2
    first, last = curves.frequency[0], curves.frequency[-1]
    if curves.f_rev is not None:
        return curves.f_rev < (first + last) / 2
    return curves.difference.mean[middle] > 0
