"""The spectrum figure: share of the sensitivity at each radius, with its interval, over a white baseline."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fsens_cli.runs.figures.style import BLUE, GRAY, figure_style, new_figure

BAND_SHADES = ("#EAF2F8", "#FFFFFF", "#FDF3E7")


@dataclass(frozen=True, slots=True, kw_only=True)
class BandLabel:
    """A band's name, its radii (both included) and its share of the sensitivity."""

    name: str
    first: int
    last: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectrumCurve:
    """One measured spectrum; frequencies in cycles per image, the constant left out."""

    radius: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    white: Sequence[float]
    bands: Sequence[BandLabel]
    shorter_side: int
    title: str
    published: tuple[Sequence[float], Sequence[float]] | None = None
    published_label: str = ""
    colour: str = BLUE


def spectrum_figure(curve: SpectrumCurve) -> Figure:
    """Draw the mean share against radius, its 95 % band, a white spectrum and the bands with their shares."""
    with figure_style():
        figure, (axes,) = new_figure(2.9)
        published = curve.published[1] if curve.published else ()
        # One image has no interval.
        top = 1.25 * float(np.nanmax([*curve.high, *curve.mean, *curve.white, *published]))
        _shade_bands(axes, curve, top)
        axes.plot(curve.radius, curve.white, "--", color=GRAY, linewidth=0.9, label="white gradient")
        if curve.published:
            axes.plot(*curve.published, color="#AAAAAA", linewidth=1.8, label=curve.published_label)
        axes.fill_between(curve.radius, curve.low, curve.high, color=curve.colour, alpha=0.3, linewidth=0)
        measured = "measured, 95 % interval"
        axes.plot(curve.radius, curve.mean, color=curve.colour, marker="o", markersize=2, label=measured)
        axes.set(
            xlabel="spatial frequency (cycles/image)",
            ylabel="share of sensitivity",
            xlim=(0.5, curve.radius[-1] + 0.5),
            ylim=(0, top),
            title=curve.title,
        )
        side = curve.shorter_side
        above = axes.secondary_xaxis("top", functions=(lambda r: np.divide(r, side), lambda f: np.multiply(f, side)))
        above.set_xlabel("cycles/pixel", fontsize=7)
        above.tick_params(labelsize=6.5)
        # Below the axes, because a spectrum may have its mass anywhere.
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def _shade_bands(axes: Axes, curve: SpectrumCurve, top: float) -> None:
    for band, shade in zip(curve.bands, BAND_SHADES, strict=True):
        left, right = max(0.5, band.first - 0.5), band.last + 0.5
        axes.axvspan(left, right, color=shade, linewidth=0, zorder=0)
        axes.text((left + right) / 2, 0.985 * top, f"{band.name}\n{band.share:.3f}", ha="center", va="top", fontsize=7)
