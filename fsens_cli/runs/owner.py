"""The owner of a folder: the one process that may write into it, on any machine that shares the disk.

An owner is a file ``owner-NNN.json``; the highest number counts. A new owner takes the next number with an exclusive
creation, which every file system does in one step, so of two that try at once one fails. On the machine where it runs,
an owner is known by its process; from other machines by the time of its file, which it renews while it lives.
"""

import contextlib
import json
import os
import socket
import threading
import time
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

from fsens_cli.errors import OutputError
from fsens_cli.runs.files import regular, temporary_path
from fsens_cli.runs.process import began, this_machine

PATTERN = "owner-*.json"
BEAT_SECONDS = 20.0
# An owner on another machine that has not renewed its file for so long is gone.
SILENT_SECONDS = 180.0


class Standing(Enum):
    """What is known of an owner: it lives, it has certainly ended, or nobody has heard of it for long."""

    ALIVE = "alive"
    GONE = "gone"
    SILENT = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A process that writes into a folder.

    Attributes:
        machine: where process numbers mean the same: one boot of one system.
        began: when the process started, so that a number that was given again is not mistaken for it.
    """

    host: str
    pid: int
    machine: str
    began: str

    @classmethod
    def this_process(cls) -> "Owner":
        """Return the process that asks."""
        pid = os.getpid()
        return cls(host=socket.gethostname(), pid=pid, machine=this_machine(), began=began(pid) or "")

    def is_alive(self) -> bool | None:
        """Return whether the process runs; None where only its own machine knows."""
        return began(self.pid) == self.began if self.machine == this_machine() else None


def owner_files(folder: Path) -> list[Path]:
    """Return the files of owners, the one that counts last."""
    try:
        found = [p for p in folder.iterdir() if p.match(PATTERN) and p.stem[6:].isdecimal()]
    except OSError:
        return []
    return sorted(found, key=lambda p: int(p.stem[6:]))


def read_owner(file: Path) -> Owner | None:
    """Return whom a file names; None where it cannot be read (it may be half-written at this moment)."""
    try:
        content = json.loads(regular(file).read_text())
        owner = Owner(**content)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    texts = (owner.host, owner.machine, owner.began)
    return owner if isinstance(owner.pid, int) and all(isinstance(t, str) for t in texts) else None


def standing(folder: Path, *, now: float | None = None) -> Standing | None:
    """Return what is known of a folder's owner; None where it has none.

    Args:
        now: by the clock of the disk; by this machine's without it.
    """
    files = owner_files(folder)
    if not files:
        return None
    owner = read_owner(files[-1])
    alive = None if owner is None else owner.is_alive()
    if alive is not None:
        return Standing.ALIVE if alive else Standing.GONE
    try:
        heard = files[-1].stat().st_mtime
    except OSError:
        return None  # given up at this moment
    return Standing.ALIVE if (time.time() if now is None else now) - heard < SILENT_SECONDS else Standing.SILENT


def owner_in_words(folder: Path) -> str:
    """Return the owner as ``pid N, host H``."""
    files = owner_files(folder)
    owner = read_owner(files[-1]) if files else None
    return "an owner that cannot be read" if owner is None else f"pid {owner.pid}, host {owner.host}"


class Ownership:
    """The right of this process to write into a folder, from ``take`` until ``release``."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._stop = threading.Event()
        threading.Thread(target=self._beat, name=f"owner-of-{file.parent.name}", daemon=True).start()

    @classmethod
    def take(cls, folder: Path) -> "Ownership":
        """Become the owner of a folder.

        Raises:
            OutputError: it has an owner that lives.
        """
        before = owner_files(folder)
        if before and standing(folder, now=_clock_of(folder)) is Standing.ALIVE:
            raise _still_running(folder)
        number = int(before[-1].stem[6:]) + 1 if before else 1
        file = folder / f"owner-{number:03d}.json"
        try:
            with file.open("x") as opened:
                json.dump(asdict(Owner.this_process()), opened)
        except FileExistsError:
            raise _still_running(folder) from None
        if owner_files(folder)[-1:] != [file]:
            file.unlink(missing_ok=True)
            raise _still_running(folder)
        for old in before:
            old.unlink(missing_ok=True)
        return cls(file)

    def confirm(self) -> None:
        """Raise OutputError if the folder has gone, or another process has taken it over."""
        if owner_files(self.file.parent)[-1:] == [self.file]:
            return
        folder = self.file.parent
        if not owner_files(folder):
            raise removed_meanwhile(folder)
        raise OutputError(f"{folder} was taken over by another process ({owner_in_words(folder)}): this one stops.")

    def release(self) -> None:
        """Give the folder up."""
        self._stop.set()
        self.file.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            with contextlib.suppress(OSError):
                os.utime(self.file)


def removed_meanwhile(folder: Path) -> OutputError:
    """Return the error of a folder that somebody removed while it was written to."""
    return OutputError(f"{folder} was removed while it was written to: start the run again.")


def _still_running(folder: Path) -> OutputError:
    return OutputError(
        f"{folder} is still running ({owner_in_words(folder)}): wait for it, or end that process. "
        f"One on another machine counts as gone after {SILENT_SECONDS:.0f} s without a sign of life."
    )


def _clock_of(folder: Path) -> float:
    """Return the time of the machine that keeps the folder, which gave the owner's file its time, too."""
    probe = temporary_path(folder / "clock")
    try:
        probe.touch(exist_ok=False)
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)
