"""A folder has one owner: known by its process here, by its sign of life elsewhere, and found out when it is gone."""

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from fsens_cli.errors import OutputError
from fsens_cli.runs import owner as module
from fsens_cli.runs.owner import SILENT_SECONDS, Owner, Ownership, Standing, owner_files, standing
from fsens_cli.runs.process import began, this_machine


def owned_by(folder: Path, owner: Owner | str, *, number: int = 1, age: float = 0) -> Path:
    file = folder / f"owner-{number:03d}.json"
    file.write_text(owner if isinstance(owner, str) else json.dumps(asdict(owner)))
    os.utime(file, (file.stat().st_mtime - age,) * 2)
    return file


def dead() -> Owner:
    ended = subprocess.Popen(["true"])
    ended.wait()
    return replace(Owner.this_process(), pid=ended.pid)


def test_taken_and_given_up(tmp_path: Path) -> None:
    assert standing(tmp_path) is None
    owner = Ownership.take(tmp_path)
    assert standing(tmp_path) is Standing.ALIVE
    owner.confirm()
    owner.release()
    assert list(tmp_path.iterdir()) == []


def test_two_cannot_own_one_folder(tmp_path: Path) -> None:
    owner = Ownership.take(tmp_path)
    with pytest.raises(OutputError, match=rf"is still running \(pid {os.getpid()}, host .+\): wait for it, or end"):
        Ownership.take(tmp_path)
    owner.confirm()


@pytest.mark.parametrize(
    ("change", "age", "expected"),
    [
        ({}, 1e6, Standing.ALIVE),  # its process is there, however long its file is silent
        ({"began": "1"}, 0, Standing.GONE),  # the number was given to another process
        ({"pid": 0}, 0, Standing.GONE),
        ({"pid": 10**30}, 0, Standing.GONE),
        ({"machine": "another", "pid": 1}, 0, Standing.ALIVE),
        ({"machine": "another"}, 2 * SILENT_SECONDS, Standing.SILENT),
    ],
)
def test_who_is_alive(change: dict[str, object], age: float, expected: Standing, tmp_path: Path) -> None:
    owned_by(tmp_path, replace(Owner.this_process(), **change), age=age)  # type: ignore[arg-type]
    assert standing(tmp_path) is expected
    if expected is Standing.ALIVE:
        with pytest.raises(OutputError, match="is still running"):
            Ownership.take(tmp_path)
        assert len(list(tmp_path.iterdir())) == 1
    else:
        taken = Ownership.take(tmp_path)
        assert owner_files(tmp_path) == [taken.file]
        taken.release()


@pytest.mark.parametrize("ahead", [3600.0, -3600.0])
@pytest.mark.parametrize("age", [0.0, 2 * SILENT_SECONDS])
def test_this_machine_s_clock_takes_no_run_from_another(
    age: float, ahead: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What decides is the clock of the disk, which gave both files their time."""
    owned_by(tmp_path, replace(Owner.this_process(), machine="another", host="elsewhere"), age=age)
    true = time.time
    monkeypatch.setattr(time, "time", lambda: true() + ahead)
    if age:
        Ownership.take(tmp_path).release()
    else:
        with pytest.raises(OutputError, match=r"is still running \(pid \d+, host elsewhere\)"):
            Ownership.take(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"pid": "1"}', '{"host":1,"pid":1,"machine":1,"began":1}'])
def test_an_owner_that_cannot_be_read_counts_by_its_sign_of_life(content: str, tmp_path: Path) -> None:
    file = owned_by(tmp_path, content)
    assert standing(tmp_path) is Standing.ALIVE
    os.utime(file, (0, 0))
    assert standing(tmp_path) is Standing.SILENT


def test_an_ended_process_that_nobody_has_taken_note_of_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    start = began(process.pid)
    assert start is not None
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays in the table
    assert began(process.pid) is None
    process.wait()
    process.stdin.close()  # type: ignore[union-attr]


def test_without_a_proc_file_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("fsens_cli.runs.process.PROC", tmp_path)
    assert began(os.getpid()) == began(os.getpid()) != ""
    assert began(dead().pid) is None
    assert this_machine.__wrapped__()


def test_of_many_that_try_at_once_one_takes_over(tmp_path: Path) -> None:
    for attempt in range(10):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        owned_by(folder, dead(), number=7)
        barrier = threading.Barrier(6)

        def take(_: int, folder: Path = folder, barrier: threading.Barrier = barrier) -> Ownership | None:
            barrier.wait()
            try:
                return Ownership.take(folder)
            except OutputError:
                return None

        with ThreadPoolExecutor(6) as pool:
            taken = [owner for owner in pool.map(take, range(6)) if owner is not None]
        assert len(taken) == 1
        taken[0].confirm()
        taken[0].release()


def test_who_was_thought_gone_may_not_write_any_more(tmp_path: Path) -> None:
    owner = Ownership.take(tmp_path)
    owned_by(tmp_path, replace(Owner.this_process(), host="elsewhere", pid=5), number=2)
    with pytest.raises(OutputError, match=r"was taken over by another process \(pid 5, host elsewhere\)"):
        owner.confirm()


def test_a_sign_of_life_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.01)
    owner = Ownership.take(tmp_path)
    os.utime(owner.file, (0, 0))
    for _ in range(500):
        if owner.file.stat().st_mtime > 0:
            break
        threading.Event().wait(0.01)
    assert owner.file.stat().st_mtime > 0
    owner.release()
