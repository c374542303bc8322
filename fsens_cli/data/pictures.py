"""Picture files as arrays of pixels, decoded once and kept.

Decoded pictures are kept in fsens's cache, named by what they depend on: paths, sizes and times of the files and the
settings. A second start reads them back and decodes only what is new.
"""

import contextlib
import hashlib
import itertools
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import __version__ as PIL_VERSION

from fsens_cli.cache.pixels import cached_rows
from fsens_cli.cache.places import Meter, cache_folder
from fsens_cli.data.geometry import Geometry
from fsens_cli.data.picture_file import read_picture, size_of
from fsens_cli.errors import ConfigError, DataError
from fsens_cli.memory import require_memory

# Raised when decoding changes, so that older stores are not read.
DECODER = 2


def decoded(
    files: Sequence[Path], rows: Sequence[int], *, channels: int, geometry: Geometry | None, meter: Meter
) -> torch.Tensor:
    """Return the pictures at ``rows`` of ``files``, uint8 (N, C, H, W).

    Args:
        channels: 3 (RGB) or 1 (gray).
        geometry: what they become; None keeps their own size, which must then be one.
        meter: is told of pictures that have to be decoded.

    Raises:
        DataError: names a picture that cannot be read or has another size.
    """
    first = files[rows[0]]
    height, width = geometry.size if geometry else size_of(first)
    require_memory(
        len(rows) * channels * height * width,
        f"{len(rows):,} pictures of {height}x{width} pixels",
        "give fewer (num_images, data.subset) or a smaller data.size=[HEIGHT,WIDTH]",
    )

    def decode(row: int) -> np.ndarray:
        picture = read_picture(files[row], channels, geometry)
        if picture.shape[:2] != (height, width):
            raise DataError(
                f"{files[row]} is {picture.shape[0]}x{picture.shape[1]} pixels and {first} is "
                f"{height}x{width} (height x width): give data.size=[HEIGHT,WIDTH] to make them alike."
            )
        return picture.transpose(2, 0, 1)

    store = _store(_key(files, (height, width, channels), geometry))
    with contextlib.ExitStack() as stack:
        # Opened at the first decoded picture: reading back what is there needs no bar.
        advance: list[Callable[[int], object]] = []
        done = itertools.count(1)

        def on_row() -> None:
            if not advance:
                advance.append(stack.enter_context(meter("decoding pictures", len(rows))))
            advance[0](next(done))

        return torch.from_numpy(cached_rows(store, len(files), (channels, height, width), rows, decode, on_row))


def _store(key: str) -> Path | None:
    """Return where decoded pictures are kept; None where there is no place for a cache."""
    try:
        return cache_folder("pictures") / key
    except ConfigError:
        return None


def _key(files: Sequence[Path], shape: tuple[int, ...], geometry: Geometry | None) -> str:
    """Return a hash of all that the decoded pictures depend on."""
    digest = hashlib.sha256(repr((DECODER, PIL_VERSION, shape, geometry)).encode())
    for file in files:
        status = file.stat()
        digest.update(f"{os.path.abspath(file)}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())  # noqa: PTH100 a hundred thousand times
    return digest.hexdigest()[:32]
