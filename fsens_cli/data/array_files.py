"""NumPy files by their headers first: an ``.npz``, or a folder of ``.npy`` files. Nothing in them is ever unpickled."""

import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from fsens_cli.data.arrays import LAYOUT
from fsens_cli.errors import DataError
from fsens_cli.memory import require_memory

ENDING = ".npy"
ZIP, NPY = b"PK", b"\x93NUMPY"
# What else is found under the name of an .npz, by how it begins.
OTHER_FORMATS = {
    NPY: "a single .npy array: save images and labels into one file with numpy.savez(FILE, images=..., labels=...)",
    b"\x89HDF": "an HDF5 file: save its arrays with numpy.savez",
    b"MATLAB": "a MATLAB file: save its arrays with numpy.savez",
    b"\x1f\x8b": "a gzip file: unpack it",
    b"\x80": "a pickle, which could run code: save its arrays with numpy.savez",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file says of an array in front of its values."""

    shape: tuple[int, ...]
    dtype: np.dtype


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayFiles:
    """Named arrays that are read one by one; those of a folder stay on disk, mapped into memory.

    Attributes:
        path: the ``.npz`` or the folder.
        headers: of all arrays, whose sizes are those of the files.
    """

    path: Path
    headers: dict[str, Header]

    def read(self, name: str) -> np.ndarray:
        """Return an array.

        Raises:
            DataError: it is damaged, holds Python objects, or is larger than the machine's memory.
        """
        header = self.headers[name]
        if header.dtype.hasobject:
            raise DataError(f"{name} of {self.path}: arrays of Python objects are refused, since they could run code.")
        with _told(self.path):
            if self.path.is_dir():
                mapped: np.ndarray = np.load(self.path / f"{name}{ENDING}", mmap_mode="c", allow_pickle=False)
                return mapped
            require_memory(
                math.prod(header.shape) * header.dtype.itemsize, f"{name} of {self.path}", "save fewer images"
            )
            with np.load(self.path, allow_pickle=False) as opened:
                array: np.ndarray = opened[name]
                return array


def open_arrays(path: Path, *, setting: str = "data.root", layout: str = LAYOUT) -> ArrayFiles:
    """Read the headers of all arrays in a file or folder.

    Args:
        setting, layout: what named the path, and what it should be, for messages.

    Raises:
        DataError: no such file, another format, Python objects, or a header that is not true of its file.
    """
    if not path.exists():
        raise DataError(f"{setting}={path}: there is no such file or folder; give {layout}.")
    with _told(path):
        if path.is_dir():
            return ArrayFiles(path=path, headers=_headers_of_folder(path))
        if not path.is_file():
            raise DataError(f"{setting}={path} is a pipe or a device: give {layout}.")
        _require_zip(path)
        return ArrayFiles(path=path, headers=_headers_of_zip(path))


def _require_zip(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(ZIP):
        return
    what = next((said for mark, said in OTHER_FORMATS.items() if start.startswith(mark)), "")
    if what:
        raise DataError(f"data.root={path} is {what}.")
    if path.suffix.lower() == ".npz":
        raise DataError(f"data.root={path} cannot be read as NumPy arrays: give {LAYOUT}.")
    raise DataError(f"data.root={path}: give {LAYOUT}.")


def _headers_of_folder(folder: Path) -> dict[str, Header]:
    headers = {}
    for file in sorted(folder.glob(f"*{ENDING}")):
        if not file.is_file():
            raise DataError(f"{file} is no file (a pipe, a device or a folder): remove it.")
        with file.open("rb") as opened:
            headers[file.stem] = _header(opened, file.stat().st_size, str(file))
    return headers


def _headers_of_zip(path: Path) -> dict[str, Header]:
    headers = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.filename.endswith(ENDING):
                with archive.open(member) as opened:
                    name = member.filename.removesuffix(ENDING)
                    headers[name] = _header(opened, member.file_size, f"{name} of {path}")
    return headers


def _header(file: IO[bytes], size: int, where: str) -> Header:
    """Return the header of an array whose file has ``size`` bytes, which it must be true of."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.hasobject:  # refused when it is read; others of the same file may be what is wanted
        return Header(shape=shape, dtype=dtype)
    if any(length < 0 for length in shape) or math.prod(shape) * dtype.itemsize != size - file.tell():
        raise DataError(
            f"{where} is damaged: its header says {dtype} {shape}, and {size - file.tell():,} bytes follow it."
        )
    return Header(shape=shape, dtype=dtype)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what NumPy and zip files raise into one line."""
    try:
        yield
    except DataError:
        raise
    except (
        ValueError,
        OSError,
        EOFError,
        LookupError,
        RuntimeError,  # an encrypted file, an unknown compression
        SyntaxError,
        MemoryError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise DataError(f"data.root={path} cannot be read as NumPy arrays: give {LAYOUT}.") from error
