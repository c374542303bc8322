"""Checkpoint files read without running anything in them: safetensors, and torch's zips and pickles.

Tensors and plain containers come in; plain data of the standard library and of numpy may stand beside them. Whatever
else a file holds is named, not loaded.
"""

import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError

from fsens_cli.errors import CheckpointError, in_one_line
from fsens_cli.memory import in_gigabytes
from fsens_cli.models.stand_ins import cost_of, named_object, stand_ins_for

WEIGHTS_ALONE = "Save the weights alone with torch.save(model.state_dict(), PATH) or as safetensors."
AGAIN = "copy or download it again"
# How safetensors says that a file is shorter than its header promises.
CUT_SHORT = re.compile("incomplete|HeaderLength|not fully covered|too small", re.IGNORECASE)
LFS_POINTER = b"version https://git-lfs"
# What is unpacked may be so much larger than the file.
SMALL_FILE, LARGEST_RATIO = 2**26, 8
# Plain data that stand beside weights.
PLAIN = frozenset((
    "argparse.Namespace", "types.SimpleNamespace", "datetime.datetime", "datetime.date", "datetime.time",
    "datetime.timedelta", "datetime.timezone", "decimal.Decimal", "fractions.Fraction", "uuid.UUID",
    *(f"builtins.{name}" for name in ("bool", "int", "float", "str", "bytes", "list", "tuple", "dict", "frozenset",
                                      "slice", "range")),
    *(f"{module}.{name}" for module in ("pathlib", "pathlib._local")
      for name in ("PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath")),
    "numpy.ndarray", "numpy.dtype",
    *(f"{module}.{name}" for module in ("numpy.core.multiarray", "numpy._core.multiarray")
      for name in ("scalar", "_reconstruct")),
    *(f"numpy.dtypes.{name}DType" for name in (
        "Bool", "Int8", "UInt8", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "LongLong", "ULongLong",
        "Float16", "Float32", "Float64", "LongDouble", "Complex64", "Complex128", "CLongDouble", "Bytes", "Str",
        "DateTime64", "TimeDelta64")),
))  # fmt: skip


def read_file(path: Path) -> object:
    """Return what the file holds.

    Raises:
        CheckpointError: no such file, unreadable, or it needs code to be run.
    """
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint at {path}. Give weights=PATH of an existing file.")
    if is_safetensors(path):
        return _read_safetensors(path)
    _refuse_other_kinds(path)
    return _read_torch(path)


def is_safetensors(path: Path) -> bool:
    """Return whether the file begins as safetensors do: the length of a header, and a JSON object."""
    with path.open("rb") as file:
        start = file.read(9)
    return len(start) == 9 and start[8:] == b"{" and struct.unpack("<Q", start[:8])[0] < 2**40


def unreadable(path: Path, why: str | Exception) -> CheckpointError:
    """Return the one line on a file that is no checkpoint, for a reason or a library's complaint."""
    if isinstance(why, SafetensorError) and CUT_SHORT.search(str(why)):
        why = f"its end is missing: {AGAIN}"
    elif isinstance(why, Exception):
        why = in_one_line(why)
    kind = "safetensors file" if path.suffix == ".safetensors" else "torch checkpoint"
    return CheckpointError(f"{path} is not a readable {kind} ({why}).")


def _read_safetensors(path: Path) -> object:
    from safetensors.torch import load_file

    try:
        return load_file(str(path))
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise unreadable(path, error) from error


def _refuse_other_kinds(path: Path) -> None:
    """Name what is often given instead of a checkpoint."""
    with path.open("rb") as file:
        start = file.read(64)
    if not start:
        raise unreadable(path, f"it is empty, 0 bytes: {AGAIN}")
    if start.startswith(LFS_POINTER):
        raise unreadable(path, "a Git LFS pointer stands in for it: run `git lfs pull` in its folder")
    if start.startswith(b"PK"):
        _refuse_other_zips(path)
    elif start[:1] != b"\x80":
        raise unreadable(path, "neither a zip nor a pickle")


def _refuse_other_zips(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        raise unreadable(path, f"its end is missing: {AGAIN}")
    try:
        with zipfile.ZipFile(path) as archive:
            names, unpacked = archive.namelist(), sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise unreadable(path, error) from error
    if unpacked > SMALL_FILE + LARGEST_RATIO * path.stat().st_size:
        raise unreadable(path, f"it says that it unpacks to {in_gigabytes(unpacked)}, and torch does not compress")
    if any(name.endswith("/constants.pkl") for name in names):
        raise CheckpointError(
            f"{path} is a TorchScript archive, a program and not weights alone; it is not run. Where you trust it: "
            f"--model {path} --trust-checkpoint, or torch.save(torch.jit.load(PATH).state_dict(), 'weights.pt')."
        )
    if any(name.endswith(("archive_format", "serialized_exported_program.json")) for name in names):
        raise CheckpointError(
            f"{path} is a program of torch.export and not weights alone. Where you trust it: --model {path} "
            "--trust-checkpoint, or torch.save(torch.export.load(PATH).state_dict, 'weights.pt')."
        )
    if not any(name.endswith("/data.pkl") for name in names):
        raise unreadable(path, "a zip, and no checkpoint of torch")


def _read_torch(path: Path) -> object:
    index = stand_ins_for(path)
    if cost := cost_of(index):
        raise unreadable(path, f"{cost}; a file of weights asks for no such thing")
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_plain_data()), path.open("rb") as file:
            warnings.simplefilter("ignore")
            # The open file, because torch goes by the ending of a name.
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        found = named_object(index, PLAIN)
        if found:
            raise CheckpointError(
                f"{path} holds {found}, and loading that would run code from the file; refused. {WEIGHTS_ALONE}"
            ) from error
        if isinstance(error, pickle.UnpicklingError):
            said = "a pickle that torch did not write, or damaged"
        else:
            said = in_one_line(error)
        raise unreadable(path, said) from error


def _plain_data() -> list[Callable[..., object] | tuple[Callable[..., object], str]]:
    """Return what takes the place of plain data of the standard library and numpy, by the names that files use.

    Such data stand beside the weights and are not used, so none of them is built: some would take any amount of memory
    or time, as ``list(range(10**10))``, ``str`` of lists in lists or ``Fraction("1e999999999")``.
    """
    kinds: list[Callable[..., object] | tuple[Callable[..., object], str]] = [(NotBuilt, name) for name in PLAIN]
    # torch fills no other containers than dictionaries and lists.
    return [*kinds, (_as_dict, "collections.defaultdict"), (_as_list, "collections.deque")]


class NotBuilt:
    """Takes the place of plain data."""

    def __new__(cls, *_: object, **__: object) -> "NotBuilt":
        """Take any arguments, and keep none."""
        return object.__new__(cls)

    def __setstate__(self, state: object) -> None:
        """Leave it."""


def _as_dict(*_: object) -> dict[object, object]:
    return {}


def _as_list(*_: object) -> list[object]:
    return []
