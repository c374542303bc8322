"""The robustness figure: the share of images that survives a perturbation of a given size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fsens_cli.runs.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    INTERVAL,
    ORANGE,
    PURPLE,
    RED,
    figure_style,
    interval_key,
    new_figure,
)
from fsens_cli.statistics.intervals import wilson

AXES = {
    "linf": (255.0, "size of the perturbation, L∞ (1/255)"),
    "l2": (1.0, "size of the perturbation, L2 (pixel range 0..1)"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetPoint:
    """The accuracy left by one attack within one budget."""

    attack: str
    norm: str
    eps: float
    accuracy: float
    low: float
    high: float


def robustness_figure(sizes: Mapping[str, np.ndarray], points: Sequence[BudgetPoint], *, title: str) -> Figure:
    """Draw accuracy against the size of the perturbation, one panel a norm.

    Args:
        sizes: by norm, each image's smallest adversarial perturbation: 0 where the model is wrong anyway, infinite
            where none was found.
        points: attacks with a fixed budget.
        title: above the figure.
    """
    norms = [norm for norm in AXES if norm in sizes or any(p.norm == norm for p in points)]
    with figure_style():
        figure, panels = new_figure(0.7 + 1.9 * len(norms), rows=len(norms))
        colours = dict(
            zip(dict.fromkeys(p.attack for p in points), cycle((RED, GREEN, PURPLE, ORANGE, BLACK)), strict=False)
        )
        for norm, axes in zip(norms, panels, strict=True):
            _panel(axes, norm, sizes.get(norm), [p for p in points if p.norm == norm], colours)
        figure.suptitle(title, fontsize=8)
        handles = {text: h for axes in panels for h, text in zip(*axes.get_legend_handles_labels(), strict=True)}
        named = [*handles.values(), interval_key()], [*handles, INTERVAL]
        figure.legend(*named, loc="outside lower center", ncols=2, frameon=False)
    return figure


def _panel(
    axes: Axes, norm: str, size_N: np.ndarray | None, points: Sequence[BudgetPoint], colours: Mapping[str, str]
) -> None:
    scale, xlabel = AXES[norm]
    largest = max((p.eps for p in points), default=0.0)
    if size_N is not None:
        found = size_N[np.isfinite(size_N)]
        largest = max(largest, float(np.quantile(found, 0.99)) if len(found) else 0.0)
        eps = np.concatenate([[0.0], np.sort(found), [1.05 * largest]])
        survivors = [wilson(int((size_N > e).sum()), len(size_N)) for e in eps]
        low, mean, high = (np.array([100 * getattr(i, name) for i in survivors]) for name in ("low", "value", "high"))
        axes.fill_between(scale * eps, low, high, step="post", color=BLUE, alpha=0.25, linewidth=0)
        axes.step(scale * eps, mean, where="post", color=BLUE, label=f"smallest found, n = {len(size_N)}")
    for point in points:
        error = [[100 * (point.accuracy - point.low)], [100 * (point.high - point.accuracy)]]
        axes.errorbar(
            scale * point.eps, 100 * point.accuracy, yerr=error, fmt="o", markersize=3, linewidth=0.8,
            color=colours[point.attack], label=f"{point.attack} at a fixed size",
        )  # fmt: skip
    axes.set(xlabel=xlabel, ylabel="accuracy (%)", ylim=(-3, 103), xlim=(0, 1.05 * scale * largest or None))
