"""Archives: taken apart in one step, never outside their folder."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from fsens_cli.cache.unpack import unpack, writable
from fsens_cli.errors import FetchError


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def test_a_folder_appears_with_its_files_alone(tmp_path: Path) -> None:
    packed = archive(tmp_path / "a.tar.gz", {"data/x": b"1", "data/deep/y": b"2", "other/z": b"3"})
    assert unpack(packed, "data", tmp_path / "here" / "there") == tmp_path / "here" / "there" / "data"
    assert (tmp_path / "here" / "there" / "data" / "deep" / "y").read_bytes() == b"2"
    assert [p.name for p in (tmp_path / "here" / "there").iterdir()] == ["data"]


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert unpack(tmp_path / "none.tar.gz", "data", tmp_path) == tmp_path / "data"


@pytest.mark.parametrize("name", ["../escaped", "/escaped", "data/../../escaped"])
def test_names_that_lead_out_are_refused(name: str, tmp_path: Path) -> None:
    packed = archive(tmp_path / "a.tar.gz", {"data/x": b"1", name: b"evil"})
    (tmp_path / "inside").mkdir()
    unpack(packed, "data", tmp_path / "inside")
    assert {p for p in tmp_path.rglob("*") if p.is_file()} == {packed, tmp_path / "inside" / "data" / "x"}
    assert not (tmp_path / "escaped").exists()
    assert not Path("/escaped").exists()


def test_what_a_killed_process_unpacked_is_removed_after_a_day(tmp_path: Path) -> None:
    for name in ("data", ".data.old", ".data.new", ".other.old"):
        (tmp_path / name / "data").mkdir(parents=True)
    for name in (".data.old", ".other.old"):
        os.utime(tmp_path / name, (0, 0))
    unpack(tmp_path / "none.tar.gz", "data", tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".data.new", ".other.old", "data"]


def test_links_are_left(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("mine")
    packed = tmp_path / "a.tar"
    with tarfile.open(packed, "w") as tar:
        for name, kind, goal in (
            ("data/soft", tarfile.SYMTYPE, str(tmp_path / "secret")),
            ("data/hard", tarfile.LNKTYPE, "../../secret"),
            ("data/pipe", tarfile.FIFOTYPE, ""),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, goal
            tar.addfile(info)
        info = tarfile.TarInfo("./data/x")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"1"))
    assert [p.name for p in unpack(packed, "data", tmp_path / "here").iterdir()] == ["x"]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"no archive", "damaged or no tar archive"), (b"", "damaged or no tar archive"), (None, "damaged or no tar")],
    ids=["words", "empty", "cut off"],
)
def test_damaged_archives_leave_nothing(content: bytes | None, message: str, tmp_path: Path) -> None:
    whole = archive(tmp_path / "a.tar.gz", {"data/x": bytes(range(256)) * 400}).read_bytes()
    (tmp_path / "a.tar.gz").write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(FetchError, match=message):
        unpack(tmp_path / "a.tar.gz", "data", tmp_path / "here")
    assert list((tmp_path / "here").iterdir()) == []


def test_another_archive(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"a\.tar\.gz holds no folder data"):
        unpack(archive(tmp_path / "a.tar.gz", {"x": b"1"}), "data", tmp_path)


def test_where_files_can_be_made(tmp_path: Path) -> None:
    assert writable(tmp_path / "not" / "yet")
    (tmp_path / "taken").write_text("x")
    assert not writable(tmp_path / "taken" / "below")
