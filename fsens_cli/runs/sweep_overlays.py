"""The evaluations or blur defences of a sweep in one figure, drawn from the runs' files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fsens_cli.runs.defense_figures import UNITS
from fsens_cli.runs.figures.model_overlays import (
    Bounds,
    DefendedModel,
    EvaluatedModel,
    defenses_figure,
    evaluations_figure,
)
from fsens_cli.runs.figures.style import save_figure
from fsens_cli.runs.sweep_files import JobOutcome
from fsens_cli.runs.sweep_labels import overlay_labels


def draw_evaluations(folder: Path, outcomes: Sequence[JobOutcome], formats: Sequence[str] = ("png",)) -> None:
    """Draw accuracy under groups of corruptions and against the size of perturbations, one colour a model."""
    models = [
        EvaluatedModel(
            label=label,
            accuracy=_groups(outcome.results),
            size_N=_sizes(done) if outcome.results["minimal"] else [],
        )
        for outcome, done, label in _finished(outcomes)
    ]
    if models:
        save_figure(evaluations_figure(models), folder, "overlay", formats)


def draw_defenses(folder: Path, outcomes: Sequence[JobOutcome], formats: Sequence[str] = ("png",)) -> None:
    """Draw clean accuracy against the strength and accuracy against the budget, one colour a model."""
    finished = _finished(outcomes)
    models = [_defended(outcome.results, label) for outcome, _, label in finished]
    if models:
        unit = UNITS.get(finished[0][0].results["defense"], "sigma (pixels)")
        save_figure(defenses_figure(models, unit=unit), folder, "overlay", formats)


def _finished(outcomes: Sequence[JobOutcome]) -> list[tuple[JobOutcome, Path, str]]:
    done = [(o, o.folder) for o in outcomes if o.status == "done" and o.folder is not None]
    labels = overlay_labels([o.settings for o, _ in done], [o.results.get("training", "") for o, _ in done])
    return [(o, folder, label) for (o, folder), label in zip(done, labels, strict=True)]


def _bounds(interval: dict[str, Any]) -> Bounds:
    return interval["value"], interval["low"], interval["high"]


def _groups(results: dict[str, Any]) -> dict[str, Bounds]:
    return {"clean": _bounds(results["accuracy"])} | {
        g["name"]: _bounds(g["accuracy"]) for g in results["corruption_groups"]
    }


def _sizes(folder: Path) -> list[float]:
    table = pd.read_csv(folder / "minimal.csv")
    name = "linf_size_pixel_range"
    return table[name].to_numpy(np.float64).tolist() if name in table else []


def _defended(results: dict[str, Any], label: str) -> DefendedModel:
    rows = sorted(results["rows"], key=lambda r: r["strength"])
    budgets = []
    for row in dict.fromkeys((0, len(rows) - 1)):
        linf = [a for a in rows[row]["robust_accuracy"] if a["norm"] == "linf"]
        budgets.append((rows[row]["name"], [a["eps"] for a in linf], [_bounds(a["accuracy"]) for a in linf]))
    return DefendedModel(
        label=label,
        strength=[r["strength"] for r in rows],
        clean=[_bounds(r["accuracy"]) for r in rows],
        budgets=budgets,
    )
