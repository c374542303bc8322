"""Plots of a page as SVG pictures, one colour a run, and what is seen on each in words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fsens_cli.experiments.quantities import Line
from fsens_cli.runs.figures.overlay import REFERENCE, Labelled, plot_figure, plots_of, title_of
from fsens_cli.runs.report.svg import address

SIZE = (4.2, 2.8)  # inches
# Runs named in a description; the table has all of them.
NAMED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A picture of the page.

    Attributes:
        title: above it.
        alt: what is seen.
        source: the picture itself, as an address.
    """

    title: str
    alt: str
    source: str


def plots(runs: Labelled, colours: Mapping[str, str]) -> list[Plot]:
    """Return each plot of these runs."""
    return [
        Plot(title=title_of(lines), alt=seen(lines), source=address(plot_figure(lines, colours, SIZE)))
        for lines in plots_of(runs).values()
    ]


def seen(lines: Sequence[tuple[str, Line]]) -> str:
    """Return in words what a plot shows: where each line is highest, or all of a few values."""
    first = lines[0][1]
    axes = f"{first.y_label} against {first.x_label}" if first.x_label else first.y_label
    found = [(label, line) for label, line in lines if line.style != REFERENCE]
    said = [text for label, line in found[:NAMED] if (text := _course(label, line))]
    more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return f"{first.title}: {axes}. {'; '.join(said)}{more}."


def _course(label: str, line: Line) -> str:
    found = [(x, y) for x, y in zip(line.x, line.y, strict=True) if math.isfinite(y)]
    name = ", ".join(filter(None, (label, line.label)))
    if not found:
        return ""
    if isinstance(found[0][0], str):
        return f"{name}: {', '.join(f'{x} {y:.3g}' for x, y in found)}"
    (x, y), least = max(found, key=lambda pair: pair[1]), min(value for _, value in found)
    return f"{name} is highest, {y:.3g}, at {x:.3g}, and {least:.3g} at its lowest"
