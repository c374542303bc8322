"""Several spectra in one picture: share of the sensitivity against radius, one line a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from fsens_cli.runs.figures.style import COLUMN_WIDTH, CYCLE, GRAY, figure_style


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSpectrum:
    """One line: frequencies in cycles per image, shares with their interval, and the published curve beside it."""

    label: str
    radius: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    published: tuple[Sequence[float], Sequence[float]] | None = None


def spectra_figure(spectra: Sequence[NamedSpectrum]) -> Figure:
    """Draw the spectra; published curves are dotted in the colour of the model they belong to."""
    with figure_style():
        rows = (len(spectra) + 1) // 2
        figure, axes = plt.subplots(figsize=(COLUMN_WIDTH, 2.2 + 0.16 * rows))
        for spectrum, colour in zip(spectra, cycle(CYCLE), strict=False):
            axes.fill_between(spectrum.radius, spectrum.low, spectrum.high, color=colour, alpha=0.3, linewidth=0)
            axes.plot(spectrum.radius, spectrum.mean, color=colour, marker="o", markersize=2, label=spectrum.label)
            if spectrum.published:
                axes.plot(*spectrum.published, color=colour, linestyle=":", linewidth=1.0)
        if any(s.published for s in spectra):
            axes.plot([], [], color=GRAY, linestyle=":", linewidth=1.0, label="published, ResNet-50")
        axes.set(xlabel="spatial frequency (cycles/image)", ylabel="share of sensitivity")
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0.5)
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure
