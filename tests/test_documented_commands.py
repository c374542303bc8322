"""Every `fsens` command that the README and the guides show is one that this version takes."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fsens_cli.app import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Words that stand for something of the reader's own.
PLACEHOLDERS = re.compile(r"\b(RUN|ROOT|PATH|VERB|A|B)\b|\.\.\.|\|")


def documented() -> list[str]:
    commands = []
    for page in PAGES:
        for line in page.read_text().replace("\\\n", " ").splitlines():
            command = line.strip().strip("`").removeprefix("$ ").split("      #")[0].strip()
            if command.startswith("fsens ") and not PLACEHOLDERS.search(command):
                commands.append(command)
    return sorted(set(commands))


def test_there_are_commands() -> None:
    assert len(documented()) >= 8


@pytest.mark.parametrize("command", documented())
def test_command_is_taken(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text("def make():\n    raise NotImplementedError\n")
    verb, *arguments = shlex.split(command)[1:]
    if verb in ("measure", "train", "hybrid-probe", "evaluate", "blur-defense"):
        # A sweep's first job is composed; nothing runs.
        several = "-m" in arguments
        chosen = [re.sub(r",[^\[\]]*$", "", a) if several else a for a in arguments if a != "-m"]
        arguments = [*chosen, "--print-config"]
    else:
        arguments = ["--help"]
    result = CliRunner().invoke(app, [verb, *arguments])
    assert result.exit_code == 0, result.output
