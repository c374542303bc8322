"""Random command lines of every verb: taken, or refused in one line that no library wrote."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from commands import BAD_INPUT, DONE, Ended
from random_lines import Lines, settings_of
from typer.testing import CliRunner

from fsens_cli.app import app
from fsens_cli.commands.verbs.registry import VERBS

CAMPAIGN = Path(__file__).parents[2] / "scripts" / "campaign.py"


def ended(*arguments: str) -> Ended:
    """Type a line in this process; what would be a traceback is one."""
    result = CliRunner().invoke(app, list(arguments))
    escaped = result.exception if not isinstance(result.exception, SystemExit) else None
    return Ended(result.exit_code, result.stdout, result.stderr + (f"\nTraceback: {escaped!r}" if escaped else ""), 0.0)


def test_two_hundred_lines_are_composed_or_refused() -> None:
    lines = Lines(settings={verb: settings_of(ended(verb, "--print-config").out) for verb in VERBS})
    chance = random.Random(17)
    taken, wrong = 0, []
    for _ in range(200):
        verb, words = lines.draw(chance)
        end = ended(verb, *words, "--print-config")
        fault = end.fault(DONE, BAD_INPUT)
        taken += end.code == DONE
        wrong += [f"fsens {verb} {[word[:80] for word in words]}: {fault}"] if fault else []
    assert wrong == []
    assert 20 < taken < 100  # both ends are tried


@pytest.mark.slow
def test_a_thousand_lines_of_which_a_quarter_is_run(tmp_path: Path) -> None:
    command = [sys.executable, str(CAMPAIGN), "lines", "--lines", "1000", "--seed", "1", "--minutes", "120"]
    done = subprocess.run([*command, "--out", "table.md"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| override lines | 1000 | 1000 | 0 |" in (tmp_path / "table.md").read_text()
