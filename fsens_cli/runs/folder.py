"""A run's numbered folder, which says what was asked, how far it came and what made it."""

import contextlib
import errno
import glob
import hashlib
import itertools
import os
import re
import shutil
import socket
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from fsens_cli.errors import FsensError, Interrupted, OutputError, way_on_after
from fsens_cli.home import expanded
from fsens_cli.runs.files import remove_leftovers, temporary_path, write_json, write_text
from fsens_cli.runs.json_files import load_object
from fsens_cli.runs.owner import PATTERN, Ownership, Standing, removed_meanwhile, standing
from fsens_cli.runs.versions import LATEST, version_of

SCHEMA = 2
MAX_CLEARED = 10_000
# File systems allow 255 bytes; temporary files add to a folder's name.
MAX_NAME = 120
RECORDS = frozenset({"run.json", "config.yaml", "log.txt"})


def slug(name: str) -> str:
    """Return ``name`` as one safe part of a path.

    A long one is cut, and its hash says which it was.

    >>> slug("timm/vit_tiny"), slug("../net.py:make"), len(slug(1000 * "long"))
    ('timm-vit_tiny', 'net.py-make', 120)
    """
    safe = re.sub(r"[^A-Za-z0-9_.=+]+", "-", name).strip("-.") or "unnamed"
    if len(safe) <= MAX_NAME:
        return safe
    return f"{safe[: MAX_NAME - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def claim_version(parent: Path) -> Path:
    """Create and return the next free ``v001``, ``v002``, ... under ``parent``; parallel jobs never get the same one.

    Raises:
        OutputError: the folder cannot be written.
    """
    try:
        number = 0
        for attempt in itertools.count():
            folder = parent / f"v{number:03d}"
            try:
                parent.mkdir(parents=True, exist_ok=True)
                if number == 0:
                    taken = [version_of(p) for p in parent.glob("v[0-9]*")]
                    folder = parent / f"v{max(0, *taken, 0) + 1:03d}"
                folder.mkdir()
            except FileExistsError:
                # Something else of that name; a parent that has meanwhile been cleared away is made again.
                if (parent.exists() and not parent.is_dir()) or attempt > MAX_CLEARED:
                    raise
                number = int(folder.name[1:]) + 1
            except FileNotFoundError:
                # A job that was refused may clear away an empty parent at any moment; nothing else does so for long.
                if attempt > MAX_CLEARED:
                    raise
            else:
                return folder
        raise AssertionError("the loop above only ends by returning")
    except OSError as error:
        raise OutputError(f"cannot write to {parent} ({error.strerror}): give another folder with --out.") from error


def remove_empty(*folders: Path) -> None:
    """Remove each of the folders that is empty; one that another job fills meanwhile stays."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def clear_killed(parent: Path) -> None:
    """Remove what killed runs left half-written below ``parent``, and folders in which they had written nothing yet."""
    # The module's glob passes over a folder that vanishes meanwhile; that of paths does not.
    for name in glob.glob(f"v*/{PATTERN}", root_dir=parent):  # noqa: PTH207
        file = parent / name
        folder = file.parent
        if folder.is_symlink() or standing(folder) is not Standing.GONE:
            continue
        remove_leftovers(folder, below=True)
        with contextlib.suppress(OSError):  # another start does the same
            if {p.name for p in folder.iterdir()} <= {"config.yaml", file.name}:
                shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True)
class RunFolder:
    """A run's folder while it is being filled. Use as a context: the way it is left becomes the run's status.

    An error in the user's input removes a new folder that holds nothing but its own records. A run that is continued
    stays, and is what it was until its record is first saved.

    Attributes:
        owner: the right to write here, given up at the end.
        goes_on: whether its verb continues a run that was stopped.
        made_out: the folder of all runs, where this run was the first to need it.
    """

    path: Path
    owner: Ownership
    record: dict[str, object] = field(default_factory=dict)
    goes_on: bool = False
    started: float = field(default_factory=time.monotonic)
    made_out: Path | None = None
    is_saved: bool = False

    @classmethod
    def create(
        cls, out: Path, verb: str, name: str, *, config_yaml: str, record: dict[str, object], goes_on: bool = False
    ) -> Self:
        """Claim ``out/verb/name/vNNN`` and write the configuration and provenance into it."""
        out = expanded(out)
        made_out = None if out.exists() else out
        clear_killed(out / verb / slug(name))
        folder = claim_version(out / verb / slug(name))
        try:
            with _DiskErrors(folder):
                run = cls(folder, Ownership.take(folder), goes_on=goes_on, made_out=made_out)
        except OutputError:
            remove_empty(folder, folder.parent, folder.parent.parent, *([made_out] if made_out else []))
            raise
        run.record = {
            "schema": SCHEMA,
            "verb": verb,
            "status": "running",
            "argv": sys.argv[1:],
            "started": now(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            **record,
        }
        try:
            with run.reporting_disk_errors():
                write_text(folder / "config.yaml", config_yaml)
                run.save()
        except BaseException:
            run.discard()
            raise
        return run

    @classmethod
    def reopen(cls, path: Path) -> Self:
        """Become the owner of an unfinished run, to continue it in its own folder.

        Raises:
            OutputError: it is still running, or finished.
        """
        read_record(path)
        with _DiskErrors(path):
            owner = Ownership.take(path)
        try:
            # Read only now: whoever had it before may just have finished it.
            record = read_record(path)
            if record.get("status") == "done":
                raise OutputError(f"{path} is finished: there is nothing to resume.")
            remove_leftovers(path, below=True)
        except BaseException:
            owner.release()
            raise
        changes = {"status": "running", "pid": os.getpid(), "host": socket.gethostname(), "resumed": now()}
        return cls(path, owner, record | changes, goes_on=True)

    def save(self, **changes: object) -> None:
        """Write ``run.json`` with these entries added or replaced."""
        self.owner.confirm()
        self.record |= changes
        write_json(self.path / "run.json", self.record)
        self.is_saved = True

    def reporting_disk_errors(self) -> "_DiskErrors":
        """Turn an operating system's refusal to write into one line for the user; only the owner gets to write."""
        return _DiskErrors(self.path, self.owner)

    def __enter__(self) -> Self:
        """Return the run."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the final status, and give the folder up."""
        if isinstance(error, OSError) and error.errno == errno.EIO and isinstance(error.__context__, KeyboardInterrupt):
            error = error.__context__  # the terminal is closed, and has nothing to be written on
        try:
            self._end(error)
        finally:
            self.owner.release()
        if isinstance(error, KeyboardInterrupt):
            # Said where the command ends; only the run knows what of it is kept.
            raise KeyboardInterrupt(". ".join(filter(None, [str(error), self._way_on()]))) from None

    def _end(self, error: BaseException | None) -> None:
        if error is not None and not (self.path.is_dir() and self.is_saved):
            return  # somebody removed the folder, or it is as it was: nothing is to be said but the error itself
        if isinstance(error, FsensError) and "resumed" not in self.record and self._is_empty():
            self.discard()
            return
        interrupted = isinstance(error, KeyboardInterrupt | Interrupted)
        status = "done" if error is None else "interrupted" if interrupted else "failed"
        before = self.record.get("duration_seconds")
        seconds = time.monotonic() - self.started + (before if isinstance(before, int | float) else 0.0)
        changes: dict[str, object] = {"status": status, "finished": now(), "duration_seconds": round(seconds, 2)}
        if error is not None and not interrupted:
            changes["error"] = f"{type(error).__name__}: {error}"[:2000]
        try:
            self.save(**changes)
        except (OSError, OutputError):
            # With an error of its own the run has one to tell already; its owner has ended, so it counts as killed.
            if error is None:
                raise
        if status == "done":
            self._link_latest()

    def _is_empty(self) -> bool:
        return {p.name for p in self.path.iterdir()} <= RECORDS | {self.owner.file.name}

    def _way_on(self) -> str:
        """Return how an interrupted run is continued; one that keeps nothing is begun again."""
        if self.goes_on:
            return f"go on with: fsens {self.record.get('verb')} --resume {self.path}"
        return f"{self.path} keeps nothing to go on from: start it again"

    def discard(self) -> None:
        """Remove the folder, its parents where they are empty now, and what holds all runs if this one made it."""
        self.owner.release()
        shutil.rmtree(self.path, ignore_errors=True)
        remove_empty(self.path.parent, self.path.parent.parent, *([self.made_out] if self.made_out else []))

    def _link_latest(self) -> None:
        """Point ``latest`` at this version, unless a later one is finished; file systems without links go without."""
        link = self.path.parent / LATEST
        if version_of(link.resolve()) > version_of(self.path):
            return
        remove_leftovers(link.parent, of=link.name)
        temporary = temporary_path(link)
        try:
            temporary.symlink_to(self.path.name)
            temporary.replace(link)
        except OSError:
            temporary.unlink(missing_ok=True)


@dataclass(slots=True)
class _DiskErrors:
    path: Path
    owner: Ownership | None = None

    def __enter__(self) -> None:
        if self.owner is not None:
            self.owner.confirm()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not isinstance(error, OSError):
            return
        if not self.path.is_dir():
            raise removed_meanwhile(self.path) from error
        raise OutputError(f"cannot write to {self.path} ({error.strerror}): {way_on_after(error)}.") from error


def now() -> str:
    """Return the current time, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_record(path: Path) -> dict[str, object]:
    """Return a run's ``run.json``.

    Raises:
        OutputError: ``path`` is not a run folder or its record is damaged.
    """
    return load_object(path / "run.json", f"{path} is not a run folder")
