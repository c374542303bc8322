"""The plots of the page, as plotly.js takes them: read from the runs' files, one colour a model."""

import math
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd

from fsens_cli.runs.comparison import Compared, Comparison
from fsens_cli.runs.figures.style import CYCLE
from fsens_cli.runs.report.html import escape

Plot = tuple[str, dict[str, Any]]  # title, data and layout
GROUPS = {"low": "low frequency", "medium": "medium", "high": "high frequency", "all": "all"}


Coloured = Sequence[tuple[Compared, str]]


def colours_of(comparisons: Sequence[Comparison]) -> dict[str, str]:
    """Return one colour a label, the same in every plot of the page."""
    labels = dict.fromkeys(c.label for comparison in comparisons for c in comparison.runs)
    return dict(zip(labels, cycle(CYCLE), strict=False))


def plots_of(comparison: Comparison, colours: dict[str, str]) -> list[Plot]:
    """Return the plots of one verb's runs."""
    draw = {
        "measure": _spectra,
        "train": _spectra,
        "hybrid-probe": _hybrids,
        "evaluate": _evaluations,
        "blur-defense": _defenses,
    }[comparison.verb]
    return draw([(c, colours[c.label]) for c in comparison.runs])


def layout(x: str, y: str, **axes: Any) -> dict[str, Any]:
    """Return the look that all plots share."""
    quiet = {"zeroline": False, "gridcolor": "#eeeeee", "linecolor": "#999999", "ticks": "outside", "automargin": True}
    return {
        "xaxis": {"title": {"text": escape(x)}, **quiet, **axes.get("xaxis", {})},
        "yaxis": {"title": {"text": escape(y)}, **quiet, **axes.get("yaxis", {})},
        "margin": {"l": 55, "r": 15, "t": 30, "b": 50},
        "legend": {"orientation": "h", "y": -0.22, "font": {"size": 11}},
        "plot_bgcolor": "#ffffff",
        "paper_bgcolor": "#ffffff",
        "font": {"size": 12},
        "hovermode": "closest",
    }


def _numbers(values: Any) -> list[float | None]:
    """Return numbers as JSON has them: none for what is not finite."""
    return [float(v) if math.isfinite(v) else None for v in np.asarray(values, float)]


def _band(x: Any, low: Any, high: Any, colour: str, group: str) -> dict[str, Any]:
    """Return the area between two curves."""
    return {
        "type": "scatter",
        "x": _numbers([*x, *reversed(list(x))]),
        "y": _numbers([*high, *reversed(list(low))]),
        "fill": "toself",
        "fillcolor": colour,
        "opacity": 0.2,
        "line": {"width": 0},
        "mode": "lines",
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": group,
    }


def _line(x: Any, y: Any, colour: str, label: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "scatter",
        "x": _numbers(x),
        "y": _numbers(y),
        "mode": "lines+markers",
        "marker": {"size": 5, "color": colour},
        "line": {"color": colour, "width": 2},
        "name": escape(label),
        "legendgroup": escape(label),
        **more,
    }


def _points(
    x: Sequence[Any], intervals: Sequence[dict[str, Any]], scale: float, colour: str, label: str
) -> dict[str, Any]:
    """Return numbers with their intervals as error bars; x may be words."""
    value = [i["value"] for i in intervals]
    return {
        "type": "scatter",
        "x": list(x),
        "y": [None if v is None else scale * v for v in value],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [_reach(i, "high", scale) for i in intervals],
            "arrayminus": [_reach(i, "low", scale) for i in intervals],
            "thickness": 1.2,
            "width": 3,
        },
        "mode": "markers",
        "marker": {"size": 7, "color": colour},
        "name": escape(label),
        "legendgroup": escape(label),
    }


def _reach(interval: dict[str, Any], end: str, scale: float) -> float:
    if interval["value"] is None or interval[end] is None:
        return 0.0
    return abs(scale * (interval[end] - interval["value"]))


def _spectra(runs: Coloured) -> list[Plot]:
    traces = []
    for compared, colour in runs:
        table = pd.read_csv(compared.run.folder / "spectrum.csv")
        table = table[table["cycles_per_image"] > 0]
        radius = table["cycles_per_image"]
        label = escape(compared.label)
        traces.append(_band(radius, table["share_ci_low"], table["share_ci_high"], colour, label))
        traces.append(_line(radius, table["share_mean"], colour, compared.label))
    title = "Which frequencies the model listens to"
    return [(title, {"data": traces, "layout": layout("spatial frequency (cycles/image)", "share of sensitivity")})]


def _hybrids(runs: Coloured) -> list[Plot]:
    traces = []
    for compared, colour in runs:
        table = pd.read_csv(compared.run.folder / "curve.csv")
        x = table["mixing_frequency_nyquist"]
        label = escape(compared.label)
        traces.append(_band(x, table["difference_ci_low"], table["difference_ci_high"], colour, label))
        traces.append(_line(x, table["difference"], colour, compared.label))
        f_rev = compared.run.results["f_rev"]["nyquist"]["value"]
        if f_rev is not None:
            marker = {"size": 11, "color": colour, "symbol": "diamond", "line": {"color": "#fff", "width": 1}}
            traces.append(_line([f_rev], [0], colour, compared.label, mode="markers", marker=marker, showlegend=False))
    title = "Whom the model believes in hybrid images (diamond: f_rev)"
    return [(title, {"data": traces, "layout": layout("mixing frequency (Nyquist)", "p_low - p_high")})]


def _evaluations(runs: Coloured) -> list[Plot]:
    groups, sizes = [], []
    for compared, colour in runs:
        results = compared.run.results
        rows = [
            ("clean", results["accuracy"]),
            *((GROUPS[g["name"]], g["accuracy"]) for g in results["corruption_groups"]),
        ]
        trace = _points([name for name, _ in rows], [i for _, i in rows], 100, colour, compared.label)
        groups.append(trace | {"offsetgroup": escape(compared.label)})
        if results["minimal"]:
            table = pd.read_csv(compared.run.folder / "minimal.csv")
            if "linf_size_pixel_range" in table:
                size = table["linf_size_pixel_range"].to_numpy(float)
                eps = np.concatenate([[0.0], np.sort(size[np.isfinite(size)])])
                share = [100 * float((size > e).mean()) for e in eps]
                line = {"color": colour, "width": 2, "shape": "hv"}
                sizes.append(_line(255 * eps, share, colour, compared.label, mode="lines", line=line))
    title = "Accuracy under groups of corruptions"
    grouped = layout("", "accuracy (%)", yaxis={"range": [-3, 105]})
    plots: list[Plot] = [(title, {"data": groups, "layout": grouped | {"scattermode": "group", "scattergap": 0.4}})]
    if sizes:
        title = "Images that stand a perturbation of that size (upper bounds)"
        x = "size of the perturbation, L-inf (1/255)"
        plots.append((title, {"data": sizes, "layout": layout(x, "accuracy (%)", yaxis={"range": [-3, 105]})}))
    return plots


def _defenses(runs: Coloured) -> list[Plot]:
    clean, budgets = [], []
    for compared, colour in runs:
        rows = sorted(compared.run.results["rows"], key=lambda r: r["strength"])
        strengths = [r["strength"] for r in rows]
        trace = _points(strengths, [r["accuracy"] for r in rows], 100, colour, f"{compared.label}, clean")
        clean.append(trace | {"mode": "lines+markers", "line": {"color": colour}})
        corrupted = [next((g["accuracy"] for g in r["corruption_groups"] if g["name"] == "all"), None) for r in rows]
        if all(c is not None for c in corrupted):
            trace = _points(strengths, [c for c in corrupted if c], 100, colour, f"{compared.label}, corruptions")
            clean.append(trace | {"mode": "lines+markers", "line": {"color": colour, "dash": "dash"}})
        for row in (rows[0], rows[-1]) if len(rows) > 1 else rows:
            linf = [a for a in row["robust_accuracy"] if a["norm"] == "linf"]
            doubt = "" if row["reliable"] else " (unreliable)"
            label = f"{compared.label}, {row['name']}{doubt}"
            trace = _points([255 * a["eps"] for a in linf], [a["accuracy"] for a in linf], 100, colour, label)
            dash = "solid" if row is rows[0] else "dash"
            budgets.append(trace | {"mode": "lines+markers", "line": {"color": colour, "dash": dash}})
    first, second = "Accuracy behind the filter", "Accuracy against the budget"
    vertical = {"range": [-3, 105]}
    return [
        (first, {"data": clean, "layout": layout("strength of the filter", "accuracy (%)", yaxis=vertical)}),
        (second, {"data": budgets, "layout": layout("budget, L-inf (1/255)", "accuracy (%)", yaxis=vertical)}),
    ]
