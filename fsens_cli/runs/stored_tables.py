"""Tables and arrays of run folders, checked while they are read."""

import csv
import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fsens_cli.errors import OutputError
from fsens_cli.runs.files import regular

# No run has arrays of more bytes.
LARGEST_ARRAYS = 2**31

if TYPE_CHECKING:
    import pandas as pd


class Row(dict[str, str]):
    """A table's row, as words; empty cells are empty words."""

    def __init__(self, cells: Mapping[str, str], path: Path) -> None:
        super().__init__(cells)
        self.path = path

    def number(self, name: str) -> float:
        """Return a number, NaN where the cell is empty.

        Raises:
            OutputError: it holds something else.
        """
        try:
            return float(self[name] or "nan")
        except ValueError as error:
            raise OutputError(f"{self.path.parent} is damaged: {self.path.name}: {error}.") from error


def read_rows(path: Path, columns: Sequence[str], *, optional: Sequence[str] = ()) -> list[Row]:
    """Return the rows of a CSV that has these columns; optional ones that it lacks are empty.

    Raises:
        OutputError: it has not, or cannot be read.
    """
    complaint = f"{path.parent} is incomplete"
    try:
        content = regular(path).read_text(encoding="utf-8")
        # Every table is written with a line's end as its last byte, so one without is half a table.
        if not content.endswith("\n"):
            raise OutputError(f"{complaint}: its {path.name} is half-written.")
        reader = csv.DictReader(io.StringIO(content, newline=""))
        rows = list(reader)
    except FileNotFoundError as error:
        raise OutputError(f"{complaint}: it has no {path.name}.") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OutputError(f"{complaint}: its {path.name} cannot be read.") from error
    missing = [name for name in columns if name not in (reader.fieldnames or [])]
    if missing:
        raise OutputError(f"{path.parent} is damaged: {path.name} has no column {', '.join(missing)}.")
    return [Row({name: row.get(name) or "" for name in (*columns, *optional)}, path) for row in rows]


def table_columns(path: Path) -> list[str]:
    """Return the names of a CSV's columns."""
    try:
        with regular(path).open(encoding="utf-8", newline="") as file:
            return next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OutputError(f"{path.parent} is incomplete: its {path.name} cannot be read.") from error


def read_columns(path: Path, names: Sequence[str]) -> list[np.ndarray]:
    """Return columns of numbers of a CSV, float64; an empty cell is NaN.

    Raises:
        OutputError: a column is missing, or holds something else.
    """
    rows = read_rows(path, names)
    return [np.array([row.number(name) for row in rows]) for name in names]


def read_arrays(path: Path, names: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Return the arrays of an ``.npz``, those called ``names`` among them.

    Raises:
        OutputError: it is missing or damaged.
    """
    try:
        with regular(path).open("rb") as file:
            with zipfile.ZipFile(file) as archive:
                unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > LARGEST_ARRAYS:
                raise OutputError(f"{path.parent} is damaged: {path.name} unpacks to {unpacked:,} bytes.")
            file.seek(0)
            with np.load(file, allow_pickle=False) as stored:
                found = dict(stored)
    except FileNotFoundError as error:
        raise OutputError(f"{path.parent} is incomplete: it has no {path.name}.") from error
    except OutputError:
        raise
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise OutputError(f"{path.parent} is incomplete: its {path.name} cannot be read.") from error
    missing = [name for name in names if name not in found]
    if missing:
        raise OutputError(f"{path.parent} is damaged: {path.name} has no array {', '.join(missing)}.")
    return found


def read_frame(path: Path, columns: Sequence[str]) -> "pd.DataFrame":
    """Return a CSV that has these columns, and all others that it has, as pandas reads it.

    Raises:
        OutputError: it has not, or cannot be read.
    """
    import pandas as pd

    read_rows(path, columns)
    try:
        return pd.read_csv(path)
    except ValueError as error:
        raise OutputError(f"{path.parent} is damaged: {path.name}: {str(error).splitlines()[0]}.") from error
