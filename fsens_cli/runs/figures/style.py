"""What all figures share: size, type, colours, and how they are saved."""

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from fsens_cli.runs.files import replacing
from fsens_cli.text import shown

# Okabe and Ito's palette: told apart by colour-blind readers and in gray print.
BLUE, ORANGE, GREEN, RED, SKY, PURPLE, BLACK = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#56B4E9",
    "#CC79A7",
    "#000000",
)
CYCLE = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY, BLACK)
GRAY = "#777777"

COLUMN_WIDTH = 3.3  # inches, one column of a two-column paper
SMALLEST_TEXT = 6.5  # points, at that width
INTERVAL = "95 % interval"  # what shades and bars are called, in every legend

# A training keeps its colour in every figure.
TRAININGS = {
    "standard": BLACK,
    "lsf": BLUE,
    "msf": GREEN,
    "hsf": RED,
    "asf": PURPLE,
    "blur": SKY,
    "adversarial": ORANGE,
}


def colour_of(name: str) -> str | None:
    """Return the colour of the training that a label names; None where it names none."""
    own = [TRAININGS[word] for word in re.findall(r"[a-z]+", name.lower()) if word in TRAININGS]
    return own[-1] if own else None


_SETTINGS: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "lines.linewidth": 1.2,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 300,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}


def interval_key(*, bars: bool = False) -> Artist:
    """Return what stands for all intervals of a figure in its legend: a shade, or the bar of a point."""
    if bars:
        return Line2D([], [], color=GRAY, linestyle="none", marker="|", markersize=7, label=INTERVAL)
    return Patch(color=GRAY, alpha=0.25, linewidth=0, label=INTERVAL)


def new_figure(height: float, *, rows: int = 1, share_x: bool = False) -> tuple[Figure, list[Axes]]:
    """Return a figure one column wide with panels below each other; pyplot knows nothing of it.

    Args:
        height: in inches.
        rows: of panels.
        share_x: whether they have one horizontal axis.
    """
    figure, panels = subplots(rows, figsize=(COLUMN_WIDTH, height), sharex=share_x, squeeze=False)
    return figure, list(panels[:, 0])


def subplots(rows: int = 1, columns: int = 1, *, figsize: tuple[float, float], **shared: Any) -> tuple[Figure, Any]:
    """Return a figure and its axes, as pyplot's function of this name does, without pyplot."""
    figure = Figure(figsize=figsize, layout="constrained")
    return figure, figure.subplots(rows, columns, **shared)


def octave_axis(axes: Axes, left: float, right: float) -> None:
    """Let the horizontal axis run over octaves, with plain numbers at whole powers of two."""
    axes.set_xscale("log", base=2)
    axes.set_xlim(left, right)
    axes.xaxis.set_major_locator(FixedLocator([2.0**k for k in range(12) if left <= 2**k <= right]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))


@contextmanager
def figure_style() -> Iterator[None]:
    """Use the house style inside; the caller's own matplotlib settings come back afterwards."""
    with mpl.rc_context(_SETTINGS):
        yield


def _make_safe(figure: Figure) -> None:
    """Take control characters out of all that is written, and let a dollar sign be one: names are no formulas."""
    for text in figure.findobj(Text):
        if isinstance(text, Text) and text.get_text():
            text.set_text(shown(text.get_text()).replace("$", r"\$"))


@contextmanager
def _without_missing_letters() -> Iterator[None]:
    """Keep the remark from the terminal that a font has no letter for a name; the figure shows a box instead."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from")
        yield


def svg_of(figure: Figure) -> str:
    """Return the figure as SVG text; equal figures give equal text."""
    _make_safe(figure)
    written = io.StringIO()
    with _without_missing_letters(), figure_style(), mpl.rc_context({"svg.hashsalt": "fsens"}):
        figure.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()


def save_figure(figure: Figure, folder: Path, name: str, formats: Sequence[str]) -> None:
    """Write the figure as ``NAME.png`` and so on, each in one step."""
    _make_safe(figure)
    for extension in formats:
        with _without_missing_letters(), figure_style(), replacing(folder / f"{name}.{extension}") as temporary:
            # No date in the file: equal results give equal bytes.
            metadata = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}[extension]
            figure.savefig(temporary, metadata=metadata)
