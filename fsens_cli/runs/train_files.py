"""What does a training leave behind: its history, a figure of it, and its numbers beside the measurement's."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fsens_cli.experiments.quantities import Findings
from fsens_cli.experiments.train import TrainResult
from fsens_cli.experiments.train_findings import train_findings
from fsens_cli.experiments.train_settings import TrainConfig
from fsens_cli.runs.figures.style import save_figure
from fsens_cli.runs.figures.training import training_figure
from fsens_cli.runs.files import write_table
from fsens_cli.runs.findings_files import FigureFile, read_figures, write_figures, write_results
from fsens_cli.runs.json_files import Fields, load_object
from fsens_cli.runs.json_numbers import interval_or_nulls
from fsens_cli.runs.measure_files import draw_measure
from fsens_cli.runs.stored_tables import read_columns, table_columns
from fsens_cli.runs.subject import wrap_title
from fsens_cli.statistics.intervals import Interval

FEWEST_EPOCHS = 2  # for curves


def write_history(folder: Path, history: Sequence[dict[str, float]]) -> None:
    """Write ``training.csv``, one row an epoch."""
    names = list(history[0]) if history else []
    write_table(folder / "training.csv", {name: [row[name] for row in history] for name in names})


def write_train(
    folder: Path,
    result: TrainResult,
    config: TrainConfig,
    *,
    test_accuracy: Interval,
    measured: Findings,
    training: str,
    formats: Sequence[str],
    summary: Sequence[str],
) -> Findings:
    """Write the training's numbers and figure into ``folder``, where the measurement's files already are."""
    numbers = load_object(folder / "results.json", f"{folder} has no measurement")
    results = {
        "verb": "train",
        "model": numbers["model"],
        "data": numbers["data"],
        "training": training,
        "epochs": len(result.history),
        "best_epoch": result.best_epoch,
        "num_train": result.num_train,
        "num_validation": result.num_validation,
        "num_images": numbers["num_images"],
        "validation_accuracy": interval_or_nulls(result.best_validation),
        "test_accuracy": interval_or_nulls(test_accuracy),
        "skipped_images": int(sum(row["skipped_images"] for row in result.history)),
        "measure": numbers,
    }
    found = train_findings(test_accuracy, measured, config)
    write_history(folder, result.history)
    write_results(folder, results, found, summary)
    write_figures(folder, draw_training(folder, formats) + read_figures(folder))
    return found


def epoch_numbers(row: Mapping[str, float]) -> dict[str, float]:
    """Return what a tracker is told of an epoch: its row of ``training.csv``."""
    return {name: float(value) for name, value in row.items() if name != "epoch"}


def draw_train(folder: Path, formats: Sequence[str]) -> list[FigureFile]:
    """Draw the figures of a training and of the measurement after it, from the folder's files alone."""
    return draw_training(folder, formats) + draw_measure(folder, formats)


def draw_training(folder: Path, formats: Sequence[str]) -> list[FigureFile]:
    """Draw the training figure from the folder's files alone; of one epoch there is no curve.

    Raises:
        OutputError: a file is missing or damaged.
    """
    results = Fields.read(folder / "results.json", f"{folder} is not a finished training")
    history = read_history(folder)
    if len(history["epoch"]) < FEWEST_EPOCHS:
        return []
    best = results.whole("best_epoch")
    data = results.text("data").removesuffix(" test")
    title = f"{results.text('model')}, {results.text('training')} training on {data}"
    figure = training_figure(history, best_epoch=best, title=wrap_title(title))
    save_figure(figure, folder, "training", formats)
    return [
        FigureFile(
            name="training",
            caption=f"Loss, accuracy and band shares over the epochs: {title}.",
            alt=f"Curves over {results.whole('epochs')} epochs; the best one by validation images is {best}.",
        )
    ]


def read_history(folder: Path) -> dict[str, list[float]]:
    """Return the columns of ``training.csv`` by name.

    Raises:
        OutputError: it is missing or damaged.
    """
    file = folder / "training.csv"
    names = table_columns(file)
    return {name: column.tolist() for name, column in zip(names, read_columns(file, names), strict=True)}
