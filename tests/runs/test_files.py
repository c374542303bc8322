"""Files: whole or not at all."""

import errno
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fsens_cli.errors import ConfigError, OutputError
from fsens_cli.runs.files import (
    remove_leftovers,
    replacing,
    temporary_path,
    write_arrays,
    write_bytes,
    write_json,
    write_table,
    write_text,
)
from fsens_cli.runs.json_files import load_object
from fsens_cli.runs.saved import write_saved
from fsens_cli.runs.spectrum_csv import read_target
from fsens_cli.runs.stored_tables import read_arrays, read_rows


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("old")

    def write_half() -> None:
        with replacing(file) as temporary:
            temporary.write_text("new but only ha")
            assert file.read_text() == "old"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_the_new_file_takes_the_place_of_the_old(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_text("old")
    with replacing(file) as temporary:
        assert (temporary.parent, temporary.suffix) == (tmp_path, ".png")
        temporary.write_text("new")
    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]


def test_files_are_as_readable_as_others(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "x")
    (tmp_path / "b").write_text("x")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"}
    assert len(modes) == 1
    before = os.umask(0o022)
    os.umask(before)
    assert modes == {0o666 & ~before}


def test_text_bytes_and_json(tmp_path: Path) -> None:
    write_text(tmp_path / "t", "Käse\n")
    assert (tmp_path / "t").read_bytes() == "Käse\n".encode()
    write_bytes(tmp_path / "b", b"\x00\xff")
    assert (tmp_path / "b").read_bytes() == b"\x00\xff"
    write_json(tmp_path / "j", {"b": [1, None], "a": 0.5})
    assert (tmp_path / "j").read_text() == '{\n  "b": [\n    1,\n    null\n  ],\n  "a": 0.5\n}\n'


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_has_no_such_numbers(value: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "j", {"x": value})
    assert list(tmp_path.iterdir()) == []


def test_tables_keep_nine_digits(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv", {"n": [1, 2], "x": [1 / 3, 1e-12], "name": ["a,b", 'say "c"']})
    assert (tmp_path / "t.csv").read_text() == 'n,x,name\n1,0.333333333,"a,b"\n2,1e-12,"say ""c"""\n'


def test_arrays_come_back(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a.npz", {"power": np.arange(6.0).reshape(2, 3)})
    with np.load(tmp_path / "a.npz") as arrays:
        np.testing.assert_array_equal(arrays["power"], [[0, 1, 2], [3, 4, 5]])


def test_a_target_is_read_from_a_spectrum(tmp_path: Path) -> None:
    file = tmp_path / "spectrum.csv"
    write_table(file, {"radius": [0, 2, 1, 3], "share_mean": [0.0, 0.2, 0.5, 0.31]})
    assert read_target(str(file)) == pytest.approx([0.5 / 1.01, 0.2 / 1.01, 0.31 / 1.01])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"r": [1], "share": [1.0]}, "needs the columns radius and share, got r, share"),
        ({"radius": [1, 1], "share": [0.5, 0.5]}, "names a radius twice"),
        ({"radius": [1, 3], "share": [0.5, 0.5]}, "lacks the radii 2"),
        ({"radius": [0], "share": [1.0]}, "lacks the radii all"),
        ({"radius": [-1, 1], "share": [0.5, 0.5]}, "lacks the radii"),
        ({"radius": [1, 2], "share": [1.5, -0.5]}, "shares must be numbers from 0 up"),
        ({"radius": [1, 2], "share": [1.0, None]}, "shares must be numbers from 0 up"),
        ({"radius": [1, 2], "share": [0.5, 0.4]}, r"add up to 0\.9, expected 1"),
        ({"radius": ["a"], "share": [1.0]}, "must be numbers"),
        ({"radius": [1.0, 1.5], "share": [0.5, 0.5]}, "names a radius twice"),
    ],
)
def test_targets_that_make_no_sense(columns: dict[str, list[object]], message: str, tmp_path: Path) -> None:
    pd.DataFrame(columns).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(ConfigError, match=message):
        read_target(str(tmp_path / "t.csv"))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00\x01", b'a,b\n"x'])
def test_targets_that_are_no_tables(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(ConfigError, match="cannot be read as CSV"):
        read_target(str(tmp_path / "t.csv"))


def test_target_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        read_target(str(tmp_path / "none.csv"))


def test_leftovers_of_the_dead_are_removed_and_those_of_the_living_stay(tmp_path: Path) -> None:
    living = temporary_path(tmp_path / "a.png")
    ended = subprocess.Popen(["true"])
    ended.wait()
    dead = living.with_name(living.name.replace(f"-{os.getpid()}-", f"-{ended.pid}-"))
    elsewhere, forgotten = (living.with_name(f".{name}.png.00000000-1-00000000.part.png") for name in "ab")
    users = tmp_path / ".a.png.part"
    folder = dead.with_name(dead.name.replace(".a.png", ".at-1").removesuffix(".png"))
    folder.mkdir()
    for path in (living, dead, elsewhere, forgotten, users, folder / "model"):
        path.write_text("")
    os.utime(forgotten, (0, 0))
    remove_leftovers(tmp_path)
    assert set(tmp_path.iterdir()) == {living, elsewhere, users}


def test_a_new_file_removes_what_the_killed_left_of_the_same(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    for name in ("report.html", "other.html"):
        path = temporary_path(tmp_path / name)
        path.with_name(path.name.replace(f"-{os.getpid()}-", f"-{ended.pid}-")).write_text("half")
    write_text(tmp_path / "report.html", "whole")
    assert [p.name[:12] for p in sorted(tmp_path.iterdir())] == [".other.html.", "report.html"]


def test_a_saved_folder_removes_what_the_killed_left_of_it(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = temporary_path(tmp_path / "run")
    left = left.with_name(left.name.replace(f"-{os.getpid()}-", f"-{ended.pid}-"))
    (left / "run").mkdir(parents=True)
    write_saved(tmp_path / "run", {"verb": "measure"}, lambda new: write_text(new / "a.csv", "x\n"))
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == ["a.csv", "config.yaml", "run.json"]


def test_a_full_disk_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(Path, "write_bytes", raising(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        write_bytes(tmp_path / "a", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def raising(error: Exception) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("kind", ["a pipe", "a device without end", "a folder"])
def test_what_is_no_file_is_not_waited_for(kind: str, tmp_path: Path) -> None:
    for name in ("run.json", "quantities.csv", "samples.npz"):
        path = tmp_path / name
        if kind == "a pipe":
            os.mkfifo(path)
        elif kind == "a folder":
            path.mkdir()
        else:
            path.symlink_to("/dev/zero")
    with pytest.raises(OutputError, match=r"its run\.json cannot be read"):
        load_object(tmp_path / "run.json", "x is not a run folder")
    with pytest.raises(OutputError, match=r"its quantities\.csv cannot be read"):
        read_rows(tmp_path / "quantities.csv", ["name"])
    with pytest.raises(OutputError, match=r"its samples\.npz cannot be read"):
        read_arrays(tmp_path / "samples.npz")


def test_arrays_that_unpack_to_more_than_any_run_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_arrays(tmp_path / "a.npz", {"x": np.zeros(10_000)})
    assert read_arrays(tmp_path / "a.npz")["x"].sum() == 0
    monkeypatch.setattr("fsens_cli.runs.stored_tables.LARGEST_ARRAYS", 50_000)
    with pytest.raises(OutputError, match=r"is damaged: a\.npz unpacks to 80,\d+ bytes"):
        read_arrays(tmp_path / "a.npz")
