"""Plots of a page as SVG pictures, one colour a run, and what is seen on each in words."""

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from fsens_cli.experiments.quantities import Line
from fsens_cli.runs.figures.overlay import Labelled, plot_figure, plots_of
from fsens_cli.runs.figures.style import BLACK, svg_of

SIZE = (4.2, 2.8)  # inches
# A picture's own style: what is black on white paper is light on a dark screen.
DARK = (
    "<style>:root{--ink:#000;--paper:#fff}"
    "@media (prefers-color-scheme:dark){:root{--ink:#e4e4e4;--paper:#16181b}}</style>"
)
# Runs named in a description; the table has all of them.
NAMED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A picture of the page.

    Attributes:
        title: above it.
        alt: what is seen.
        source: the picture itself.
    """

    title: str
    alt: str
    source: str


def plots(runs: Labelled, colours: dict[str, str]) -> list[Plot]:
    """Return each plot of these runs."""
    return [
        Plot(title=lines[0][1].title, alt=seen(lines), source=picture(plot_figure(lines, colours, SIZE)))
        for lines in plots_of(runs).values()
    ]


def picture(figure: Figure) -> str:
    """Return a figure as the address of an SVG picture; black and white follow the reader's screen."""
    drawn = svg_of(figure)
    head, svg = drawn[: drawn.index("<svg")], drawn[drawn.index("<svg") :]
    end = svg.index(">") + 1
    # The sheet behind everything is left out: the page has its own.
    body = svg[end:].replace("fill: #ffffff", "fill: var(--paper)", 1).replace(BLACK, "var(--ink)")
    body = body.replace("#ffffff", "var(--paper)").replace("<text ", '<text fill="var(--ink)" ')
    whole = f"{head}{svg[:end]}{DARK}{body}"
    return f"data:image/svg+xml;base64,{base64.b64encode(whole.encode()).decode()}"


def seen(lines: Sequence[tuple[str, Line]]) -> str:
    """Return in words what a plot shows: where each line is highest, or all of a few values."""
    first = lines[0][1]
    axes = f"{first.y_label} against {first.x_label}" if first.x_label else first.y_label
    said = [text for label, line in lines[:NAMED] if (text := _course(label, line))]
    more = f"; and {len(lines) - NAMED} more" if len(lines) > NAMED else ""
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
