"""The map figure: where in the two-dimensional frequency plane the sensitivity lies."""

import numpy as np
from matplotlib.figure import Figure

from fsens_cli.runs.figures.style import figure_style, new_figure

DECADES = 3.0


def power_map_figure(power_HW: np.ndarray, *, basis: str, title: str) -> Figure:
    """Draw log10 of the mean normalised power; the constant (zero power) is left blank.

    Args:
        power_HW: mean power of each coefficient, sums to 1. Fourier maps have frequency 0 in the middle.
        basis: ``fourier`` maps get axes in cycles per pixel, others in coefficient numbers.
    """
    height, width = power_HW.shape
    with np.errstate(divide="ignore"):
        logarithm = np.where(power_HW > 0, np.log10(power_HW), np.nan)
    with figure_style():
        figure, (axes,) = new_figure(2.9)
        extent, xlabel, ylabel = _axes_of(basis, height, width)
        top = float(np.nanmax(logarithm))
        upwards = logarithm[::-1] if basis == "fourier" else logarithm
        image = axes.imshow(
            upwards, extent=extent, cmap="viridis", vmin=top - DECADES, vmax=top, interpolation="nearest"
        )
        blank = "\nwhite: the constant, left out" if basis == "fourier" else ""
        axes.set(xlabel=xlabel, ylabel=ylabel, title=f"{title}{blank}")
        colours = figure.colorbar(image, ax=axes, shrink=0.85)
        colours.set_label("log10 of the share of sensitivity")
    return figure


def _axes_of(basis: str, height: int, width: int) -> tuple[tuple[float, float, float, float], str, str]:
    if basis != "fourier":
        return (-0.5, width - 0.5, height - 0.5, -0.5), f"{basis} column", f"{basis} row"
    # fftshift puts frequency 0 at index n // 2; extents are cell edges.
    left, bottom = (-(width // 2) - 0.5) / width, (-(height // 2) - 0.5) / height
    return (
        # Upwards is positive, so the rows are drawn from the last to the first.
        (left, left + 1, bottom, bottom + 1),
        "horizontal frequency (cycles/pixel)",
        "vertical frequency (cycles/pixel)",
    )
