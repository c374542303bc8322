"""Trainings and measurements of schema 1, read from their tables: a training need not be repeated."""

from pathlib import Path

import torch

from fsens_cli.errors import OutputError
from fsens_cli.experiments.quantities import Findings, Quantity, quantity, sample
from fsens_cli.runs.json_files import Fields
from fsens_cli.runs.stored_tables import read_columns
from fsens_cli.statistics.intervals import Interval

READABLE = ("measure", "train")


def read_schema_1(folder: Path, verb: str, results: Fields) -> Findings:
    """Return the numbers of a measurement or training that an older version wrote, without lines for plots.

    Raises:
        OutputError: it is of another verb, or damaged.
    """
    if verb not in READABLE:
        raise OutputError(f"{folder} was written by an older version of fsens: run `fsens {verb}` again.")
    measured = results.fields("measure") if verb == "train" else results
    bands = {band.text("name"): band for band in measured.rows("bands")}
    columns = ["index", "label", "prediction", "gradient_norm", "centroid_cycles_per_image"]
    index, label, prediction, norm, centroid, *shares = (
        torch.from_numpy(column)
        for column in read_columns(folder / "per_image.csv", [*columns, *(f"{name}_share" for name in bands)])
    )
    index_N, has_gradient_N = index.long(), norm > 0

    def mean(name: str, fields: Fields, key: str, label: str, values: torch.Tensor, unit: str, digits: int) -> Quantity:
        answers = sample("mean", index_N[has_gradient_N], values[has_gradient_N])
        return quantity(_interval(fields, name), key, label, unit=unit, scale=1, digits=digits, sample=answers)

    right = sample("proportion", index_N, label == prediction)
    numbers = [quantity(_interval(measured, "accuracy"), "accuracy", "accuracy", sample=right)]
    for (name, band), share in zip(bands.items(), shares, strict=True):
        numbers.append(mean("share", band, f"share-{name}", f"sensitivity, {name} band", share, "share", 3))
    place = "centroid_cycles_per_image"
    numbers.append(mean(place, measured, "centroid", "sensitivity, centroid", centroid, "c/image", 2))
    if verb == "train":
        numbers.insert(0, quantity(_interval(results, "test_accuracy"), "test-accuracy", "test accuracy, all images"))
    return Findings(verdict="", quantities=tuple(numbers), warnings=(), lines=(), asked={"schema": "1"})


def _interval(fields: Fields, name: str) -> Interval:
    inside = fields.fields(name)
    return Interval(inside.number("value"), inside.number("low"), inside.number("high"), inside.whole("n"))
