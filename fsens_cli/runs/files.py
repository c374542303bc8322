"""Writing files so that a reader never sees half of one."""

import csv
import errno
import glob
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from fsens_cli.runs.process import began, this_machine
from fsens_cli.text import masked, masked_values

# A temporary file says who writes it: a machine, a process of it, and a number of its own.
TEMPORARY = re.compile(r"\..+\.(?P<machine>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{8}\.part(\.\w+)?")
FORGOTTEN_SECONDS = 86_400.0


def regular(path: Path) -> Path:
    """Return the path of a file that can be read to an end: no pipe that nobody writes, no device without one.

    Raises:
        OSError: it is none, or not there.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder; on success it takes the place of ``path``, else it is removed.

    What killed processes left of the same file is removed, too.
    """
    remove_leftovers(path.parent, of=path.name)
    temporary = temporary_path(path)
    try:
        # A file like any other, so that results are as readable as the user's own settings say.
        temporary.touch(exist_ok=False)
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def temporary_path(path: Path) -> Path:
    """Return where ``path`` is written before it takes its name."""
    return path.with_name(f".{path.name}.{_machine()}-{os.getpid()}-{secrets.token_hex(4)}.part{path.suffix}")


def remove_leftovers(folder: Path, *, of: str = "", below: bool = False) -> None:
    """Remove what a killed process had not finished writing in a folder; ``below`` it, too; ``of`` one name alone."""
    hidden = glob.escape(f".{of}") + "*"
    for path in folder.rglob(hidden) if below else folder.glob(hidden):
        made = TEMPORARY.fullmatch(path.name)
        if made is None or not _is_forgotten(path, made["machine"], int(made["pid"])):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            # Somebody else's, in a folder where only owners remove: it stays.
            with suppress(OSError):
                path.unlink()


def _is_forgotten(path: Path, machine: str, pid: int) -> bool:
    """Return whether nobody writes the temporary file any more; other machines' files are given a day."""
    if machine == _machine():
        return began(pid) is None
    try:
        return time.time() - path.lstat().st_mtime > FORGOTTEN_SECONDS
    except OSError:
        return False


def _machine() -> str:
    return hashlib.sha256(this_machine().encode()).hexdigest()[:8]


@contextmanager
def folder_aside(path: Path) -> Iterator[Path]:
    """Give a new folder beside ``path`` that is removed in the end, as is what killed processes left of the same."""
    remove_leftovers(path.parent, of=path.name)
    aside = temporary_path(path)
    aside.mkdir(mode=0o700)
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in one step."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file in one step."""
    write_bytes(path, text.encode())


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write indented JSON without the secrets of addresses; a non-finite number is an error, because JSON has none."""
    write_text(path, json.dumps(masked_values(content), indent=2, allow_nan=False) + "\n")


def write_table(path: Path, columns: Mapping[str, Sequence[object] | np.ndarray]) -> None:
    """Write a CSV with one column an entry; floats keep nine significant digits, and addresses no secrets."""
    cells = [_cells(values) for values in columns.values()]
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*cells, strict=True))


def _cells(values: Sequence[object] | np.ndarray) -> list[str]:
    """Return a column as it is written; in a column of numbers what is not there is empty."""
    column = [value.item() if isinstance(value, np.generic) else value for value in values]
    if any(isinstance(value, float) for value in column):
        column = [value if isinstance(value, str) or _is_missing(value) else f"{value:.9g}" for value in column]
    return ["" if _is_missing(value) else masked(str(value)) for value in column]


def _is_missing(value: object) -> bool:
    return value is None or value != value  # of all values, NaN alone differs from itself


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays as a compressed ``.npz``."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **dict(arrays))  # type: ignore[arg-type]
