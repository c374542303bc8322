"""The index of a torch checkpoint read with stand-ins: what it names and what it asks for, with nothing done of it.

A pickle is a program. Here its names stand for nothing, so nothing is imported, called or built but its containers.
"""

import collections
import pickle
import pickletools
import re
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

# An index of more bytes than this is not looked into.
LARGEST_INDEX = 64 * 2**20
# What torch itself writes: tensors, their storages and their types.
TORCHS_OWN = re.compile(
    r"torch\.(\w*Storage|Size|Tensor|device|(b?float|u?int|q|complex|bool)\w*)|torch\.(_utils|_tensor|storage)\.\w+"
    r"|torch\.serialization\._get_layout|torch\.nn\.parameter\.Parameter|collections\.(OrderedDict|Counter)"
    r"|_codecs\.encode|builtins\.(set|complex|bytearray)"
)
# What makes as many zeros as it is told, and what copies what it is given.
FILLS = re.compile(r"builtins\.bytearray|torch\.([\w.]*\.)?\w*(Tensor|Storage)")
# Characters and entries that all calls may copy for each byte of the index.
MOST_COPIED = 16
DEEPEST = 8


class StandIn:
    """Takes the place of an object: it accepts whatever a pickle does to one, and does nothing."""

    name = ""
    calls: list[tuple[object, ...]]
    parts: list[object]

    def __new__(cls, *arguments: object, **_: object) -> "StandIn":
        """Keep the arguments as they are, without a copy."""
        made = object.__new__(cls)
        made.calls, made.parts = [arguments], []
        return made

    def __call__(self, *arguments: object) -> "StandIn":
        """Keep the arguments."""
        self.calls.append(arguments)
        return self

    def __setstate__(self, state: object) -> None:
        """Keep the state."""
        self.parts.append(state)

    def __setitem__(self, key: object, value: object) -> None:
        """Keep both."""
        self.parts += (key, value)

    def append(self, value: object) -> None:
        """Keep the value."""
        self.parts.append(value)

    add = extend = append


class _InertUnpickler(pickle.Unpickler):
    """Builds containers and numbers, and stand-ins for everything that a name stands for."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.kinds: dict[str, type[StandIn]] = {}

    def find_class(self, module: str, name: str) -> object:
        """Return a class of stand-ins; the name is not looked up."""
        # Older protocols call the module of built-in names so.
        full = f"{'builtins' if module == '__builtin__' else module}.{name}"
        return self.kinds.setdefault(full, type("StandIn", (StandIn,), {"name": full}))

    def persistent_load(self, pid: object) -> None:
        """Return nothing for the numbers of a tensor."""
        del pid


class Index:
    """What a file's index holds, with stand-ins.

    Attributes:
        content: None where it could not be read.
        size: of the index in bytes.
        fault: why it was not read on, if it asks for memory by itself.
    """

    def __init__(self, content: object = None, size: int = 0, fault: str = "") -> None:
        self.content, self.size, self.fault = content, size, fault


def stand_ins_for(path: Path) -> Index:
    """Return a torch file's index; an empty one where it is damaged, of which torch says more."""
    try:
        if not zipfile.is_zipfile(path):
            with path.open("rb") as file:
                return _read(file, path.stat().st_size)
        with zipfile.ZipFile(path) as archive:
            entry = next(entry for entry in archive.infolist() if entry.filename.endswith("data.pkl"))
            if entry.file_size > LARGEST_INDEX:
                return Index(fault=f"its index takes {entry.file_size:,} bytes")
            with archive.open(entry) as file:
                return _read(file, entry.file_size)
    except Exception:  # noqa: BLE001 whatever a damaged pickle raises
        return Index()


def _read(file: IO[bytes], size: int) -> Index:
    if _numbers_beyond(file, size):
        return Index(fault="its index numbers more objects than it has")
    file.seek(0)
    content = _InertUnpickler(file).load()
    # Before torch 1.6: a magic number, a version and the machine come first.
    for _ in range(3 if isinstance(content, int) else 0):
        start = file.tell()
        if _numbers_beyond(file, size):
            return Index(fault="its index numbers more objects than it has")
        file.seek(start)
        content = _InertUnpickler(file).load()
    return Index(content, size)


def _numbers_beyond(file: IO[bytes], size: int) -> bool:
    """Return whether an object is given a number for which the unpickler would make that many places."""
    return any("PUT" in code.name and int(number or 0) > size for code, number, _ in pickletools.genops(file))


def cost_of(index: Index) -> str:
    """Return what would take more memory than the index itself gives reason for; empty where nothing does."""
    if index.fault:
        return index.fault
    copied = 0
    for _, item in _stand_ins(index.content):
        if not isinstance(item, StandIn):
            continue
        for given in item.calls:
            if FILLS.fullmatch(item.name) and any(isinstance(part, int | list | tuple) for part in given):
                return f"it asks for a {item.name} of its own size"
            copied += sum(len(part) for part in given if isinstance(part, str | bytes | list | tuple | dict | set))
    return f"it copies {copied:,} entries" if copied > MOST_COPIED * index.size + 10**6 else ""


def named_object(index: Index, plain: Collection[str]) -> str:
    """Return the first object that is no plain data, as ``a sklearn.pipeline.Pipeline under 'preprocess'``; or ""."""
    for keys, item in _stand_ins(index.content):
        if item.name not in plain and not TORCHS_OWN.fullmatch(item.name):
            article = "an" if item.name[:1].lower() in "aeiou" else "a"
            return f"{article} {item.name[:80]}" + (f" under '{'.'.join(keys)[:80]}'" if keys else "")
    return ""


def _stand_ins(content: object) -> Iterator[tuple[tuple[str, ...], StandIn | type[StandIn]]]:
    """Yield all stand-ins, with the keys that lead to them; containers that hold themselves end."""
    seen: set[int] = set()
    waiting: collections.deque[tuple[tuple[str, ...], object]] = collections.deque([((), content)])
    while waiting:
        keys, item = waiting.popleft()
        if isinstance(item, type) and issubclass(item, StandIn):
            yield keys, item
        if id(item) in seen or isinstance(item, str | bytes | int | float):
            continue
        seen.add(id(item))
        if isinstance(item, StandIn):
            yield keys, item
            waiting += [(keys, part) for part in (*item.calls, *item.parts)]
        elif isinstance(item, dict):
            waiting += [((*keys, key_in_words(key))[:DEEPEST], value) for key, value in item.items()]
        elif isinstance(item, list | tuple | set | frozenset):
            waiting += [(keys, part) for part in item]


def key_in_words(key: object) -> str:
    """Return a key as a message shows it; the text of tuples in tuples may be endless.

    >>> key_in_words(3), key_in_words((3, 4))
    ('3', 'tuple')
    """
    return str(key) if isinstance(key, str | int | float) else type(key).__name__
