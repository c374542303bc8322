"""How do picture files become pixels, decoded once and kept?

Decoded pictures are kept in fsens's cache, named by what they depend on: paths, sizes and times of the files and the
settings. A second start reads them back and decodes only what is new.
"""

import contextlib
import hashlib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from PIL import __version__ as PIL_VERSION

from fsens_cli.cache.pixels import cached_rows
from fsens_cli.cache.places import Meter, cache_folder
from fsens_cli.data.geometry import Geometry
from fsens_cli.errors import DataError

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp"})
# Pillow clips these at 255 when it converts them, which would turn most pictures white.
WIDE_MODES = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
# Raised when decoding changes, so that older stores are not read.
DECODER = 1


def is_picture(path: Path) -> bool:
    """Return whether the name says so; names with a leading dot are a file system's own notes."""
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")


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

    def decode(row: int) -> np.ndarray:
        picture = _read(files[row], channels, geometry)
        if picture.shape[:2] != (height, width):
            raise DataError(
                f"{files[row]} is {picture.shape[0]}x{picture.shape[1]} pixels and {first} is "
                f"{height}x{width} (height x width): give data.size=[HEIGHT,WIDTH] to make them alike."
            )
        return picture.transpose(2, 0, 1)

    store = cache_folder("pictures") / _key(files, (height, width, channels), geometry)
    with contextlib.ExitStack() as stack:
        # Opened at the first decoded picture: reading back what is there needs no bar.
        advance: list[Callable[[int], object]] = []
        done = itertools.count(1)

        def on_row() -> None:
            if not advance:
                advance.append(stack.enter_context(meter("decoding pictures", len(rows))))
            advance[0](next(done))

        return torch.from_numpy(cached_rows(store, len(files), (channels, height, width), rows, decode, on_row))


def _key(files: Sequence[Path], shape: tuple[int, ...], geometry: Geometry | None) -> str:
    """Return a hash of all that the decoded pictures depend on."""
    digest = hashlib.sha256(repr((DECODER, PIL_VERSION, shape, geometry)).encode())
    for file in files:
        status = file.stat()
        digest.update(f"{os.path.abspath(file)}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())  # noqa: PTH100 a hundred thousand times
    return digest.hexdigest()[:32]


def size_of(file: Path) -> tuple[int, int]:
    """Return height and width of a picture from its header alone."""
    with _opened(file) as picture:
        return picture.height, picture.width


def _read(file: Path, channels: int, geometry: Geometry | None) -> np.ndarray:
    with _opened(file) as opened:
        if opened.mode in WIDE_MODES:
            raise DataError(f"{file} has more than 8 bits a channel: convert it to 8 bits, scaled as you mean it.")
        picture: Image.Image = opened.convert("RGB" if channels == 3 else "L")
    if geometry is not None:
        picture = geometry.of_picture(picture)
    pixels = np.asarray(picture, dtype=np.uint8)
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(file) as opened:
            yield opened
    except DataError:
        raise
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{file} cannot be read as a picture ({type(error).__name__}). Replace or remove it."
        ) from error
