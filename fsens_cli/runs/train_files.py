"""What does a training leave behind: its history, a figure of it, and its numbers beside the measurement's."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fsens_cli.errors import OutputError
from fsens_cli.experiments.train import TrainResult
from fsens_cli.runs.figures.style import save_figure
from fsens_cli.runs.figures.training import training_figure
from fsens_cli.runs.files import write_json, write_table
from fsens_cli.runs.folder import read_json
from fsens_cli.runs.measure_files import interval_dict, wrap_title
from fsens_cli.statistics.intervals import Interval


def write_history(folder: Path, history: Sequence[dict[str, float]]) -> None:
    """Write ``training.csv``, one row an epoch."""
    names = list(history[0]) if history else []
    write_table(folder / "training.csv", {name: [row[name] for row in history] for name in names})


def write_train(
    folder: Path,
    result: TrainResult,
    *,
    test_accuracy: Interval,
    measured: dict[str, Any],
    training: str,
    formats: Sequence[str],
) -> dict[str, Any]:
    """Write the training's numbers and figure into ``folder``, where the measurement's files already are."""
    results = {
        "verb": "train",
        "model": measured["model"],
        "data": measured["data"],
        "training": training,
        "epochs": len(result.history),
        "best_epoch": result.best_epoch,
        "num_train": result.num_train,
        "num_validation": result.num_validation,
        "validation_accuracy": interval_dict(result.best_validation),
        "test_accuracy": interval_dict(test_accuracy),
        "skipped_images": int(sum(row["skipped_images"] for row in result.history)),
        "measure": measured,
    }
    write_history(folder, result.history)
    write_json(folder / "results.json", results)
    draw_training(folder, formats)
    return results


def epoch_numbers(row: Mapping[str, float]) -> dict[str, float]:
    """Return what a tracker is told of an epoch: its row of ``training.csv``."""
    return {name: float(value) for name, value in row.items() if name != "epoch"}


def end_numbers(results: Mapping[str, Any]) -> dict[str, float]:
    """Return what a tracker is told at the end: what the test images say of the best epoch."""
    shares = {f"test_{band['name']}_share": float(band["share"]["value"]) for band in results["measure"]["bands"]}
    return {"test_accuracy": float(results["test_accuracy"]["value"]), **shares}


def draw_training(folder: Path, formats: Sequence[str]) -> None:
    """Draw the training figure from the folder's files alone.

    Raises:
        OutputError: a file is missing or damaged.
    """
    results = read_json(folder / "results.json", f"{folder} is not a finished training")
    try:
        table = pd.read_csv(folder / "training.csv")
    except (OSError, ValueError) as error:
        raise OutputError(f"{folder} is incomplete: {error}.") from error
    title = f"{results['model']}, {results['training']} training, {results['measure']['data']}"
    history = {str(name): table[name].tolist() for name in table.columns}
    figure = training_figure(history, best_epoch=results["best_epoch"], title=wrap_title(title))
    save_figure(figure, folder, "training", formats)
