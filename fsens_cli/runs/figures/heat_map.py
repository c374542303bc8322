"""The heat map figure: which added frequency makes the model err, and where the input gradient has its power."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fsens_cli.runs.figures.style import figure_style, new_figure
from fsens_cli.statistics.intervals import Interval

DECADES = 3.0


def unfold(values: np.ndarray, frequency_M2: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return half-plane values as a full map (H, W) with frequency 0 in the middle, blank (NaN) where there is none.

    A real image's frequencies (v, u) and (-v, -u) are one and the same.
    """
    full = np.full(size, np.nan)
    for sign in (1, -1):
        rows, columns = (sign * frequency_M2.T) % np.array(size)[:, None]
        full[rows, columns] = values
    return np.fft.fftshift(full)


def heat_map_figure(table: pd.DataFrame, size: list[int], *, agreement: Interval | None, title: str) -> Figure:
    """Draw the error rate beside the logarithm of the gradient's power, on the same plane of frequencies.

    Args:
        table: ``heat_map.csv``.
        size: (H, W) in pixels.
        agreement: their rank correlation over the frequencies of the table.
        title: above the figure.
    """
    height, width = size
    frequency = table[["vertical_cycles_per_image", "horizontal_cycles_per_image"]].to_numpy(int)
    maps = [("errors under noise of one frequency (%)", 100 * table["error_rate"].to_numpy(float), "magma")]
    if "gradient_power_share" in table:
        with np.errstate(divide="ignore"):
            logarithm = np.log10(table["gradient_power_share"].to_numpy(float))
        # A model that sees brightness alone has a gradient without frequencies.
        if np.isfinite(logarithm).any():
            maps.append(("input gradient, log10 share of power", logarithm, "viridis"))
    rows, columns, extent = _measured_part(frequency, (height, width))
    with figure_style():
        figure, panels = new_figure(0.6 + 2.5 * len(maps), rows=len(maps))
        for axes, (words, values, colours) in zip(panels, maps, strict=True):
            full = unfold(values, frequency, (height, width))[rows, columns]
            top = float(np.nanmax(full[np.isfinite(full)]))
            low = top - DECADES if colours == "viridis" else 0.0
            image = axes.imshow(full[::-1], extent=extent, cmap=colours, vmin=low, vmax=top, interpolation="nearest")
            axes.set(xlabel="horizontal frequency (cycles/pixel)", ylabel="vertical (cycles/pixel)")
            figure.colorbar(image, ax=axes, shrink=0.85).set_label(words)
        verdict = f"\n{_verdict(agreement, len(table))}" if agreement else ""
        figure.suptitle(f"{title}{verdict}\nwhite: the constant, left out", fontsize=8)
    return figure


def _measured_part(
    frequency_M2: np.ndarray, size: tuple[int, int]
) -> tuple[slice, slice, tuple[float, float, float, float]]:
    """Return the rows and columns of the centred plane that were measured, and their extent in cycles per pixel."""
    cuts, edges = [], []
    for side, largest in zip(size, np.abs(frequency_M2).max(axis=0).tolist(), strict=True):
        middle = side // 2
        first, stop = max(0, middle - largest), min(side, middle + largest + 1)
        cuts.append(slice(first, stop))
        edges.append(((first - middle - 0.5) / side, (stop - middle - 0.5) / side))
    (top, bottom), (left, right) = edges
    # Upwards is positive, so the rows are drawn from the last to the first.
    return cuts[0], cuts[1], (left, right, top, bottom)


def _verdict(correlation: Interval, num_frequencies: int) -> str:
    return f"rank correlation {correlation.text(2)},\n{num_frequencies:,} frequencies, n = {correlation.n:,}"
