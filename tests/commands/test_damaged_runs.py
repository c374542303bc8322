"""Damaged run folders are named, and break nothing for the others."""

import json
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

Type = Callable[..., Result]

pytestmark = pytest.mark.xdist_group("family")


def record(**changes: object) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        file = run / "run.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return damage


def text(name: str, content: str) -> Callable[[Path], None]:
    return lambda run: (run / name).write_text(content) and None


def replaced(name: str, old: str, new: str) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        before = (run / name).read_text()
        assert old in before
        (run / name).write_text(before.replace(old, new))

    return damage


def squashed(run: Path) -> None:
    """Change one byte so that the archive opens and what is inside cannot be unpacked."""
    file = run / "samples.npz"
    good = file.read_bytes()
    for place in range(len(good)):
        file.write_bytes(good[:place] + bytes([good[place] ^ 0x40]) + good[place + 1 :])
        try:
            with np.load(file) as stored:
                dict(stored)
        except zlib.error:
            return
        except (OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile):
            continue
    raise AssertionError("no byte does it")


DEEP = 100_000 * '{"a":' + "1" + 100_000 * "}"
# What was done to a folder, and the file that the message names; none where the run can still be read.
DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "no results": (text("results.json", "{}"), ""),
    "results that are a list": (text("results.json", "[]"), "results.json"),
    "NaN": (text("results.json", '{"accuracy": NaN}'), "results.json"),
    "a number of 5,000 digits": (text("results.json", '{"n": ' + 5000 * "9" + "}"), "results.json"),
    "a number beyond floats": (text("results.json", '{"n": 1e999}'), "results.json"),
    "nesting": (text("results.json", DEEP), "results.json"),
    "a record that nests": (text("run.json", DEEP), "run.json"),
    "warnings that are no words": (text("results.json", '{"warnings": [{}]}'), "results.json"),
    "no duration": (record(duration_seconds=None), ""),
    "a huge process number": (record(pid=10**30), ""),
    "a huge duration": (record(duration_seconds=10**400), "run.json"),
    "no configuration": (record(config=None), ""),
    "a verb that is a list": (record(verb=["measure"]), "run.json"),
    "another schema": (record(schema=99), "newer version"),
    "no schema": (record(schema=None), "run.json"),
    "an old schema": (record(schema=1), ""),
    "a status of another type": (record(status=["done"]), "not done"),
    "columns of other names": (replaced("quantities.csv", "scale", "scales"), "quantities.csv"),
    "a row twice": (lambda r: (r / "quantities.csv").write_text(
        (r / "quantities.csv").read_text() + (r / "quantities.csv").read_text().splitlines()[-1] + "\n") and None,
        "quantities.csv"),
    "infinite numbers": (replaced("quantities.csv", ",100.0,1,", ",100.0,1,inf"), "quantities.csv"),
    "lines of words": (replaced("lines.csv", "line,", "wiggle,"), "lines.csv"),
    "a cut archive": (
        lambda r: (r / "samples.npz").write_bytes((r / "samples.npz").read_bytes()[:300]) and None, "samples.npz"),
    "an archive with another byte": (squashed, "samples.npz"),
    "an archive of nothing": (lambda r: (r / "samples.npz").write_bytes(b"") and None, "samples.npz"),
    "no text": (lambda r: (r / "summary.txt").write_bytes(b"\xff\xfe\x00") and None, "summary.txt"),
    "figures elsewhere": (
        text("figures.json", '{"figures": [{"name": "../x", "caption": "c", "alt": "a", "has_lines": false}]}'), ""),
    "figures that are words": (text("figures.json", '{"figures": ["map"]}'), "figures.json"),
}  # fmt: skip


@pytest.fixture
def damaged(family: Path) -> dict[str, Path]:
    """A damaged copy of one run for each kind, beside two good runs."""
    runs = family / "measure" / "resnet8-dualband"
    folders = {}
    for number, (kind, (damage, _)) in enumerate(DAMAGE.items(), 3):
        folders[kind] = shutil.copytree(runs / "v001", runs / f"v{number:03d}")
        damage(folders[kind])
    return folders


def test_a_damaged_folder_is_one_line(fsens: Type, damaged: dict[str, Path]) -> None:
    for kind, folder in damaged.items():
        shown = fsens("show", str(folder))
        named = DAMAGE[kind][1]
        assert shown.exit_code == (2 if named else 0), (kind, shown.output, shown.exception)
        if named:
            assert named in shown.stderr, kind
            assert shown.stdout == "", kind
            assert re.fullmatch(r"error: [^\n]+\n", shown.stderr), kind


def test_the_others_are_listed_compared_and_reported(fsens: Type, damaged: dict[str, Path]) -> None:
    listed = fsens("runs")
    assert listed.exit_code == 0, listed.output
    assert all(f"/{folder.name} " in listed.stdout for folder in damaged.values())
    assert "damaged" in listed.stdout
    pattern = "outputs/measure/*/v*"
    compared = fsens("compare", pattern, "--allow-different", "--json")
    assert compared.exit_code == 0, (compared.output, compared.exception)
    skipped = [kind for kind in damaged if DAMAGE[kind][1]]
    found = json.loads(compared.stdout)
    assert len(found["skipped"]) == len(skipped)
    folders = {row["folder"] for row in found["rows"]}
    assert folders >= {f"outputs/measure/{name}/v001" for name in ("resnet8-dualband", "resnet8-lsf-dualband")}
    assert len(folders) == 2 + len(damaged) - len(skipped)
    pytest.importorskip("jinja2")
    reported = fsens("report", pattern)
    assert reported.exit_code == 0, (reported.output, reported.exception)
    assert Path("report.html").read_text().count("Skipped: ") == len(skipped)
