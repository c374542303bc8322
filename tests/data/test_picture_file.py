"""Rules by which one picture file becomes pixels, each against values known from how the file was made."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fsens_cli.data.picture_file import read_picture, size_of
from fsens_cli.errors import DataError

PIXELS = np.random.default_rng(5).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def deep_png(path: Path) -> None:
    """Write a PNG of 16 bits a channel by hand: Pillow cannot."""
    rows = (PIXELS.astype(">u2") * 257).reshape(6, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 9, 6, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def deep_ppm(path: Path) -> None:
    path.write_bytes(b"P6\n# made by hand\n9 6\n65535\n" + (PIXELS.astype(">u2") * 257).tobytes())


def deep_tiff(path: Path) -> None:
    """Write a TIFF of 16 bits a channel by hand: width, height, bits, none compressed, RGB, one strip."""
    pixels = (PIXELS.astype("<u2") * 257).tobytes()
    entries = [(256, 3, 1, 9), (257, 3, 1, 6), (258, 3, 3, 8), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 14)]
    entries += [(277, 3, 1, 3), (278, 3, 1, 6), (279, 4, 1, len(pixels))]
    table = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *e) for e in entries) + bytes(4)
    head = b"II*\0" + struct.pack("<I", 14 + len(pixels)) + struct.pack("<HHH", 16, 16, 16)
    path.write_bytes(head + pixels + table)


@pytest.mark.parametrize(("name", "write"), [("a.png", deep_png), ("a.ppm", deep_ppm), ("a.tif", deep_tiff)])
def test_colours_of_16_bits_are_refused_like_gray_ones(name: str, write: object, tmp_path: Path) -> None:
    write(tmp_path / name)  # type: ignore[operator]
    with Image.open(tmp_path / name) as opened:
        assert opened.mode == "RGB", "Pillow says nothing of the 16 bits"
    with pytest.raises(DataError, match=rf"{name} has more than 8 bits a channel: convert it to 8 bits"):
        read_picture(tmp_path / name, 3, None)


@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp"])
def test_a_photograph_is_read_upright(ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"turned.{ending}"
    picture = Image.fromarray(np.kron(PIXELS[:2, :3], np.ones((16, 16, 1), np.uint8)))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side: turn clockwise by 90 degrees to see it upright
    # Without EXIF Pillow's own pixels, turned by NumPy, are what has to come out.
    picture.save(tmp_path / f"plain.{ending}")
    picture.save(file, exif=exif)
    plain = read_picture(tmp_path / f"plain.{ending}", 3, None)
    np.testing.assert_array_equal(read_picture(file, 3, None), np.rot90(plain, k=-1))
    assert size_of(file) == (48, 32)


def test_a_damaged_exif_note_turns_nothing(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\xff\xff")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png", 3, None), PIXELS)


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    alpha = np.linspace(0, 255, 54).round().astype(np.uint8).reshape(6, 9, 1)
    Image.fromarray(np.concatenate([PIXELS, alpha], axis=2)).save(tmp_path / "rgba.png")
    share = alpha / 255.0
    over_white = PIXELS * share + 255 * (1 - share)
    assert np.abs(read_picture(tmp_path / "rgba.png", 3, None) - over_white).max() <= 1
    Image.fromarray(np.concatenate([PIXELS[..., :1], alpha], axis=2), "LA").save(tmp_path / "la.png")
    assert np.abs(read_picture(tmp_path / "la.png", 1, None) - over_white[..., :1]).max() <= 1


def test_opaque_pictures_with_an_alpha_channel_are_unchanged(tmp_path: Path) -> None:
    Image.fromarray(np.concatenate([PIXELS, np.full((6, 9, 1), 255, np.uint8)], axis=2)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png", 3, None), PIXELS)


def test_transparent_entries_of_a_palette_are_white(tmp_path: Path) -> None:
    palette = Image.fromarray(np.arange(54, dtype=np.uint8).reshape(6, 9) % 3, "P")
    palette.putpalette([10, 20, 30, 0, 0, 0, 40, 50, 60])
    for name, options in (("a.png", {"transparency": 1}), ("a.gif", {"transparency": 1})):
        palette.save(tmp_path / name, **options)
        pixels = read_picture(tmp_path / name, 3, None)
        assert pixels[0, :3].tolist() == [[10, 20, 30], [255, 255, 255], [40, 50, 60]], name


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png is a pipe, a device or a folder, and no picture"):
        read_picture(tmp_path / "a.png", 3, None)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ppm", b"P6 9 0 255\n"),
        ("a.gif", b"GIF89a" + bytes(7) + b";"),
        ("a.bmp", b"BM" + bytes(60)),
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(40)),
    ],
)
def test_pictures_without_a_pixel_are_named(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.{name[2:]} (is 0x9 pixels|cannot be read as a picture)"):
        read_picture(tmp_path / name, 3, None)
