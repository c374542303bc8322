"""A list of the pictures that count: one ``CLASS/FILE`` a line.

Shape letters: N pictures.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from fsens_cli.errors import DataError
from fsens_cli.home import expanded

LARGEST_LIST = 100_000_000  # bytes


def listed_rows(files: Sequence[Path], where: str) -> Tensor:
    """Return the rows of the pictures that a list names, in the order of the files, int64.

    Lines are compared by class folder and file name; what stands before these, such as ``val/``, does not matter.

    Raises:
        DataError: no such list, it cannot be read, a line is none of the pictures, or none is left.
    """
    path = expanded(where)
    wanted = _names(path)
    place = {_name(file): row for row, file in enumerate(files)}
    missing = [name for name in wanted if name not in place]
    if missing:
        raise DataError(
            f"data.list={where}: {missing[0]} is not among the {len(files):,} pictures ({len(missing):,} of "
            f"{len(wanted):,} lines are not): expected CLASS/FILE of data.root in each line."
        )
    return torch.tensor(sorted({place[name] for name in wanted}), dtype=torch.int64)


def _names(path: Path) -> list[str]:
    try:
        if path.is_file() and path.stat().st_size > LARGEST_LIST:
            raise DataError(f"data.list={path} has {path.stat().st_size:,} bytes: that is no list of pictures.")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"data.list={path} cannot be read as text: give a file with one CLASS/FILE a line.") from error
    names = [_name(Path(line.strip())) for line in lines if line.strip()]
    if not names:
        raise DataError(f"data.list={path} names no picture: give a file with one CLASS/FILE a line.")
    return names


def _name(file: Path) -> str:
    return "/".join(file.parts[-2:])
