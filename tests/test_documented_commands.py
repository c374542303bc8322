"""Every `fsens` command that the README and the guides show is one that this version takes."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fsens_cli.app import app
from fsens_cli.commands.verbs.registry import VERBS
from fsens_cli.config.compose import Request
from fsens_cli.config.jobs import MeasureJob
from fsens_cli.config.launch import compose_sweep
from fsens_cli.config.launchers import choice

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# This page shows files that its commands name.
EXTENDING = (ROOT / "docs" / "extending.md").read_text()
# Words that stand for something of the reader's own.
PLACEHOLDERS = re.compile(r"\b(RUN|ROOT|PATH|VERB|A|B)\b|\.\.\.|\|")


def documented() -> list[str]:
    commands = []
    for page in PAGES:
        fenced = False
        for line in page.read_text().replace("\\\n", " ").splitlines():
            fenced ^= line.startswith("```")
            if not fenced and not line.startswith((" ", "`")):
                continue  # a sentence may begin with the program's name
            # A sentence may begin with a command: it ends with its own quotes.
            whole = line if fenced or not line.startswith("`") else line.split("`")[1]
            command = whole.strip().strip("`").removeprefix("$ ").split("      #")[0].strip()
            # Completion is written into the reader's own shell settings.
            if (
                command.startswith("fsens ")
                and not PLACEHOLDERS.search(command)
                and "--install-completion" not in command
            ):
                commands.append(command)
    return sorted(set(commands))


def split_launcher(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What a command does, and what it says about where jobs run, as overrides."""
    rest, said = [], []
    words = iter(arguments)
    for word in words:
        if word == "--launcher":
            said.append(f"hydra/launcher={next(words)}")
        else:
            (said if word.startswith(("hydra/launcher=", "hydra.launcher.")) else rest).append(word)
    return rest, said


def test_there_are_commands() -> None:
    assert len(documented()) >= 8


@pytest.mark.parametrize("command", documented())
def test_command_is_taken(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text("def make():\n    raise NotImplementedError\n")
    for file, text in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", EXTENDING, flags=re.DOTALL):
        (tmp_path / file).write_text(text)
    verb, *arguments = shlex.split(command)[1:]
    if verb in VERBS:
        # A sweep's first job is composed; nothing runs.
        several = "-m" in arguments
        arguments, _ = split_launcher(arguments)
        chosen = [re.sub(r",[^\[\]]*$", "", a) if several else a for a in arguments if a != "-m"]
        arguments = [*chosen, "--print-config"]
    else:
        arguments = ["--help"]
    result = CliRunner().invoke(app, [verb, *arguments])
    assert result.exit_code == 0, result.output


WITH_LAUNCHER = [command for command in documented() if "launcher" in command and "--resume" not in command]


@pytest.mark.parametrize("command", WITH_LAUNCHER)
def test_launcher_takes_its_settings(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice.shutil, "which", lambda name: "/usr/bin/sbatch")
    _, said = split_launcher(shlex.split(command))
    plugin, extra = choice.NEEDS[said[0].partition("=")[2]]
    if not choice.is_installed(plugin):
        pytest.skip(f"needs fsens[{extra}]")
    assert compose_sweep(Request(verb="measure", job=MeasureJob, overrides=tuple(said), multirun=True))
