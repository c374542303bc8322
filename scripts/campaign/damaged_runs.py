"""Damaged run folders: named in one line, and no trouble for the others."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from commands import BAD_INPUT, DONE, run
from kills import Straight
from table import Clock, Part

BATCH = 10
Change = Callable[[bytes, random.Random], bytes]
JUNK: list[object] = [
    None,
    [],
    {},
    "",
    "x",
    -1,
    10**30,
    1e308,
    True,
    [[[]]],
    {"value": None},
    "\x1b[31m",
    "../../x",
    "NaN",
]


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) or 1)]


def _flip(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(min(len(changed), 8)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _without_lines(content: bytes, chance: random.Random) -> bytes:
    return b"".join(line for line in content.splitlines(keepends=True) if chance.random() < 0.8)


def _other_numbers(content: bytes, chance: random.Random) -> bytes:
    new = chance.choice([b"nan", b"-1", b"1e999", b"9" * 5000, b"", b"x"])
    digit = chance.choice(b"0123456789")
    return content.replace(bytes([digit]), new, chance.randint(1, 3))


def _nested(content: bytes, chance: random.Random) -> bytes:
    return b'{"a":' * 100_000 + b"1" + b"}" * 100_000 if chance.random() < 0.5 else b"[" * 100_000


def _other_entry(content: bytes, chance: random.Random) -> bytes:
    """Put something else into one place of a JSON file."""
    try:
        whole = json.loads(content)
    except ValueError:
        return _flip(content, chance)
    place = whole
    while isinstance(place, dict | list) and place:
        key = chance.choice(sorted(place)) if isinstance(place, dict) else chance.randrange(len(place))
        if chance.random() < 0.5 or not isinstance(place[key], dict | list) or not place[key]:
            if isinstance(place, dict) and chance.random() < 0.3:
                del place[key]
            else:
                place[key] = chance.choice(JUNK)
            break
        place = place[key]
    return json.dumps(whole).encode()


CHANGES: dict[str, Change] = {
    "cut": _cut,
    "flipped": _flip,
    "without lines": _without_lines,
    "other numbers": _other_numbers,
    "nested": _nested,
    "another entry": _other_entry,
    "empty": lambda content, chance: b"",
    "no text": lambda content, chance: b"\xff\xfe\x00" + content[:50],
}


def try_damaged(count: int, seed: int, folder: Path, straight: dict[str, Straight], clock: Clock) -> Part:
    """Damage copies of finished runs, ten at a time beside the good one, and read them by every command that reads."""
    part = Part("damaged run folders")
    chance = random.Random(seed)
    verbs = [verb for verb in straight if verb != "sweep"]
    for begin in range(0, count, BATCH):
        if clock.is_over(part):
            break
        verb = verbs[begin // BATCH % len(verbs)]
        (good,) = straight[verb].folder.glob(f"outputs/{verb}/*/v001")
        place = folder / f"{begin:04d}"
        home = place / "outputs" / verb / good.parent.name
        home.mkdir(parents=True)
        for copy in _good(home):
            shutil.copytree(good, copy)
        damage = [_damaged(home, number + 3, good, chance) for number in range(min(BATCH, count - begin))]
        for name, fault in _read(verb, place, home, damage).items():
            part.add(f"{verb}, {name}", fault)
        shutil.rmtree(place)
    return part


def _damaged(home: Path, number: int, good: Path, chance: random.Random) -> tuple[Path, str]:
    run_folder = shutil.copytree(good, home / f"v{number:03d}")
    file = chance.choice(sorted(p for p in run_folder.rglob("*") if p.is_file() and p.suffix != ".png"))
    what = chance.choice([*CHANGES, "missing", "a folder"])
    content = file.read_bytes()
    if what in CHANGES:
        file.write_bytes(CHANGES[what](content, chance))
    else:
        file.unlink()
        if what == "a folder":
            file.mkdir()
    return run_folder, f"{file.relative_to(run_folder)} {what}"


def _read(verb: str, place: Path, home: Path, damage: list[tuple[Path, str]]) -> dict[str, str]:
    """Return what is wrong with each damaged folder; one that breaks the reading of all is looked for alone."""
    faults = {}
    together = _fault_beside_good(place, [home / "v*"])
    for run_folder, what in damage:
        fault = run(["show", str(run_folder.relative_to(place))], place, 60).fault(DONE, BAD_INPUT)
        if not fault and together:
            fault = _fault_beside_good(place, [*_good(home), run_folder])
        faults[f"{run_folder.name} {what}"] = fault
    if together and not any(faults.values()):
        faults["all together"] = together
    return faults


def _good(home: Path) -> list[Path]:
    return [home / "v001", home / "v002"]


def _fault_beside_good(place: Path, folders: list[Path]) -> str:
    """Return what goes wrong where two good runs are listed, compared and reported with damaged ones."""
    paths = [str(folder.relative_to(place)) for folder in folders]
    listed = run(["runs"], place, 60)
    if listed.out.count("/v001 ") + listed.out.count("/v002 ") < len(_good(place)):
        return "runs: the good ones are not listed"
    for verb, ended in (
        ("runs", listed),
        ("compare", run(["compare", *paths, "--allow-different"], place, 120)),
        ("report", run(["report", *paths], place, 120)),
    ):
        if fault := ended.fault(DONE):
            return f"{verb}: {fault}"
    return ""
