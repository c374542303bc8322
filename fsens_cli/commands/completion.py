"""Tab completion: what may stand next on a command line.

A shell runs ``fsens`` with the line so far in the environment (`completion_scripts`). Nothing heavy is imported then:
names and settings come from a file of the cache, which `known_names` writes.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TypedDict

from fsens_cli import __version__
from fsens_cli.cache.once import is_first
from fsens_cli.cache.places import cache_folder
from fsens_cli.commands.options import EXPORTS

# How a shell asks: with its name, the line up to the cursor, and the signs at which it breaks words.
ASKING, LINE, BREAKS = "FSENS_COMPLETE", "FSENS_LINE", "FSENS_BREAKS"
GATHERING = 120.0  # seconds, on a busy machine
PACKAGE = Path(__file__).parents[1]
WORD = re.compile(r"""(?:[^\s'"\\]|\\.|'[^']*'?|"(?:[^"\\]|\\.)*"?)+""")
# Files and folders are the shell's own affair.
ON_DISK = ("out", "config-dir", "o", "output")
LAUNCHERS = ("joblib", "slurm", "slurm-local", "ray")


class Known(TypedDict):
    """What there is to offer: values by verb and setting, options by group, trainings by network and data."""

    settings: dict[str, dict[str, list[str]]]
    groups: dict[str, list[str]]
    packaged: dict[str, dict[str, list[str]]]


def asked() -> bool:
    """Return whether a shell asks what may stand next."""
    return ASKING in os.environ


def answer(commands: Mapping[str, Mapping[str, bool]]) -> list[str]:
    """Return what a shell has to offer; ``commands`` has each one's flags, and whether they take a value."""
    line = os.environ.get(LINE, "")
    found = following(line, commands)
    current = _current(line)
    # Bash replaces what stands behind the last of these signs, not the whole word.
    kept = max((current.rfind(sign) for sign in os.environ.get(BREAKS, "") if sign in "=:"), default=-1) + 1
    return [word[kept:] for word in found]


def following(line: str, commands: Mapping[str, Mapping[str, bool]]) -> list[str]:
    """Return the words that may stand where ``line`` ends, each complete.

    >>> following("fsens me", {"measure": {}, "models": {}})
    ['measure']
    """
    current = _current(line)
    before = WORD.findall(line[: len(line) - len(current)])[1:]
    command = next((word for word in before if word in commands), "")
    flags = commands.get(command, {})
    last = before[-1] if before else ""
    if flags.get(last) and not current.startswith("-"):
        offered: Iterable[str] = _values(last, command, before, current)
    elif not command:
        offered = commands.get("", {}) if current.startswith("-") else commands
    elif current.startswith("-") and "=" in current:
        name, _, value = current.partition("=")
        offered = (f"{name}={word}" for word in _values(name, command, before, value))
    elif current.startswith("-"):
        offered = flags
    elif "=" in current:
        name, _, value = current.partition("=")
        offered = (f"{name}={word}" for word in _values(name, command, before, value))
    else:
        offered = _arguments(command, commands)
    return sorted({word for word in offered if word and word.startswith(current)})


def _current(line: str) -> str:
    words = WORD.findall(line)
    return words[-1] if words and line.endswith(words[-1]) else ""


def names_file() -> Path:
    """Return where what there is to offer is kept: the package's own names do not change within a version."""
    return cache_folder("completion") / f"{__version__}.json"


@cache
def _known() -> Known:
    """Return what there is to offer; nothing where it has to be gathered first, which goes on in the background."""
    nothing: Known = {"settings": {}, "groups": {}, "packaged": {}}
    try:
        file = names_file()
        written = file.stat().st_mtime if file.is_file() else 0.0
        if written < max(path.stat().st_mtime for path in PACKAGE.rglob("*.py")):
            gather()
        return json.loads(file.read_text(encoding="utf-8")) if written else nothing
    except (OSError, ValueError):
        return nothing


def gather(*, wait: bool = False) -> None:
    """Start what gathers the names; a second Tab while it works starts nothing.

    Args:
        wait: until it is done, so that the first Tab knows them.
    """
    if not is_first(names_file().with_suffix(".started"), GATHERING):
        return
    quiet = subprocess.DEVNULL
    started = subprocess.Popen(
        [sys.executable, "-m", "fsens_cli.commands.known_names"],
        stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True,
    )  # fmt: skip
    if wait:
        started.wait()


def _arguments(command: str, commands: Mapping[str, Mapping[str, bool]]) -> Iterable[str]:
    settings = _known()["settings"].get(command)
    if settings is not None:
        return [f"{name}=" for name in settings]
    verbs = [name for name in commands if name in _known()["settings"]]
    if command == "runs":
        return verbs
    if command == "models":
        return _known()["groups"].get("model", [])
    if command == "show":
        return ["latest", *verbs, *_runs()]
    if command == "export":
        return ["latest", *_runs()]
    return _runs() if command in ("compare", "report") else ()


def _values(name: str, command: str, before: list[str], value: str) -> Iterable[str]:
    """Return the values of a flag or a setting; of a list with commas those of its last part."""
    name = name.lstrip("-")
    done = value[: value.rfind(",") + 1]
    if name in ON_DISK:
        return ()
    if name == "weights":
        found = _weights(before)
    elif name == "resume":
        found = [run for run in _runs(unfinished=True) if f"/{command}/" in f"/{run}"]
    elif name == "device":
        found = ["auto", "cpu", "cuda"]
    elif name == "to":
        found = list(EXPORTS)
    elif name == "launcher":
        found = list(LAUNCHERS)
    else:
        groups = _known()["groups"]
        found = groups[name] if name in groups else _known()["settings"].get(command, {}).get(name, [])
    return [f"{done}{word}" for word in found]


def _weights(before: list[str]) -> list[str]:
    """Return what can be given as weights of the network and the data that the line has so far."""
    chosen = {"model": "resnet8", "data": "dualband"}
    for word, after in zip(before, [*before[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name.lstrip("-") in chosen:
            chosen[name.lstrip("-")] = value if equals else after
    packaged = _known()["packaged"].get(chosen["model"], {}).get(chosen["data"], [])
    trained = [f"run:{run}" for run in _runs() if "/train/" in f"/{run}"]
    return [*(f"packaged:{name}" for name in packaged), "auto", "random", "public", "torchvision", "timm", *trained]


def _runs(*, unfinished: bool = False) -> list[str]:
    """Return the run folders below outputs, newest first; reading many records would take too long for all of them."""
    files = sorted(Path("outputs").glob("*/*/v*/run.json"), key=lambda file: -file.stat().st_mtime)
    found = [file for file in files if not file.parent.is_symlink()]
    if unfinished:
        found = [file for file in found[:200] if '"status": "done"' not in file.read_text(encoding="utf-8")]
    return [str(file.parent) for file in found]
