"""The campaign of faults: in small it finds nothing wrong, and it does find what is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest
from commands import Ended
from table import Part, as_markdown

SCRIPT = Path(__file__).parents[2] / "scripts" / "campaign.py"


@pytest.mark.parametrize(
    ("code", "err", "fault"),
    [
        (0, "", ""),
        (2, "note\nerror: no such file: give another.\n", ""),
        (2, "", "0 lines say the error"),
        (2, "error: a\nerror: b\n", "2 lines say the error"),
        (2, "error: \x1b[31mred\n", "control characters"),
        (2, f"error: {'x' * 3000}\n", "an error of 3007 characters"),
        (1, "Traceback (most recent call last):\nValueError: x\n", "traceback: ValueError: x"),
        (1, "", "exit code 1"),
        (-9, "", "exit code -9"),
    ],
)
def test_ends_are_judged(code: int, err: str, fault: str) -> None:
    found = Ended(code, "", err, 1.0).fault()
    assert found.startswith(fault)
    assert bool(found) == bool(fault)


def test_the_table_counts_what_was_wrong() -> None:
    part = Part("kills")
    for fault in ("", "", "left .a.part"):
        part.add("train", fault)
    table = as_markdown([part])
    assert "| kills | 3 | 2 | 1 |" in table
    assert "- kills, train: left .a.part" in table


@pytest.mark.slow
def test_in_small_nothing_is_wrong(tmp_path: Path) -> None:
    counts = ["--lines", "20", "--kills", "8", "--damaged", "10", "--files", "12", "--at-once", "3"]
    command = [sys.executable, str(SCRIPT), *counts, "--out", str(tmp_path / "table.md")]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    rows = [row for row in (tmp_path / "table.md").read_text().splitlines() if row.startswith("| ")]
    assert [row.split(" | ")[1] for row in rows[2:7]] == ["20", "8", "10", "12", "3"]
    assert [p.name for p in tmp_path.iterdir()] == ["table.md"]
