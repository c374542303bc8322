"""The lines of many runs as plotly.js takes them: one plot a name, one colour a run."""

import math
from collections.abc import Mapping, Sequence

from markupsafe import escape

from fsens_cli.experiments.quantities import Line
from fsens_cli.runs.figures.overlay import Labelled, plots_of
from fsens_cli.runs.json_files import Json
from fsens_cli.text import shown

DASHES = ("solid", "dash", "dot", "dashdot")


def in_words(text: str) -> str:
    """Return text that stands for itself in a plot's labels, which are HTML."""
    return str(escape(shown(text)))


def layout(x: str, y: str, **axes: Json) -> Json:
    """Return the look that all plots share."""
    quiet: Json = {"zeroline": False, "gridcolor": "#eeeeee", "linecolor": "#999999", "ticks": "outside"}
    return {
        "xaxis": {"title": {"text": in_words(x)}, "automargin": True, **quiet, **axes.get("xaxis", {})},
        "yaxis": {"title": {"text": in_words(y)}, "automargin": True, **quiet, **axes.get("yaxis", {})},
        "margin": {"l": 55, "r": 15, "t": 30, "b": 50},
        "legend": {"orientation": "h", "y": -0.22, "font": {"size": 11}},
        "plot_bgcolor": "#ffffff",
        "paper_bgcolor": "#ffffff",
        "font": {"size": 12},
        "hovermode": "closest",
    }


def specs_of(runs: Labelled, colours: Mapping[str, str]) -> list[tuple[str, Json]]:
    """Return title and specification of each plot of these runs."""
    found: list[tuple[str, Json]] = []
    for lines in plots_of(runs).values():
        first = lines[0][1]
        kinds = list(dict.fromkeys(line.label for _, line in lines))
        traces: list[Json] = []
        for label, line in lines:
            traces += _traces(label, line, colours[label], DASHES[kinds.index(line.label) % len(DASHES)])
        vertical: Json = {"range": [-3, 105]} if "%" in first.y_label else {}
        look = layout(first.x_label, first.y_label, yaxis=vertical)
        if first.style == "points":
            look |= {"scattermode": "group", "scattergap": 0.4}
        found.append((first.title, {"data": traces, "layout": look}))
    return found


def _traces(run: str, line: Line, colour: str, dash: str) -> list[Json]:
    name = in_words(f"{run}, {line.label}" if line.label else run)
    trace: Json = {
        "type": "scatter",
        "x": _across(line),
        "y": finite(line.y),
        "mode": {"points": "markers", "steps": "lines", "line": "lines+markers"}[line.style],
        "marker": {"size": 5, "color": colour},
        "line": {"color": colour, "width": 2, "dash": dash, **({"shape": "hv"} if line.style == "steps" else {})},
        "name": name,
        "legendgroup": name,
    }
    if line.style == "points":
        trace["offsetgroup"] = in_words(run)
    traces = [trace]
    if len(line.low) and line.style == "line":
        traces.insert(0, _band(line, colour, name))
    elif len(line.low):
        trace["error_y"] = error_bars(line.y, line.low, line.high)
    if line.mark is not None:
        mark: Json = {"size": 9, "color": colour, "symbol": "diamond"}
        traces.append(trace | {"x": [line.mark], "y": [0], "mode": "markers", "marker": mark, "showlegend": False})
    return traces


def finite(values: Sequence[float]) -> list[float | None]:
    """Return numbers as JSON has them: none for what is not finite."""
    return [float(v) if math.isfinite(v) else None for v in values]


def error_bars(value: Sequence[float], low: Sequence[float], high: Sequence[float]) -> Json:
    """Return bars from each low to each high; a bound that is not finite has none."""
    up, down = ([abs(end - v) for v, end in zip(value, ends, strict=True)] for ends in (high, low))
    return {
        "type": "data",
        "symmetric": False,
        "array": [v if math.isfinite(v) else 0.0 for v in up],
        "arrayminus": [v if math.isfinite(v) else 0.0 for v in down],
        "thickness": 1.2,
        "width": 3,
    }


def _across(line: Line) -> list[float | str]:
    return [in_words(x) if isinstance(x, str) else x for x in line.x]


def _band(line: Line, colour: str, group: str) -> Json:
    """Return the area between the bounds."""
    x = _across(line)
    return {
        "type": "scatter",
        "x": [*x, *reversed(x)],
        "y": finite([*line.high, *reversed(line.low)]),
        "fill": "toself",
        "fillcolor": colour,
        "opacity": 0.2,
        "line": {"width": 0},
        "mode": "lines",
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": group,
    }
