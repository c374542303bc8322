"""What makes a run folder describe itself: numbers, the answers behind them, plot lines, figures, warnings, words.

``quantities.csv`` has one row a headline number, ``samples.npz`` the answers of each image behind them, ``lines.csv``
the lines of plots that many runs share, ``figures.json`` a sentence a figure, ``summary.txt`` what the command says,
and ``results.json`` the warnings and the settings that must agree before two runs are compared.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast, get_args

import numpy as np
import torch
from torch import Tensor

from fsens_cli.errors import OutputError
from fsens_cli.experiments.quantities import Findings, Line, Quantity, Role, Sample, SampleKind, Style
from fsens_cli.runs.files import regular, write_arrays, write_json, write_table, write_text
from fsens_cli.runs.json_files import Fields
from fsens_cli.runs.stored_tables import read_arrays, read_rows
from fsens_cli.text import shown

QUANTITIES, SAMPLES, LINES, FIGURES, SUMMARY = (
    "quantities.csv",
    "samples.npz",
    "lines.csv",
    "figures.json",
    "summary.txt",
)
QUANTITY_COLUMNS = (
    "group", "key", "label", "unit", "scale", "digits", "value", "low", "high", "n", "note", "role", "leading",
    "sample", "sample_kind", "sample_index", "sample_x",
)  # fmt: skip
LINE_KEYS = ("plot", "title", "x_label", "y_label", "label", "style", "mark")
LINE_COLUMNS = (*LINE_KEYS, "x", "y", "low", "high")
IMAGES = "n"  # older runs have no such column


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureFile:
    """A figure of a run.

    Attributes:
        name: of the file, without its ending.
        caption: what it shows, in a sentence.
        alt: the same for those who cannot see it.
        has_lines: whether the same is in ``lines.csv``, so that a page over many runs draws it anew.
    """

    name: str
    caption: str
    alt: str
    has_lines: bool = False


def write_results(
    folder: Path, results: Mapping[str, object], findings: Findings, summary: Sequence[str]
) -> dict[str, object]:
    """Write ``results.json`` and all that describes the run, and return what stands in ``results.json``."""
    whole = {**results, "verdict": findings.verdict, "asked": findings.asked, "warnings": list(findings.warnings)}
    _write_quantities(folder, findings.quantities)
    _write_lines(folder, findings.lines)
    # The verdict comes last: it stands right above the folder's name in the terminal.
    words = [*summary, *(["", findings.verdict] if findings.verdict else [])]
    write_text(folder / SUMMARY, "".join(f"{_safe_cells(line)}\n" for line in words))
    write_json(folder / "results.json", whole)
    return whole


def _safe_cells(line: str) -> str:
    """Return a line whose cells, separated by tabs where it belongs to a table, are safe to show."""
    return "\t".join(shown(cell) for cell in line.split("\t"))


def write_figures(folder: Path, figures: Sequence[FigureFile]) -> None:
    """Write the list of a run's figures."""
    write_json(folder / FIGURES, {"figures": [asdict(figure) for figure in figures]})


def _write_quantities(folder: Path, quantities: Sequence[Quantity]) -> None:
    arrays: dict[str, np.ndarray] = {}
    rows = [_row(quantity, arrays) for quantity in quantities]
    write_table(folder / QUANTITIES, {name: [row[name] for row in rows] for name in QUANTITY_COLUMNS})
    write_arrays(folder / SAMPLES, arrays)


def _row(quantity: Quantity, arrays: dict[str, np.ndarray]) -> dict[str, str]:
    plain = {name: _cell(getattr(quantity, name)) for name in QUANTITY_COLUMNS if not name.startswith("sample")}
    kept = quantity.sample
    if kept is None:
        return plain | {"sample": "", "sample_kind": "", "sample_index": "", "sample_x": ""}
    x = torch.tensor(kept.x, dtype=torch.float64)
    return plain | {
        "sample": _stored(arrays, "value", _smallest(kept.value)),
        "sample_kind": kept.kind,
        "sample_index": _stored(arrays, "index", kept.index.numpy()),
        "sample_x": _stored(arrays, "x", x.numpy()) if kept.x else "",
    }


def _cell(value: object) -> str:
    """Return a cell that gives the same value back: every digit of a number, nothing for None."""
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def _smallest(value: Tensor) -> np.ndarray:
    """Return right and wrong, and +1, 0, -1, as bytes; other numbers as they are."""
    as_bytes = value.to(torch.int8)
    return as_bytes.numpy() if torch.equal(as_bytes.to(value.dtype), value) else value.numpy()


def _stored(arrays: dict[str, np.ndarray], kind: str, array: np.ndarray) -> str:
    """Put an array among the others, unless it is there, and return its name."""
    mine = [name for name in arrays if name.startswith(f"{kind}_")]
    for name in mine:
        if arrays[name].dtype == array.dtype and np.array_equal(arrays[name], array):
            return name
    arrays[f"{kind}_{len(mine)}"] = array
    return f"{kind}_{len(mine)}"


def _write_lines(folder: Path, lines: Sequence[Line]) -> None:
    rows = [
        {name: _cell(getattr(line, name)) for name in (*LINE_KEYS, IMAGES)}
        | {"x": _cell(x), "y": _cell(y), "low": _cell(low), "high": _cell(high)}
        for line in lines
        for x, y, low, high in zip(line.x, line.y, _padded(line.low, line), _padded(line.high, line), strict=True)
    ]
    write_table(folder / LINES, {name: [row[name] for row in rows] for name in (*LINE_COLUMNS, IMAGES)})


def _padded(bounds: Sequence[float], line: Line) -> Sequence[float | None]:
    return bounds if len(bounds) else [None] * len(line.x)


def read_findings(folder: Path, results: Fields) -> Findings:
    """Return what a run says.

    Raises:
        OutputError: a file is missing, half-written or holds something else; the message names it.
    """
    return Findings(
        verdict=results.text("verdict", ""),
        quantities=tuple(_read_quantities(folder)),
        warnings=tuple(results.texts("warnings")),
        lines=tuple(_read_lines(folder)),
        asked=results.words("asked"),
    )


def read_figures(folder: Path) -> list[FigureFile]:
    """Return a run's figures whose PNG is there."""
    found = [
        FigureFile(
            name=row.text("name"), caption=row.text("caption"), alt=row.text("alt"), has_lines=row.flag("has_lines")
        )
        for row in Fields.read(folder / FIGURES, f"{folder} is incomplete").rows("figures")
    ]
    # A name is a file of this folder, whatever the list says.
    return [f for f in found if Path(f.name).name == f.name and (folder / f"{f.name}.png").is_file()]


def read_summary(folder: Path) -> list[str]:
    """Return what the run's command said."""
    try:
        return regular(folder / SUMMARY).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(f"{folder} is incomplete: its {SUMMARY} cannot be read.") from error


def _read_quantities(folder: Path) -> Iterator[Quantity]:
    rows = read_rows(folder / QUANTITIES, QUANTITY_COLUMNS)
    arrays = read_arrays(folder / SAMPLES)
    names: set[str] = set()
    for row in rows:
        try:
            found = _quantity(row, arrays)
        except (ValueError, KeyError, OverflowError) as error:
            detail = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise OutputError(f"{folder} is damaged: {QUANTITIES} or {SAMPLES}, '{row['key']}': {detail}.") from error
        if found.name in names:
            raise OutputError(f"{folder} is damaged: {QUANTITIES} has '{found.name}' twice.")
        names.add(found.name)
        yield found


def _quantity(row: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> Quantity:
    return Quantity(
        key=row["key"],
        label=row["label"],
        value=_number(row["value"]),
        low=_number(row["low"]),
        high=_number(row["high"]),
        n=int(row["n"]),
        group=row["group"],
        unit=row["unit"],
        scale=_number(row["scale"]) or 1.0,
        digits=min(9, max(0, int(row["digits"]))),
        note=row["note"],
        role=cast("Role", _one_of(row["role"], get_args(Role))),
        leading=row["leading"] == "True",
        sample=_sample(row, arrays) if row["sample"] else None,
    )


def _sample(row: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> Sample:
    index, value = arrays[row["sample_index"]], arrays[row["sample"]]
    x = arrays[row["sample_x"]] if row["sample_x"] else np.zeros(0)
    fits = value.shape[1:] == ((len(x),) if row["sample_kind"] == "crossing" else ())
    if not (fits and len(index) == len(value) and index.dtype == np.int64 and value.dtype in (np.int8, np.float64)):
        raise ValueError("the answers do not belong together")
    return Sample(
        kind=cast("SampleKind", _one_of(row["sample_kind"], get_args(SampleKind))),
        index=torch.from_numpy(index),
        value=torch.from_numpy(value).double(),
        x=tuple(x.tolist()),
    )


def _number(cell: str) -> float | None:
    if not cell:
        return None
    value = float(cell)
    if not math.isfinite(value):
        raise ValueError(f"{cell} is no number")
    return value


def _one_of(word: str, allowed: Sequence[str]) -> str:
    if word not in allowed:
        raise ValueError(f"'{word}' is not known")
    return word


def _read_lines(folder: Path) -> Iterator[Line]:
    rows = read_rows(folder / LINES, LINE_COLUMNS, optional=(IMAGES,))
    groups: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in LINE_KEYS), []).append(row)
    for (plot, title, x_label, y_label, label, style, mark), points in groups.items():
        try:
            x = [row["x"] for row in points]
            y, low, high = ([_or_gap(row[name]) for row in points] for name in ("y", "low", "high"))
            yield Line(
                plot=plot,
                title=title,
                x_label=x_label,
                y_label=y_label,
                label=label,
                style=cast("Style", _one_of(style, get_args(Style))),
                mark=_number(mark),
                x=[float(v) for v in x] if all(map(_is_number, x)) else x,
                y=y,
                low=low if any(map(math.isfinite, low)) else (),
                high=high if any(map(math.isfinite, high)) else (),
                n=int(points[0][IMAGES] or 0),
            )
        except ValueError as error:
            raise OutputError(f"{folder} is damaged: {LINES}, {plot}: {error}.") from error


def _or_gap(cell: str) -> float:
    """Return a number of a curve; where there is none, the curve has a gap."""
    return math.nan if cell in ("", "nan") else float(cell)


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False
