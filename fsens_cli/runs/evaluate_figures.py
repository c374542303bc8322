"""The figures of an evaluation, drawn from its files alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fsens_cli.errors import OutputError
from fsens_cli.runs.figures.corruption_bars import CorruptionBar, corruption_figure
from fsens_cli.runs.figures.filter_curves import filter_figure
from fsens_cli.runs.figures.heat_map import heat_map_figure
from fsens_cli.runs.figures.prediction import PredictedCorruption, prediction_figure
from fsens_cli.runs.figures.robustness import BudgetPoint, robustness_figure
from fsens_cli.runs.figures.style import save_figure
from fsens_cli.runs.folder import read_json
from fsens_cli.runs.measure_files import wrap_title


def draw_evaluate(folder: Path, formats: Sequence[str]) -> None:
    """Draw every figure for which the suite had a question.

    Raises:
        OutputError: a file is missing or damaged.
    """
    results = read_json(folder / "results.json", f"{folder} is not a finished evaluation")
    try:
        table = pd.read_csv(folder / "accuracy.csv")
        minimal = pd.read_csv(folder / "minimal.csv") if results["minimal"] else None
        predicted = pd.read_csv(folder / "prediction.csv") if (folder / "prediction.csv").exists() else None
        heat = pd.read_csv(folder / "heat_map.csv") if (folder / "heat_map.csv").exists() else None
    except (OSError, ValueError, KeyError) as error:
        raise OutputError(f"{folder} is incomplete: {error}.") from error
    words = f"{results['model']} ({results['weights']}) on {results['data']}"
    title = wrap_title(words)
    clean = float(table.loc[table["kind"] == "clean", "accuracy"].iloc[0])
    if results["corruption_groups"]:
        figure = corruption_figure(_bars(table), _group_means(results), clean=clean, title=title)
        save_figure(figure, folder, "corruptions", formats)
    if predicted is not None:
        figure = prediction_figure(
            _predicted(predicted), clean=clean, correlation=results["corruption_prediction"]["spearman"], title=title
        )
        save_figure(figure, folder, "prediction", formats)
    filters = table[table["kind"] == "filter"]
    if len(filters):
        figure = filter_figure(
            filters,
            clean=clean,
            chance=1 / results["num_classes"],
            shorter_side=min(results["image_size"]),
            title=f"{title}\nn = {results['num_images']:,}",
        )
        save_figure(figure, folder, "filters", formats)
    attacks = table[table["kind"] == "attack"]
    if minimal is not None or len(attacks):
        figure = robustness_figure(_sizes(minimal), _points(attacks), title=title)
        save_figure(figure, folder, "robustness", formats)
    if heat is not None:
        figure = heat_map_figure(heat, results["image_size"], agreement=results["heat_map_agreement"], title=words)
        save_figure(figure, folder, "heat_map", formats)


def _bars(table: pd.DataFrame) -> list[CorruptionBar]:
    rows = table[table["kind"] == "corruption"]
    bars = []
    for name, part in rows.groupby("probe", sort=False):
        bars.append(
            CorruptionBar(
                name=str(name),
                group=str(part["group"].iloc[0]),
                by_severity=dict(zip(part["severity"].astype(int), part["accuracy"], strict=True)),
            )
        )
    return bars


def _predicted(table: pd.DataFrame) -> list[PredictedCorruption]:
    rows: list[dict[str, Any]] = table.to_dict("records")  # type: ignore[assignment]
    return [
        PredictedCorruption(
            name=row["probe"].replace("_", " "),
            group=row["group"],
            severity=int(row["severity"]),
            predicted=row["predicted_accuracy"],
            measured=(row["accuracy"], row["accuracy_ci_low"], row["accuracy_ci_high"]),
        )
        for row in rows
    ]


def _group_means(results: dict[str, Any]) -> dict[str, dict[str, float]]:
    return {row["name"]: row["accuracy"] for row in results["corruption_groups"]}


def _sizes(minimal: pd.DataFrame | None) -> dict[str, np.ndarray]:
    if minimal is None:
        return {}
    suffix = "_size_pixel_range"
    return {str(c).removesuffix(suffix): minimal[c].to_numpy(float) for c in minimal.columns if str(c).endswith(suffix)}


def _points(attacks: pd.DataFrame) -> list[BudgetPoint]:
    rows: list[dict[str, Any]] = attacks.to_dict("records")  # type: ignore[assignment]
    return [
        BudgetPoint(
            attack=row["probe"],
            norm=row["group"],
            eps=row["parameter"],
            accuracy=row["accuracy"],
            low=row["accuracy_ci_low"],
            high=row["accuracy_ci_high"],
        )
        for row in rows
    ]
