"""Decoded pictures kept on disk: rows of one large uint8 array, filled as they are needed.

A store is two files: the pixels, as long as all rows together but sparse until filled, and one byte a row that says
whether it is there. A row is written before its byte, so a killed process loses rows and never falsifies one; two
processes that fill the same row write the same bytes. The files are written, never mapped for writing: a full disk
is then an error that can be caught.
"""

import contextlib
import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

MAX_THREADS = 8
Decode = Callable[[int], np.ndarray]


def cached_rows(
    store: Path | None,
    num_rows: int,
    shape: Sequence[int],
    wanted: Sequence[int],
    decode: Decode,
    on_row: Callable[[], object],
) -> np.ndarray:
    """Return the wanted rows as one uint8 array, decoded in threads where the store lacks them.

    Args:
        store: a folder named by all that its content depends on; where there is none, or it cannot be written, nothing
            is kept, and everything still works.
        num_rows: of the whole store.
        shape: of a row.
        decode: returns one row.
        on_row: called after each decoded row.
    """
    try:
        if store is not None and hasattr(os, "pwrite"):  # not on Windows
            return _from_store(store, num_rows, shape, wanted, decode, on_row)
    except OSError:
        pass  # a full disk, a folder that may not be written: the pictures are there all the same
    return _decoded(shape, wanted, decode, on_row)


def _from_store(
    store: Path,
    num_rows: int,
    shape: Sequence[int],
    wanted: Sequence[int],
    decode: Decode,
    on_row: Callable[[], object],
) -> np.ndarray:
    length = math.prod(shape)
    pixel_file, done_file = _made(store / "pixels", num_rows * length), _made(store / "rows", num_rows)
    done = np.fromfile(done_file, dtype=np.uint8)
    missing = [row for row in wanted if not done[row]]
    if missing:
        _fill(pixel_file, done_file, missing, length, decode, on_row)
    # Copy on write: torch wants memory that may be changed, the file must not change.
    rows = np.memmap(pixel_file, dtype=np.uint8, mode="c", shape=(num_rows, *shape))
    return rows if list(wanted) == list(range(num_rows)) else rows[np.asarray(wanted)]


def _made(file: Path, size: int) -> Path:
    """Return the file, as long as it has to be; what it holds already stays."""
    if not file.is_file() or file.stat().st_size != size:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab") as opened:
            opened.truncate(size)
    return file


def _fill(
    pixel_file: Path,
    done_file: Path,
    missing: Sequence[int],
    length: int,
    decode: Decode,
    on_row: Callable[[], object],
) -> None:
    with contextlib.ExitStack() as stack:
        pixels, done = (stack.enter_context(f.open("r+b", buffering=0)).fileno() for f in (pixel_file, done_file))

        def fill(row: int) -> None:
            content = np.ascontiguousarray(decode(row))
            assert content.nbytes == length, "the decoder checks that all rows have one shape"
            _write_all(pixels, content, row * length)
            os.pwrite(done, b"\1", row)

        with ThreadPoolExecutor(max_workers=min(MAX_THREADS, os.cpu_count() or 1)) as pool:
            for _ in pool.map(fill, missing):
                on_row()


def _write_all(file: int, content: np.ndarray, offset: int) -> None:
    left = memoryview(content.data).cast("B")
    while left:
        written = os.pwrite(file, left, offset)
        left, offset = left[written:], offset + written


def _decoded(shape: Sequence[int], wanted: Sequence[int], decode: Decode, on_row: Callable[[], object]) -> np.ndarray:
    rows = np.empty((len(wanted), *shape), dtype=np.uint8)

    def fill(place: int) -> None:
        rows[place] = decode(wanted[place])

    with ThreadPoolExecutor(max_workers=min(MAX_THREADS, os.cpu_count() or 1)) as pool:
        for _ in pool.map(fill, range(len(wanted))):
            on_row()
    return rows
