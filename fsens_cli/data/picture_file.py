"""One picture file as 8-bit pixels: upright, over white, and refused where 8 bits a channel are not what it holds."""

import contextlib
import io
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from fsens_cli.data.geometry import Geometry
from fsens_cli.errors import DataError, in_one_line

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp"})
RULES = (
    "pictures are turned as their EXIF orientation says",
    "transparency is laid over white",
    "pictures of more than 8 bits a channel are refused",
    "of an animation the first picture is read",
)
# Pillow clips these at 255 when it converts them, which would turn most pictures white.
WIDE_MODES = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
# Pillow's modes with an alpha channel; of others ``info`` says which colour is transparent.
ALPHA_MODES = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})
# How a picture is turned upright, by EXIF's tag 274 (0x0112).
ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
TIFF_BITS = 258
HEAD_BYTES = 4096
PPM_HEAD = re.compile(rb"P[36](?:\s|#[^\r\n]*[\r\n])+\d+(?:\s|#[^\r\n]*[\r\n])+\d+(?:\s|#[^\r\n]*[\r\n])+(\d+)")


def is_picture(path: Path) -> bool:
    """Return whether the name says so; names with a leading dot are a file system's own notes."""
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")


def read_picture(file: Path, channels: int, geometry: Geometry | None) -> np.ndarray:
    """Return the pixels, uint8 (H, W, C), read by ``RULES``.

    Args:
        channels: 3 (RGB) or 1 (gray).
        geometry: what the picture becomes; None keeps its own size.

    Raises:
        DataError: no picture, damaged, empty, or of more than 8 bits a channel.
        OSError: the file cannot be opened.
    """
    with _opened(file) as opened:
        return _pixels(opened, channels, geometry)


def _pixels(opened: Image.Image, channels: int, geometry: Geometry | None) -> np.ndarray:
    picture = _over_white(_upright(opened)).convert("RGB" if channels == 3 else "L")
    if geometry is not None:
        picture = geometry.of_picture(picture)
    pixels = np.asarray(picture, dtype=np.uint8)
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def read_picture_bytes(content: bytes, name: str, channels: int, geometry: Geometry | None) -> np.ndarray:
    """Return the pixels of a picture file that is in memory, as `read_picture` does.

    Raises:
        DataError: no picture, damaged, empty, or of more than 8 bits a channel; calls it ``name``.
    """
    with _checked(io.BytesIO(content), name) as opened:
        return _pixels(opened, channels, geometry)


def size_of(file: Path) -> tuple[int, int]:
    """Return height and width of the upright picture."""
    with _opened(file) as opened:
        picture = _upright(opened)
        return picture.height, picture.width


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[Image.Image]:
    """Open a picture of 8 bits a channel; what goes wrong while it is used is told of the file."""
    if not stat.S_ISREG(file.stat().st_mode):  # reading a pipe would wait for ever
        raise DataError(f"{file} is a pipe, a device or a folder, and no picture: remove it.")
    with file.open("rb") as raw, _checked(raw, str(file)) as opened:
        yield opened


@contextlib.contextmanager
def _checked(raw: BinaryIO, file: str) -> Iterator[Image.Image]:
    try:
        head = raw.read(HEAD_BYTES)
        raw.seek(0)
        with Image.open(raw) as opened:
            if min(opened.size) < 1:
                raise DataError(f"{file} is {opened.height}x{opened.width} pixels: remove it.")
            if opened.mode in WIDE_MODES or _bits(head, opened) > 8:
                raise DataError(f"{file} has more than 8 bits a channel: convert it to 8 bits, scaled as you mean it.")
            yield opened
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(f"{file} has more pixels than Pillow opens ({in_one_line(error)}): make it smaller.") from error
    except (
        UnidentifiedImageError,
        OSError,
        SyntaxError,
        ValueError,
        ArithmeticError,
        LookupError,
        MemoryError,
    ) as error:
        raise DataError(
            f"{file} cannot be read as a picture ({type(error).__name__}). Replace or remove it."
        ) from error


def _bits(head: bytes, opened: Image.Image) -> int:
    """Return the bits of a channel in the file; Pillow cuts those of colour pictures to 8 without a word."""
    if opened.format == "PNG":
        return head[24]
    if opened.format == "PPM":
        found = PPM_HEAD.match(head)
        return int(found[1]).bit_length() if found else 8
    if opened.format == "TIFF":
        bits = getattr(opened, "tag_v2", {}).get(TIFF_BITS, 8)
        return max(bits) if isinstance(bits, tuple) else int(bits)
    return 8


def _upright(opened: Image.Image) -> Image.Image:
    # First, because Pillow turns TIFF files itself while it loads them.
    opened.load()
    try:
        orientation = opened.getexif().get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001 Pillow raises many kinds of errors about a damaged note on a picture
        orientation = 1
    turn = UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return opened if turn is None else opened.transpose(turn)


def _over_white(picture: Image.Image) -> Image.Image:
    if picture.mode not in ALPHA_MODES and "transparency" not in picture.info:
        return picture
    above = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", above.size, "white"), above)
