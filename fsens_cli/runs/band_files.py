"""Files of band importance: one row a band and value, one row a class and band, figures drawn from them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from fsens_cli.experiments.band_importance import VALUES, BandImportance, by_class, importance
from fsens_cli.experiments.evaluation import EvaluateResult
from fsens_cli.runs.figures.band_importance import BandCurve, class_band_figure, importance_figure
from fsens_cli.runs.figures.style import save_figure
from fsens_cli.runs.files import write_table
from fsens_cli.runs.findings_files import FigureFile
from fsens_cli.runs.json_files import Json
from fsens_cli.runs.json_numbers import interval_or_nulls, number_or_null
from fsens_cli.runs.stored_tables import read_rows

TABLE, CLASSES = "bands.csv", "bands_by_class.csv"
WORDS = {"shapley": "Shapley value", "first": "first in", "last": "last in"}
UNIT = "log-probability (nats)"


def write_band_importance(folder: Path, result: EvaluateResult, class_names: Sequence[str]) -> None:
    """Write what the bands add, where that was asked."""
    part = result.parts.get("bands")
    if part is None:
        return
    found = [importance(part, result.image_size, value) for value in VALUES]
    rows = [row for each in found for row in each.rows]
    columns: dict[str, Sequence[object]] = {
        "value": [row.value for row in rows],
        "band": [row.band for row in rows],
        "centre_cycles_per_image": [row.centre for row in rows],
    }
    for name in WORDS:
        each = [getattr(row, name) for row in rows]
        columns |= {
            name: [i.value for i in each],
            f"{name}_ci_low": [i.low for i in each],
            f"{name}_ci_high": [i.high for i in each],
        }
    columns |= {
        "shapley_per_cell": [row.per_cell for row in rows],
        "iaside_psi": [row.psi for row in rows],
        "error_of_drawn_orders": [row.drawn_error for row in rows],
    }
    write_table(folder / TABLE, columns)
    _write_classes(folder, found[0], result, class_names)


def _write_classes(folder: Path, found: BandImportance, result: EvaluateResult, class_names: Sequence[str]) -> None:
    cells = [
        (label, row.band, interval)
        for label, intervals in by_class(found, result.parts["bands"].label_N)
        for row, interval in zip(found.rows, intervals, strict=True)
    ]
    write_table(
        folder / CLASSES,
        {
            "label": [label for label, _, _ in cells],
            "class": [class_names[label] if label < len(class_names) else str(label) for label, _, _ in cells],
            "band": [band for _, band, _ in cells],
            "shapley_logprob": [i.value for _, _, i in cells],
            "shapley_ci_low": [number_or_null(i.low) for _, _, i in cells],
            "shapley_ci_high": [number_or_null(i.high) for _, _, i in cells],
            "n": [i.n for _, _, i in cells],
        },
    )


def band_importance_dict(result: EvaluateResult) -> list[Json]:
    """Return the values without and with all bands as they stand in ``results.json``."""
    part = result.parts.get("bands")
    if part is None:
        return []
    found = [importance(part, result.image_size, value) for value in VALUES]
    return [
        {
            "value": each.value,
            "without_bands": interval_or_nulls(each.none),
            "with_all_bands": interval_or_nulls(each.full),
            "shares": None if each.share_B is None else each.share_B.tolist(),
            "iaside_score": each.score,
        }
        for each in found
    ]


def draw_band_importance(folder: Path, formats: Sequence[str], *, title: Callable[[int], str]) -> list[FigureFile]:
    """Draw the two figures from their files alone; none where the question was not asked.

    Args:
        title: of a figure that rests on so many images.
    """
    if not (folder / TABLE).is_file():
        return []
    bounds = tuple(f"{name}{end}" for name in WORDS for end in ("", "_ci_low", "_ci_high"))
    rows = [r for r in read_rows(folder / TABLE, ("value", "band", *bounds)) if r["value"] == "logprob"]
    bands = [row["band"] for row in rows]
    curves = [
        BandCurve(
            label=words,
            value=[row.number(name) for row in rows],
            low=[row.number(f"{name}_ci_low") for row in rows],
            high=[row.number(f"{name}_ci_high") for row in rows],
        )
        for name, words in WORDS.items()
    ]
    table = read_rows(folder / CLASSES, ("class", "label", "band", "shapley_logprob", "n"))
    said = title(sum({row["label"]: int(row.number("n")) for row in table}.values()))
    save_figure(importance_figure(bands, curves, unit=UNIT, title=said), folder, "bands", formats)
    labels = list(dict.fromkeys((row["label"], row["class"]) for row in table))
    value = np.array([row.number("shapley_logprob") for row in table]).reshape(len(labels), len(bands))
    names = [name for _, name in labels]
    figure = class_band_figure(names, bands, value, label="Shapley value (nats)", title=said, signed=True)
    save_figure(figure, folder, "bands_by_class", formats)
    return [
        FigureFile(
            name="bands",
            caption="What each band of frequencies adds to the log-probability of the true class.",
            alt="Three marks a band with 95 % intervals: Shapley value, alone, and to all others.",
        ),
        FigureFile(
            name="bands_by_class",
            caption="Shapley value of each band for each class.",
            alt="A map with one row a class and one column a band.",
        ),
    ]
