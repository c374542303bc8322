"""Decoded rows: read back, filled where they lack, and never in the way."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from fsens_cli.cache.pixels import cached_rows


class Decoder:
    """Row r is full of r; counts what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, row: int) -> np.ndarray:
        self.asked.append(row)
        return np.full((3, 4, 5), row, dtype=np.uint8)


def read(folder: Path, rows: Sequence[int], decoder: Decoder, key: str = "k") -> list[int]:
    pixels = cached_rows(folder / key, 10, (3, 4, 5), rows, decoder, lambda: None)
    assert pixels.shape == (len(rows), 3, 4, 5)
    assert all((image == image.flat[0]).all() for image in pixels)
    return [int(image.flat[0]) for image in pixels]


def test_a_second_reading_decodes_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, range(10), Decoder()) == list(range(10))
    again = Decoder()
    assert read(tmp_path, range(10), again) == list(range(10))
    assert read(tmp_path, [7, 2], again) == [7, 2]
    assert again.asked == []


def test_only_missing_rows_are_decoded(tmp_path: Path) -> None:
    assert read(tmp_path, [8, 3], Decoder()) == [8, 3]
    more = Decoder()
    assert read(tmp_path, [1, 3, 8], more) == [1, 3, 8]
    assert more.asked == [1]


def test_another_key_is_another_store(tmp_path: Path) -> None:
    read(tmp_path, [1], Decoder(), "a")
    other = Decoder()
    read(tmp_path, [1], other, "b")
    assert other.asked == [1]


def test_changing_what_was_read_leaves_the_store(tmp_path: Path) -> None:
    pixels = cached_rows(tmp_path / "k", 10, (3, 4, 5), range(10), Decoder(), lambda: None)
    pixels[:] = 99
    assert read(tmp_path, range(10), Decoder()) == list(range(10))


def test_a_failed_decoding_leaves_the_other_rows(tmp_path: Path) -> None:
    class Failing(Decoder):
        def __call__(self, row: int) -> np.ndarray:
            if row == 4:
                raise ValueError("broken picture")
            return super().__call__(row)

    with pytest.raises(ValueError, match="broken picture"):
        read(tmp_path, range(10), Failing())
    assert read(tmp_path, range(10), Decoder()) == list(range(10))


def test_without_a_place_to_write_everything_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert read(tmp_path / "file", [5, 2], Decoder()) == [5, 2]


def test_a_full_disk_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    assert read(tmp_path, [5, 2], Decoder()) == [5, 2]
