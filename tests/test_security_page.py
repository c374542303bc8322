"""docs/security.md names tests that exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "security.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_every_promise_names_tests_that_exist() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and "---" not in line]
    promises = [row for row in rows if row != "| promise | test |"]
    assert len(promises) > 25
    for row in promises:
        named = NAMED.findall(row)
        assert named, row
        for file, name in named:
            functions = [node.name for node in ast.parse((ROOT / file).read_text()).body if hasattr(node, "name")]
            assert name in functions, f"{file} has no {name}"
