"""Examples in help, README and docs can be typed as they stand, in bash and zsh, and survive rendering."""

import re
from pathlib import Path

import pytest

from fsens_cli.app import app
from fsens_cli.commands.verbs.registry import VERBS

ROOT = Path(__file__).resolve().parents[2]
# zsh takes an unquoted bracket for a pattern, and refuses what matches no file.
BARE = re.compile(r"(?<=\s)(?!['\"])[^\s'\"`]*=\[")


@pytest.mark.parametrize("verb", VERBS)
def test_examples_of_a_verb_survive_rendering(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    monkeypatch.setenv("COLUMNS", "200")
    shown = CliRunner().invoke(app, [verb, "--help"]).output
    for example in VERBS[verb].examples:
        assert " ".join(example.split()) in " ".join(shown.split())
        assert not BARE.search(example), example


def test_documented_commands_have_no_bare_brackets() -> None:
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for line in page.read_text().splitlines():
            if line.strip().startswith(("fsens ", "$ fsens ")):
                assert not BARE.search(line), f"{page.name}: {line}"
