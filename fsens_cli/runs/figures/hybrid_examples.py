"""The example figure: how hybrids of two images are made, and whose label the model gives them."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fsens_cli.runs.figures.hybrid import HIGH_COLOUR, LOW_COLOUR
from fsens_cli.runs.figures.style import COLUMN_WIDTH, GRAY, figure_style

LONGEST_NAME = 9
TOP, BOTTOM = 0.72, 0.42  # inches for words above and below the pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One pair: pictures (H, W, 3) in [0, 1], one of each kind for every mixing frequency (Nyquist units)."""

    frequency: Sequence[float]
    low_image: np.ndarray
    high_image: np.ndarray
    low_parts: Sequence[np.ndarray]
    high_parts: Sequence[np.ndarray]
    hybrids: Sequence[np.ndarray]
    low_label: str
    high_label: str
    predictions: Sequence[str]
    model: str
    cycles_per_nyquist: float


def examples_figure(example: Example) -> Figure:
    """Draw the low part of image A, the high part of image B and their sum, with the model's answer under each sum."""
    num_columns = 1 + len(example.frequency)
    height, width = example.low_image.shape[:2]
    cell = 0.93 * COLUMN_WIDTH / (num_columns + 0.25)
    tall = 3.24 * cell * height / width + TOP + BOTTOM
    with figure_style(), mpl.rc_context({"figure.constrained_layout.use": False}):
        figure = Figure(figsize=(COLUMN_WIDTH, tall))
        grid = figure.add_gridspec(
            3, num_columns, left=0.005, right=0.995, bottom=BOTTOM / tall, top=1 - TOP / tall, wspace=0.08, hspace=0.12,
            width_ratios=[1.3] + [1] * (num_columns - 1),
        )  # fmt: skip
        axes = [[figure.add_subplot(grid[row, column]) for column in range(num_columns)] for row in range(3)]
        _draw_sources(axes, example)
        for row, pictures in enumerate((example.low_parts, example.high_parts, example.hybrids)):
            for column, picture in enumerate(pictures, start=1):
                _show(axes[row][column], picture)
        for column, (frequency, label) in enumerate(zip(example.frequency, example.predictions, strict=True), 1):
            header = f"{frequency:.2f}\n{frequency * example.cycles_per_nyquist:.3g}"
            axes[0][column].set_title(header, fontsize=6.5, pad=3)
            _write_answer(axes[2][column], label, example)
        _explain(figure, tall, example)
    return figure


def _show(axes: Axes, picture: np.ndarray) -> None:
    axes.imshow(picture, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _draw_sources(axes: Sequence[Sequence[Axes]], example: Example) -> None:
    """Fill the first column: the two unmixed images, and what stands in the last row."""
    sources = (
        (example.low_image, f"A: {short_name(example.low_label)}", LOW_COLOUR),
        (example.high_image, f"B: {short_name(example.high_label)}", HIGH_COLOUR),
    )
    for row, (picture, label, colour) in enumerate(sources):
        _show(axes[row][0], picture)
        _frame(axes[row][0], colour)
        axes[row][0].text(
            0.5, 0.02, label, transform=axes[row][0].transAxes, ha="center", va="bottom", fontsize=6, color="white",
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 1},
        )  # fmt: skip
    axes[0][0].set_title("Nyquist\nc/image", fontsize=6.5, pad=3, color=GRAY)
    axes[2][0].set_axis_off()
    axes[2][0].text(0.5, 0.5, "sum =\nhybrid", transform=axes[2][0].transAxes, ha="center", va="center", fontsize=7)
    axes[2][0].text(
        0.5, -0.1, "answer", transform=axes[2][0].transAxes, ha="center", va="top", fontsize=6.5, color=GRAY
    )


def _frame(axes: Axes, colour: str) -> None:
    axes.spines[:].set_visible(True)
    axes.spines[:].set(color=colour, linewidth=1.3)


def _write_answer(axes: Axes, label: str, example: Example) -> None:
    colour = {example.low_label: LOW_COLOUR, example.high_label: HIGH_COLOUR}.get(label, GRAY)
    _frame(axes, colour)
    axes.text(
        0.5, -0.1, short_name(label), transform=axes.transAxes, ha="center", va="top", fontsize=6, color=colour,
        fontweight="bold",
    )  # fmt: skip


def short_name(name: str) -> str:
    """Return a class name that fits under a small picture.

    >>> short_name("automobile"), short_name("class3")
    ('automob.', 'class3')
    """
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 2]}."


def _explain(figure: Figure, tall: float, example: Example) -> None:
    """Say above what is mixed, and below what the colours mean."""
    above = (
        (0.05, "Hybrids of two images, and the answers", 8, "black"),
        (0.19, "row 1: frequencies of image A up to the mixing frequency", 6.5, LOW_COLOUR),
        (0.30, "row 2: all higher frequencies of image B (gray is zero)", 6.5, HIGH_COLOUR),
    )
    for inches, text, size, colour in above:
        figure.text(0.5, 1 - inches / tall, text, ha="center", va="top", fontsize=size, color=colour)
    answers = f"answer of {example.model}:\nthe class of A, of B, or another (gray)"
    figure.text(0.5, 0.03 / tall, answers, ha="center", va="bottom", fontsize=6.5)
