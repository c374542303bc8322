"""Override lines of random settings and odd values: accepted, or refused in one line."""

import random
from pathlib import Path

from commands import BAD_INPUT, DONE, run
from settings import VERBS
from table import Clock, Part

VALUES = [
    "0", "1", "-1", "16", "1e9", "1e400", "-1e-400", "nan", ".nan", "inf", "-inf", ".inf", "true", "null", "''", "[]",
    "{}", "[1,2]", "[nan]", "[[1]]", "[1,", "{a:1}", "{a:", "x", "a b", "${seed}", "${oc.env:HOME}", "${now:%Y}", "???",
    "'", '"', "\\", "#", "=", "a=b", "../x", "/etc/passwd", "~", "\x1b[31m", "\u202e", "日本", "\x00", "9" * 5000,
    "9" * 400, "x" * 300, "[" * 200, "0x10", "1_000", "0.1.2", "1,2", "range(3)", "choice(1,2)", "glob(*)", "@a",
    "!!python/name:os",
]  # fmt: skip
KEYS = ["hydra.run.dir", "hydra.callbacks.x._target_", "hydra/launcher", "_target_", "model.kwargs._target_", "seed.x",
        "data", "model", "suite", "optim", "frontend", "regularizer", "", "+x", "++seed", "~seed", "a@b",
        "seed@x"]  # fmt: skip


def try_lines(count: int, seed: int, folder: Path, clock: Clock) -> Part:
    """Type ``--print-config`` with one to three random overrides."""
    part = Part("override lines")
    chance = random.Random(seed)
    known = {verb: _keys(run([verb, "--print-config"], folder).out) for verb in VERBS}
    for _ in range(count):
        if clock.is_over(part):
            break
        verb = chance.choice(sorted(VERBS))
        line = [_override(chance, known[verb]) for _ in range(chance.randint(1, 3))]
        part.add(
            f"{verb} {[override[:80] for override in line]!r}",
            run([verb, *line, "--print-config"], folder, 60).fault(DONE, BAD_INPUT),
        )
    return part


def _override(chance: random.Random, known: list[str]) -> str:
    key = chance.choice(known if chance.random() < 0.8 else KEYS)
    if chance.random() < 0.1:
        key = key[: len(key) // 2] + chance.choice("._/-é") + key[len(key) // 2 :]
    return f"{key}={chance.choice(VALUES)}".replace("\x00", "\\0" if chance.random() < 0.5 else "\x01")


def _keys(printed: str) -> list[str]:
    """Return the dotted names of what ``--print-config`` shows."""
    keys: list[str] = []
    above: list[str] = []
    for line in printed.splitlines():
        name, colon, _ = line.partition(":")
        if not colon or not name.strip().isidentifier():
            continue
        above = [*above[: (len(name) - len(name.lstrip())) // 2], name.strip()]
        keys.append(".".join(above))
    return keys
