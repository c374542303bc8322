"""Help at every width of a terminal: nothing is cut off, and what is to be typed can be copied."""

import re

import pytest
import typer
from typer.testing import CliRunner

from fsens_cli.app import app
from fsens_cli.commands.help_layout import PANELS
from fsens_cli.commands.help_text import REMARK, page_of

GROUP = typer.main.get_command(app)
COMMANDS = {"": GROUP, **getattr(GROUP, "commands", {})}


def words(text: str) -> str:
    """The text without line breaks and frames."""
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", text).split())


@pytest.mark.parametrize("width", [40, PANELS, 80])
@pytest.mark.parametrize("name", ["", "train", "critical-band", "compare", "export", "runs"])
def test_help_leaves_no_letter_out(name: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    shown = CliRunner().invoke(app, [*name.split(), "--help"]).output
    assert "…" not in shown
    # A path is not broken.
    assert [line for line in shown.splitlines() if len(line) > width and " " in line.strip(" \\")] == []
    said = words(shown)
    for parameter in COMMANDS[name].params:
        assert all(flag in said for flag in parameter.opts if flag.startswith("-")), parameter.name
        if width < PANELS:
            assert words(str(getattr(parameter, "help", "") or "")) in said
    assert "<bool>" not in shown
    page = page_of(name or "fsens")
    for example in () if page is None else page.examples:
        assert words(REMARK.split(example)[0]) in words(shown.replace(" \\\n", "\n").replace(" \\ ", "   "))
