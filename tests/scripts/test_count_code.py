"""The counts that the layout is held to."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_types_short_functions_and_no_table_of_verbs() -> None:
    counts = subprocess.run(
        [sys.executable, "scripts/count_code.py"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    found = {
        words: int(number) for words, number in re.findall(r"^([^\d\n]+(?:60 lines)?) (\d+)$", counts, re.MULTILINE)
    }
    assert found["Any in annotations"] < 80, counts
    assert found["functions over 60 lines"] <= 4, counts
    assert found["tables with two or more verbs as keys"] == 0, counts
