"""Several models in one picture: accuracy by group of corruptions, by size of perturbation, by strength of a filter."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fsens_cli.runs.figures.style import COLUMN_WIDTH, CYCLE, figure_style

Bounds = tuple[float, float, float]  # value, low, high


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedModel:
    """One model: accuracy (0..1) by group, and the size of each image's smallest L-inf perturbation."""

    label: str
    accuracy: dict[str, Bounds]
    size_N: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class DefendedModel:
    """One model: clean accuracy (0..1) by strength, and accuracy by budget without and with the strongest filter."""

    label: str
    strength: Sequence[float]
    clean: Sequence[Bounds]
    budgets: Sequence[tuple[str, Sequence[float], Sequence[Bounds]]]


def evaluations_figure(models: Sequence[EvaluatedModel]) -> Figure:
    """Draw accuracy under each group of corruptions, and against the size of the perturbation where that is known."""
    groups = list(dict.fromkeys(name for m in models for name in m.accuracy))
    sized = any(len(m.size_N) for m in models)
    with figure_style():
        figure, panels = plt.subplots(
            1 + sized, 1, figsize=(COLUMN_WIDTH, (2.0 if sized else 2.3) * (1 + sized) + _legend(models)), squeeze=False
        )
        above = panels[0, 0]
        width = 0.6 / max(1, len(models))
        for number, (model, colour) in enumerate(zip(models, cycle(CYCLE), strict=False)):
            places = [groups.index(g) + (number - (len(models) - 1) / 2) * width for g in model.accuracy]
            _points(above, places, list(model.accuracy.values()), colour, model.label, "o")
            if sized and len(model.size_N):
                size = np.asarray(model.size_N, float)
                found = np.sort(size[np.isfinite(size)])
                eps = np.concatenate([[0.0], found])
                share = [100 * float((size > e).mean()) for e in eps]
                panels[1, 0].step(255 * eps, share, where="post", color=colour)
        above.set_xticks(range(len(groups)), groups)
        above.set(ylabel="accuracy (%)", ylim=(-3, 103))
        if sized:
            finite = [s for m in models for s in m.size_N if np.isfinite(s)]
            right = 255 * float(np.quantile(finite, 0.99)) if finite else 1.0
            panels[1, 0].set(
                xlabel=r"size of the perturbation, $L_\infty$ (1/255)", ylabel="accuracy (%)", ylim=(-3, 103)
            )
            panels[1, 0].set_xlim(0, max(right, 1e-6))
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def defenses_figure(models: Sequence[DefendedModel], *, unit: str) -> Figure:
    """Draw clean accuracy against the strength, and accuracy against the budget: dashed behind the strongest filter."""
    with figure_style():
        figure, (above, below) = plt.subplots(2, 1, figsize=(COLUMN_WIDTH, 4.0 + _legend(models)))
        for model, colour in zip(models, cycle(CYCLE), strict=False):
            _points(above, model.strength, model.clean, colour, model.label, "o-")
            for (words, eps, accuracy), style in zip(model.budgets, ("o-", "s--"), strict=False):
                _points(below, [255 * e for e in eps], accuracy, colour, None, style)
                del words
        above.set(xlabel=unit, ylabel="clean accuracy (%)", ylim=(-3, 103))
        below.set(xlabel=r"budget, $L_\infty$ (1/255)", ylabel="accuracy (%)", ylim=(-3, 103))
        shown = next((m.budgets for m in models if len(m.budgets) > 1), ())
        for (words, *_), style in zip(shown, ("-", "--"), strict=False):
            below.plot([], [], color="black", linestyle=style, label=words)
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def _legend(models: Sequence[object]) -> float:
    return 0.4 + 0.16 * ((len(models) + 1) // 2)


def _points(
    axes: Axes, x: Sequence[float], values: Sequence[Bounds], colour: str, label: str | None, style: str
) -> None:
    value, low, high = (100 * np.array([v[i] for v in values]) for i in range(3))
    error = np.abs(np.array([value - low, high - value]))
    axes.errorbar(
        x, value, yerr=error, fmt=style, color=colour, markersize=3, linewidth=1.0, elinewidth=0.8, label=label
    )
