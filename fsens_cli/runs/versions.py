"""Numbered versions of runs and sweeps: ``v001``, ``v002``, ..., ``v1000``."""

from collections.abc import Iterable
from pathlib import Path

LATEST = "latest"


def version_of(folder: Path) -> int:
    """Return a version's number; -1 for folders that are none.

    >>> version_of(Path("v007")), version_of(Path("latest"))
    (7, -1)
    """
    number = folder.name[1:]
    return int(number) if folder.name[:1] == "v" and number.isdecimal() and len(number) < 19 else -1


def newest(folders: Iterable[Path]) -> Path:
    """Return the folder with the highest version.

    >>> newest([Path("v1000"), Path("v999")]).name
    'v1000'
    """
    return max(folders, key=lambda p: (version_of(p), p.name))
