"""A verb is its own files and one entry in the registry: everything after a run works for it."""

import importlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from toy_verb import BRIGHTNESS, CONFIG
from typer.testing import CliRunner, Result

import fsens_cli.app
from fsens_cli.commands.verbs.registry import VERBS
from fsens_cli.config.compose import configs_folder

Type = Callable[..., Result]
NAME = BRIGHTNESS.name


@pytest.fixture
def fsens(somewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Type]:
    """Type commands where the registry has one entry more."""
    monkeypatch.setitem(VERBS, NAME, BRIGHTNESS)
    shutil.copytree(configs_folder(), "configs")
    Path("configs/brightness_check.yaml").write_text(CONFIG)
    monkeypatch.setattr("fsens_cli.config.compose.configs_folder", lambda: Path("configs").resolve())
    app = importlib.reload(fsens_cli.app).app
    yield lambda *arguments: CliRunner().invoke(app, list(arguments))
    monkeypatch.undo()
    importlib.reload(fsens_cli.app)


def said(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_verb_that_no_other_file_knows(fsens: Type) -> None:
    assert "Show how bright images are." in said(fsens("--help"))
    assert "what pixels are multiplied by" in said(fsens(NAME, "--help"))
    typed = [NAME, "data.test_size=30"]
    once = fsens(*typed)
    folder = f"outputs/{NAME}/resnet8-dualband/v001"
    assert said(once).splitlines()[1:] == ["", json.loads(Path(folder, "results.json").read_text())["verdict"], folder]
    assert said(once).startswith("brightness 0.")
    normalised, warned = once.stderr.splitlines()
    assert normalised.startswith("dualband, 3x32x32: normalised by mean 0.5, ")
    assert warned == "warning: all of this is a toy."
    again = fsens("show", "latest", "--plot")
    assert (said(again), again.stderr) == (said(once), f"{warned}\n")
    assert json.loads(said(fsens("show", "latest", "--json")))["warnings"] == ["all of this is a toy."]
    assert folder in said(fsens("runs", NAME))

    swept = fsens(*typed, "-m", "factor=1,0.5,0.25")
    assert said(swept).splitlines()[-1] == f"outputs/sweeps/{NAME}/v001"
    table = pd.read_csv(f"outputs/sweeps/{NAME}/v001/summary.csv")
    assert table["factor"].tolist() == [0.25, 0.5, 1.0]  # by the number that the record names
    assert table["brightness"].is_monotonic_increasing
    assert Path(f"outputs/sweeps/{NAME}/v001/overlay.png").is_file()

    compared = fsens("compare", f"sweep:{NAME}")
    assert "mean brightness (%)" in said(compared)
    assert "again: mean brightness (%)" in compared.stdout
    rows = pd.read_csv("outputs/compare/v001/comparison.csv")
    assert rows["difference"].notna().sum() == 2
    assert "all of this is a toy" in compared.stderr

    pytest.importorskip("jinja2")
    said(fsens("report", f"sweep:{NAME}"))
    page = Path("report.html").read_text()
    for words in ("How bright are the images?", "Brightness, sorted", "Mean brightness 0.", "all of this is a toy."):
        assert words in page
