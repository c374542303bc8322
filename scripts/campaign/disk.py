"""One disk for many: eight runs at once in one folder, and a disk that is full."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from commands import BAD_INPUT, DONE, run, start, words_folder
from kills import Straight, typed
from settings import hidden, tables
from table import Clock, Part

# From nothing to nearly enough.
KILOBYTES = (16, 64, 160, 320, 640)
FULL_VERBS = ("measure", "train", "evaluate")


def try_at_once(count: int, folder: Path, straight: dict[str, Straight]) -> Part:
    """Start runs of the same model and data at the same time; each has its own version and the same tables."""
    part = Part("runs at once")
    folder.mkdir(parents=True)
    with words_folder() as words:
        commands = [start(typed("measure"), folder, words / str(number)) for number in range(count)]
        faults = [command.wait().fault(DONE) for command in commands]
    expected = [tables(p.parent) for p in straight["measure"].folder.glob("outputs/measure/*/v*/run.json")]
    for number, fault in enumerate(faults, 1):
        (model,) = folder.glob("outputs/measure/*")
        made = model / f"v{number:03d}"
        if not fault and [tables(made)] != expected:
            fault = f"{made.name} is missing or other"
        part.add(f"number {number}", fault or (f"left {left}" if (left := hidden(folder)) else ""))
    return part


def try_full(folder: Path, clock: Clock) -> Part:
    """Run on small file systems: one line says it, nothing half-written stays, and with more space it goes."""
    part = Part("full disk")
    folder.mkdir(parents=True)
    for verb in FULL_VERBS:
        for size in KILOBYTES:
            if clock.is_over(part):
                return part
            with _mounted(folder, size) as is_mounted:
                if not is_mounted:
                    part.note = "skipped: this user may not mount a tmpfs"
                    return part
                part.add(f"{verb} on {size} kB", _fault_on_full(verb, folder))
    return part


def _fault_on_full(verb: str, folder: Path) -> str:
    fault = run(typed(verb), folder).fault(DONE, BAD_INPUT)
    if not fault and (left := hidden(folder)):
        return f"left {left}"
    if not fault and subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=False).returncode == 0:
        fault = run(typed(verb), folder).fault(DONE)
        return f"with space again: {fault}" if fault else ""
    return fault


@contextmanager
def _mounted(folder: Path, kilobytes: int) -> Iterator[bool]:
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    try:
        is_mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    except OSError:
        is_mounted = False
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", str(folder)], check=True)
