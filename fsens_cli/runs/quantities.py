"""What are the headline numbers of a run, and which per-image answers stand behind each?

Every number here has an interval. Where the per-image answers are kept, two runs on the same images give the difference
of their numbers a paired interval.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from fsens_cli.errors import OutputError
from fsens_cli.runs.evaluate_summary import GROUP_NAMES, eps_text
from fsens_cli.runs.selection import FinishedRun
from fsens_cli.statistics.intervals import Interval
from fsens_cli.statistics.paired import crossing_difference, mean_difference, median_difference, proportion_difference

NORM_NAMES = {"linf": "L-inf", "l2": "L2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The per-image answers behind a number.

    Attributes:
        kind: ``proportion``, ``mean``, ``median`` (of sizes above 0) or ``crossing`` (of the mean over pairs).
        index: names of the images; of the pairs' two images, two columns.
        value: one row an image or pair.
        x: where the curve of a crossing is known.
    """

    kind: str
    index: np.ndarray
    value: np.ndarray
    x: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One headline number.

    Attributes:
        key: the same for the same number of any run of the verb.
        label, unit: in words.
        scale, digits: how it is shown: ``scale * value`` with so many digits.
        value, low, high: None where there is none, or a bound was not found.
        n: images behind it.
        note: why there is no number, or why it is doubtful.
        sample: what differences are made of, where it was kept.
    """

    key: str
    label: str
    unit: str
    scale: float
    digits: int
    value: float | None
    low: float | None
    high: float | None
    n: int
    note: str = ""
    sample: Sample | None = None

    def text(self) -> str:
        """Return number and interval as shown, without the unit."""
        if self.value is None:
            return self.note or "none"
        return f"{self._shown(self.value)} [{self._shown(self.low)}, {self._shown(self.high)}]"

    def difference_text(self, difference: Interval) -> str:
        """Return a difference of two such numbers as shown, with its sign."""
        if not np.isfinite(difference.value):
            return "not found"
        parts = [difference.value, difference.low, difference.high]
        value, low, high = (
            f"{self.scale * p:+.{self.digits}f}" if np.isfinite(p) else "?" for p in parts
        )  # an infinite bound was not found
        return f"{value} [{low}, {high}]"

    def _shown(self, value: float | None) -> str:
        return "?" if value is None else f"{self.scale * value:.{self.digits}f}"


def _quantity(
    interval: dict[str, Any],
    key: str,
    label: str,
    *,
    unit: str = "%",
    scale: float = 100.0,
    digits: int = 1,
    note: str = "",
    sample: Sample | None = None,
) -> Quantity:
    return Quantity(
        key=key,
        label=label,
        unit=unit,
        scale=scale,
        digits=digits,
        value=interval["value"],
        low=interval["low"],
        high=interval["high"],
        n=int(interval["n"]),
        note=note,
        sample=sample,
    )


def quantities(run: FinishedRun) -> list[Quantity]:
    """Return the headline numbers of a run.

    Raises:
        OutputError: a file does not hold what it should.
    """
    try:
        return list(_OF_VERB[run.verb](run))
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise OutputError(f"{run.folder} is damaged: {detail}.") from error


def _table(path: Path, rows: int) -> pd.DataFrame:
    table = pd.read_csv(path)
    if len(table) != rows:
        raise ValueError(f"{path.name} has {len(table)} rows, expected {rows}")
    return table


def _measured(run: FinishedRun) -> Iterator[Quantity]:
    return _measure(run.folder, run.results)


def _measure(folder: Path, results: dict[str, Any]) -> Iterator[Quantity]:
    table = _table(folder / "per_image.csv", results["num_images"])
    right = (table["prediction"] == table["label"]).to_numpy()
    yield _quantity(results["accuracy"], "accuracy", "accuracy", sample=_sample("proportion", table, right))
    # Images without a gradient count in no average.
    counted = table[table["gradient_norm"] > 0]
    for band in results["bands"]:
        name = band["name"]
        yield _quantity(
            band["share"],
            f"share-{name}",
            f"sensitivity, {name} band",
            unit="share",
            scale=1,
            digits=3,
            sample=_sample("mean", counted, counted[f"{name}_share"].to_numpy(float)),
        )
    yield _quantity(
        results["centroid_cycles_per_image"],
        "centroid",
        "sensitivity, centroid",
        unit="c/image",
        scale=1,
        digits=2,
        sample=_sample("mean", counted, counted["centroid_cycles_per_image"].to_numpy(float)),
    )


def _trained(run: FinishedRun) -> Iterator[Quantity]:
    yield _quantity(run.results["test_accuracy"], "test-accuracy", "test accuracy, all images")
    yield from _measure(run.folder, run.results["measure"])


def _hybrid(run: FinishedRun) -> Iterator[Quantity]:
    results = run.results
    table = _table(run.folder / "per_pair.csv", results["num_images"] * results["num_pairings"])
    once = table.drop_duplicates("low_index")
    right = (once["low_prediction_unmixed"] == once["low_label"]).to_numpy()
    accuracy = Sample(kind="proportion", index=once["low_index"].to_numpy(), value=right)
    yield _quantity(results["accuracy"], "accuracy", "accuracy, unmixed images", sample=accuracy)
    counted = table[table["counts"] == 1]
    answers = counted[[c for c in table.columns if str(c).startswith("prediction_at_")]].to_numpy()
    low, high = (counted[f"{half}_label"].to_numpy()[:, None] for half in ("low", "high"))
    difference = (answers == low).astype(float) - (answers == high)
    pairs = Sample(
        kind="crossing",
        index=counted[["low_index", "high_index"]].to_numpy(),
        value=difference,
        x=tuple(row["mixing_nyquist"] for row in results["curve"]),
    )
    f_rev = results["f_rev"]
    note = f"{f_rev['status']} the grid" if f_rev["nyquist"]["value"] is None else ""
    yield _quantity(f_rev["nyquist"], "f_rev", "f_rev", unit="Nyquist", scale=1, digits=3, note=note, sample=pairs)


def _evaluated(run: FinishedRun) -> Iterator[Quantity]:
    results = run.results
    table = _table(run.folder / "per_image.csv", results["num_images"])
    labels = {row["kind"]: row["name"] for row in reversed(results["conditions"])}
    clean = _sample("proportion", table, table[labels["clean"]].to_numpy(bool))
    yield _quantity(results["accuracy"], "accuracy", "accuracy", sample=clean)
    for group in results["corruption_groups"]:
        members = [c["name"] for c in results["conditions"] if c["probe"] in group["corruptions"]]
        mean = table[members].to_numpy(float).mean(axis=1)
        yield _quantity(
            group["accuracy"],
            f"corruptions-{group['name']}",
            f"corruptions, {GROUP_NAMES[group['name']]}",
            sample=_sample("mean", table, mean),
        )
    for row in results["conditions"]:
        if row["kind"] != "attack":
            continue
        attacked = table[table[row["name"]].notna()]
        budget = eps_text(row["parameter"], row["group"])
        yield _quantity(
            row["accuracy"],
            f"attack-{row['name']}",
            f"{row['probe']}, {NORM_NAMES[row['group']]} {budget}",
            sample=_sample("proportion", attacked, attacked[row["name"]].to_numpy(bool)),
        )
    if results["minimal"]:
        sizes = pd.read_csv(run.folder / "minimal.csv")
        for row in results["minimal"]:
            size = sizes[f"{row['name']}_size_pixel_range"].to_numpy(float)
            yield from _perturbations(row, _sample("median", sizes, size))
    agreement = results["heat_map_agreement"]
    if agreement is not None:
        yield _quantity(
            agreement["spearman"], "agreement", "heat map and gradient", unit="rank corr.", scale=1, digits=2
        )


def _perturbations(
    row: dict[str, Any], sample: Sample, *, key: str = "", label: str = "", note: str = ""
) -> list[Quantity]:
    """Return the median size of smallest perturbations and their f_0.5."""
    norm = row["name"]
    linf = norm == "linf"
    median = {**row["median"], "n": row["num_right"]}
    half = {**row["f_half_cycles_per_pixel"], "n": row["num_found"]}
    return [
        _quantity(
            median,
            f"{key}median-{norm}",
            f"{label}median size, {NORM_NAMES[norm]}",
            unit="1/255" if linf else "pixel range",
            scale=255.0 if linf else 1.0,
            digits=2 if linf else 3,
            note=note or ("" if median["value"] is not None else "not found"),
            sample=sample,
        ),
        _quantity(
            half,
            f"{key}f_half-{norm}",
            f"{label}f_0.5, {NORM_NAMES[norm]}",
            unit="c/px",
            scale=1,
            digits=3,
            note=note or ("" if half["value"] is not None else "not found"),
        ),
    ]


def _defended(run: FinishedRun) -> Iterator[Quantity]:
    results = run.results
    sizes = _table(run.folder / "sizes.csv", sum(results["num_attacked"] * len(r["minimal"]) for r in results["rows"]))
    for row in results["rows"]:
        key, label = f"{row['strength']:g}-", f"{row['name']}: "
        yield _quantity(row["accuracy"], f"{key}accuracy", f"{label}accuracy")
        for group in row["corruption_groups"]:
            name = group["name"]
            yield _quantity(group["accuracy"], f"{key}corruptions-{name}", f"{label}corruptions, {GROUP_NAMES[name]}")
        unreliable = "" if row["reliable"] else "unreliable"
        for minimal in row["minimal"]:
            mine = sizes[(sizes["strength"] == row["strength"]) & (sizes["norm"] == minimal["name"])]
            sample = _sample("median", mine, mine["size_pixel_range"].to_numpy(float))
            yield from _perturbations(minimal, sample, key=key, label=label, note=unreliable)
        f_rev = {**row["f_rev"]["nyquist"], "n": results["num_images"]}
        note = "" if f_rev["value"] is not None else f"{row['f_rev']['status']} the grid"
        yield _quantity(f_rev, f"{key}f_rev", f"{label}f_rev", unit="Nyquist", scale=1, digits=3, note=note)


_OF_VERB: dict[str, Callable[[FinishedRun], Iterator[Quantity]]] = {
    "measure": _measured,
    "train": _trained,
    "hybrid-probe": _hybrid,
    "evaluate": _evaluated,
    "blur-defense": _defended,
}


def _sample(kind: str, table: pd.DataFrame, value: np.ndarray) -> Sample:
    return Sample(kind=kind, index=table["index"].to_numpy(), value=value)


def paired_difference(first: Quantity, second: Quantity) -> Interval | None:
    """Return second less first with a paired interval, in the units of ``value``.

    None where per-image answers were not kept, or belong to other images.
    """
    one, two = first.sample, second.sample
    if one is None or two is None or one.kind != two.kind or one.x != two.x:
        return None
    if one.kind == "crossing":
        # With pairs=both_correct the models may count different pairs.
        if not np.array_equal(one.index, two.index):
            return None
        low, high = torch.from_numpy(one.index.astype(np.int64)).T
        x = torch.tensor(one.x, dtype=torch.float64)
        return crossing_difference(x, _tensor(one.value), _tensor(two.value), low, high)
    common, rows_one, rows_two = np.intersect1d(one.index, two.index, return_indices=True)
    if len(common) < 2:
        return None
    a, b = _tensor(one.value[rows_one]), _tensor(two.value[rows_two])
    if one.kind == "proportion":
        return proportion_difference(a, b)
    return mean_difference(a, b) if one.kind == "mean" else median_difference(a, b)


def _tensor(value: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(value, dtype=np.float64))
