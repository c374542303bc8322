"""Processes killed at any time: what goes on or starts again ends with the same bytes and leaves nothing behind."""

import random
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from commands import DONE, KILLED, Ended, run, start, words_folder
from settings import GO_ON, SWEEP, VERBS, hidden, tables
from table import Clock, Part

Poll = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Straight:
    """A verb's run that nobody stopped."""

    folder: Path
    ended: Ended


def typed(verb: str) -> list[str]:
    """Return the arguments of a verb's smallest run."""
    return SWEEP if verb == "sweep" else [verb, *VERBS[verb]]


def run_straight(folder: Path, verbs: list[str]) -> dict[str, Straight]:
    """Run every verb once, in a folder of its own."""
    runs = {}
    for verb in verbs:
        (folder / verb).mkdir(parents=True)
        runs[verb] = Straight(folder / verb, run(typed(verb), folder / verb))
        if fault := runs[verb].ended.fault(DONE):
            raise SystemExit(f"nothing can be tried: {verb} that nobody stops ends with {fault}")
    return runs


def try_kills(count: int, seed: int, folder: Path, straight: dict[str, Straight], clock: Clock) -> Part:
    """Kill a run of every verb in turn, go on, and compare; a run that was faster than its kill is no trial."""
    part = Part("kills")
    chance = random.Random(seed)
    verbs = list(straight)
    number = late = 0
    while part.tried < count and not clock.is_over(part):
        verb = verbs[part.tried % len(verbs)]
        place = folder / f"{number:03d}"
        place.mkdir(parents=True)
        killed, fault = _one(verb, place, straight[verb], chance)
        if killed:
            part.add(f"{verb} of number {number}", fault)
        elif fault:
            part.wrong.append(f"{verb} of number {number}, which nobody killed: {fault}")
        if not fault:
            shutil.rmtree(place)
        number, late = number + 1, late + (not killed)
    part.note = part.note or (f"{late} more came too late and are not counted" if late else "")
    return part


def _one(verb: str, place: Path, straight: Straight, chance: random.Random) -> tuple[bool, str]:
    """Return whether the kill came in time, and what was wrong."""
    with words_folder() as words:
        command = start(typed(verb), place, words)
        when = _while_writing(place, chance) if chance.random() < 0.4 else _after(straight.ended.seconds, chance)
        while not command.is_over() and not when():
            time.sleep(0.001)
        command.kill()
        was_killed = command.wait().code == KILLED
    if was_killed and (fault := _fault_of_list(place)):
        return was_killed, fault
    again = _again(verb, place) if was_killed else []
    if again and (fault := run(again, place).fault(DONE)):
        return was_killed, f"going on with {' '.join(again)[:80]}: {fault}"
    if left := hidden(place):
        return was_killed, f"left {left}"
    return was_killed, _difference(straight.folder, place)


def _after(seconds: float, chance: random.Random) -> Poll:
    at = time.monotonic() + chance.uniform(0, 0.8) * seconds
    return lambda: time.monotonic() >= at


def _while_writing(place: Path, chance: random.Random) -> Poll:
    """Tell when so many files have been seen half-written."""
    seen: set[str] = set()
    wanted = chance.randint(1, 5)

    def is_time() -> bool:
        now = set(hidden(place))
        seen.update(now)
        return bool(now) and len(seen) >= wanted

    return is_time


def _fault_of_list(place: Path) -> str:
    listed = run(["runs"], place)
    fault = listed.fault(DONE, 2)
    running = [line for line in listed.out.splitlines() if " running" in line]
    return fault or (f"is still listed as running: {running[0][:100]}" if running else "")


def _again(verb: str, place: Path) -> list[str]:
    """Return how a killed run goes on; it is typed again where its verb keeps nothing."""
    kept = sorted(place.glob("outputs/sweeps/measure/v*" if verb == "sweep" else f"outputs/{verb}/*/v*/run.json"))
    if verb == "sweep" and kept:
        return ["measure", "--resume", str(kept[-1].relative_to(place)), "--quiet"]
    if verb in GO_ON and kept:
        return [verb, "--resume", str(kept[-1].parent.relative_to(place)), "--quiet"]
    return typed(verb)


def _difference(straight: Path, place: Path) -> str:
    """Return in which tables the finished runs differ, whatever the numbers of their folders."""
    expected, found = _finished(straight), _finished(place)
    if len(found) < len(expected):
        return f"{len(found)} finished runs instead of {len(expected)}"
    for tables_of_run in found:
        if tables_of_run not in expected:
            nearest = min(expected, key=lambda one: len(set(one.items()) ^ set(tables_of_run.items())))
            return f"other bytes in {sorted({name for name, _ in set(nearest.items()) ^ set(tables_of_run.items())})}"
    return ""


def _finished(place: Path) -> list[dict[str, str]]:
    runs = [p.parent for p in place.glob("outputs/*/*/v*/run.json") if '"status": "done"' in p.read_text()]
    return [tables(run_folder) for run_folder in sorted(runs)]
