"""Results of a Python session as folders: the same files as a run, written in one step, and read again."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fsens_cli.errors import OutputError
from fsens_cli.home import expanded
from fsens_cli.runs.files import folder_aside, write_json, write_text
from fsens_cli.runs.folder import SCHEMA, now
from fsens_cli.runs.provenance import versions

if TYPE_CHECKING:
    from pandas import DataFrame


def write_saved(folder: Path, record: Mapping[str, object], write: Callable[[Path], None]) -> Path:
    """Write a finished run's folder: complete, or not at all.

    Raises:
        OutputError: the folder holds something already, or cannot be written.
    """
    folder = expanded(folder).absolute()
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputError(f"{folder} is not empty: give the name of a new folder.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder_aside(folder) as aside:
            new = aside / "run"
            new.mkdir()
            write(new)
            write_text(new / "config.yaml", "{}\n")
            whole = {"schema": SCHEMA, "status": "done", "started": now(), "versions": versions(), **record}
            write_json(new / "run.json", whole)
            if folder.exists():
                folder.rmdir()
            new.rename(folder)
    except OSError as error:
        raise OutputError(f"cannot write to {folder} ({error.strerror}): give another folder.") from error
    return folder


def copy_saved(source: Path, folder: Path) -> Path:
    """Copy a run's folder to a new place.

    Raises:
        OutputError: there is something already, or it cannot be written.
    """
    folder = expanded(folder).absolute()
    if folder.exists():
        raise OutputError(f"{folder} is there already: give the name of a new folder.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder_aside(folder) as aside:
            shutil.copytree(source, aside / "run").rename(folder)
    except OSError as error:
        raise OutputError(f"cannot write to {folder} ({error.strerror}): give another folder.") from error
    return folder


@contextmanager
def written_aside(write: Callable[[Path], None]) -> Iterator[Path]:
    """Write into a temporary folder that is gone afterwards."""
    with folder_aside(Path(tempfile.gettempdir()) / "fsens") as aside:
        write(aside)
        yield aside


def tables_of(folder: Path) -> "dict[str, DataFrame]":
    """Return a folder's CSV files by name."""
    import pandas as pd

    return {path.stem: pd.read_csv(path) for path in sorted(folder.glob("*.csv")) if path.is_file()}
