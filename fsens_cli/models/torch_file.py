"""Checkpoint files read without running anything in them: safetensors, and torch's zips and pickles.

Tensors, plain containers, and plain data of the standard library and of numpy come in. Whatever else a file holds is
named, not loaded.
"""

import argparse
import collections
import datetime
import decimal
import fractions
import pathlib
import pickle
import re
import struct
import types
import uuid
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from fsens_cli.errors import CheckpointError, in_one_line

WEIGHTS_ALONE = "Save the weights alone with torch.save(model.state_dict(), PATH) or as safetensors."
AGAIN = "copy or download it again"
# How safetensors says that a file is shorter than its header promises.
CUT_SHORT = re.compile("incomplete|HeaderLength|not fully covered|too small", re.IGNORECASE)
LFS_POINTER = b"version https://git-lfs"
# An index of more bytes than this is not looked into for the names of what it holds.
LARGEST_INDEX = 64 * 2**20
# What torch itself writes: tensors, their storages and their types.
TORCHS_OWN = re.compile(
    r"torch\.(\w*Storage|Size|Tensor|device|(b?float|u?int|q|complex|bool)\w*)|torch\.(_utils|_tensor|storage)\.\w+"
    r"|torch\.serialization\._get_layout|torch\.nn\.parameter\.Parameter|collections\.(OrderedDict|Counter)"
    r"|_codecs\.encode|builtins\.(set|complex|bytearray)"
)


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
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name.endswith("/constants.pkl") for name in names):
        raise CheckpointError(
            f"{path} is a TorchScript archive, a program and not weights alone; it is not run. Where you trust it: "
            "torch.save(torch.jit.load(PATH).state_dict(), 'weights.pt')."
        )
    if any(name.endswith(("archive_format", "serialized_exported_program.json")) for name in names):
        raise CheckpointError(
            f"{path} is a program of torch.export and not weights alone: "
            "torch.save(torch.export.load(PATH).state_dict, 'weights.pt') takes these out."
        )
    if not any(name.endswith("/data.pkl") for name in names):
        raise unreadable(path, "a zip, and no checkpoint of torch")


def _read_torch(path: Path) -> object:
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_plain_data()), path.open("rb") as file:
            warnings.simplefilter("ignore")
            # The open file, because torch goes by the ending of a name.
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        found = named_objects(path)
        if found:
            raise CheckpointError(
                f"{path} holds {found}, and loading that would run code from the file; refused. {WEIGHTS_ALONE}"
            ) from error
        if isinstance(error, pickle.UnpicklingError):
            said = "a pickle that torch did not write, or damaged"
        else:
            said = in_one_line(error)
        raise unreadable(path, said) from error


def _plain_data() -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """Return what plain data of the standard library and numpy are unpickled with, by the names that files use.

    None of these reads or writes a file, imports or calls anything. Paths of another system become pure ones.
    """
    import numpy as np

    kinds: list[Any] = [
        argparse.Namespace, types.SimpleNamespace, datetime.datetime, datetime.date, datetime.time, datetime.timedelta,
        datetime.timezone, decimal.Decimal, fractions.Fraction, uuid.UUID,
        bool, int, float, str, bytes, list, tuple, dict, frozenset, slice, range, np.ndarray, np.dtype,
    ]  # fmt: skip
    named: list[Any] = [(kind, f"{kind.__module__}.{kind.__qualname__}") for kind in kinds]
    # torch fills no other containers than dictionaries and lists.
    named += [(_as_dict, "collections.defaultdict"), (_as_list, "collections.deque")]
    for module in ("pathlib", "pathlib._local"):
        for posix, name in ((True, "PosixPath"), (True, "PurePosixPath"), (False, "WindowsPath")):
            named.append((pathlib.PurePosixPath if posix else pathlib.PureWindowsPath, f"{module}.{name}"))
        named.append((pathlib.PureWindowsPath, f"{module}.PureWindowsPath"))
    makers = {"scalar": np.float64(0).__reduce__()[0], "_reconstruct": np.zeros(1).__reduce__()[0]}
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        named += [(maker, f"{module}.{name}") for name, maker in makers.items()]
    numbers = {type(np.dtype(code)) for code in "?bhilqBHILQefdgFDSUmM"}
    named += [(kind, f"{kind.__module__}.{kind.__qualname__}") for kind in numbers]
    return named


def _as_dict(*_: object) -> dict[object, object]:
    return {}


def _as_list(*_: object) -> list[object]:
    return []


def named_objects(path: Path) -> str:
    """Return the first object that is no plain data, as ``a sklearn.pipeline.Pipeline under 'preprocess'``; or "".

    The file is read once more with nothing but stand-ins: no name in it is looked up, so nothing is imported or called.
    """
    known = {name for _, name in (entry for entry in _plain_data() if isinstance(entry, tuple))}
    try:
        content = _with_stand_ins(path)
    except Exception:  # noqa: BLE001 whatever a damaged pickle raises; the file is refused anyway, without the name
        return ""
    for keys, name in _stand_ins(content):
        if name not in known and not TORCHS_OWN.fullmatch(name):
            article = "an" if name[:1].lower() in "aeiou" else "a"
            return f"{article} {name[:80]}" + (f" under '{'.'.join(keys)[:80]}'" if keys else "")
    return ""


class _StandIn:
    """Takes the place of an object: it accepts whatever a pickle does to one, and does nothing."""

    name = ""

    def __new__(cls, *_: object, **__: object) -> "_StandIn":
        return object.__new__(cls)

    def __init__(self, *arguments: object, **_: object) -> None:
        self.parts: list[object] = list(arguments)

    def __call__(self, *arguments: object) -> "_StandIn":
        self.parts = [*self.parts, *arguments]
        return self

    def __setstate__(self, state: object) -> None:
        self.parts = [*getattr(self, "parts", []), state]

    def __setitem__(self, key: object, value: object) -> None:
        self.parts = [*getattr(self, "parts", []), key, value]

    def append(self, value: object) -> None:
        self.parts = [*getattr(self, "parts", []), value]

    add = append

    def extend(self, values: object) -> None:
        self.append(values)


class _InertUnpickler(pickle.Unpickler):
    """Builds containers and numbers, and stand-ins for everything that a name stands for."""

    def find_class(self, module: str, name: str) -> object:
        """Return a class of stand-ins; the name is not looked up."""
        # Older protocols call the module of built-in names so.
        module = "builtins" if module == "__builtin__" else module
        return type("StandIn", (_StandIn,), {"name": f"{module}.{name}"})

    def persistent_load(self, pid: Any) -> Any:
        """Return nothing for the numbers of a tensor."""
        del pid


def _with_stand_ins(path: Path) -> object:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            index = next(entry for entry in archive.infolist() if entry.filename.endswith("data.pkl"))
            if index.file_size > LARGEST_INDEX:
                return None
            with archive.open(index) as file:
                return _InertUnpickler(file).load()
    with path.open("rb") as file:
        content = _InertUnpickler(file).load()
        # Before torch 1.6: a magic number, a version and the machine come first.
        for _ in range(3 if isinstance(content, int) else 0):
            content = _InertUnpickler(file).load()
        return content


def _stand_ins(content: object) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the names of all stand-ins, with the keys that lead to them; containers that hold themselves end."""
    seen: set[int] = set()
    waiting: collections.deque[tuple[tuple[str, ...], object]] = collections.deque([((), content)])
    while waiting:
        keys, item = waiting.popleft()
        if isinstance(item, type) and issubclass(item, _StandIn):
            yield keys, item.name
        if id(item) in seen or isinstance(item, str | bytes | int | float):
            continue
        seen.add(id(item))
        if isinstance(item, _StandIn):
            yield keys, item.name
            waiting += [(keys, part) for part in getattr(item, "parts", [])]
        elif isinstance(item, dict):
            waiting += [((*keys, str(key)), value) for key, value in item.items()]
        elif isinstance(item, list | tuple | set | frozenset):
            waiting += [(keys, part) for part in item]
