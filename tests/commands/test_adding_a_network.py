"""A network is one file with the module and one entry of the catalogue; everything else asks the record."""

from collections.abc import Callable
from pathlib import Path

import pytest
from torch import nn
from typer.testing import Result

from fsens_cli.models.catalog import PACKAGED, ImageShape, Record

ROOT = Path(__file__).parents[2]


def build(*, num_classes: int, shape: ImageShape, width: int = 4) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(shape.channels, width, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, num_classes)
    )


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKAGED, "toynet", Record(build=build, about="a network for a test"))


@pytest.mark.usefixtures("entry", "no_figures")
def test_one_entry_is_all(fsens: Callable[..., Result]) -> None:
    arguments = ["--weights", "random", "data.test_size=12"]
    done = fsens("measure", "--model", "toynet", *arguments, "model.kwargs.width=6")
    assert done.exit_code == 0, done.output
    assert "toynet" in done.stdout
    swept = fsens("measure", "-m", "model=glob(toy*)", "seed=0,1", *arguments)
    assert swept.exit_code == 0, swept.output
    assert len(list(Path("outputs").rglob("results.json"))) >= 3
    assert "a network for a test" in fsens("models", "toynet").stdout
    assert "unknown model 'toynt'. Closest: toynet" in fsens("measure", "--model", "toynt").stderr


def test_the_documentation_names_each_network_and_the_files_that_one_takes() -> None:
    page = (ROOT / "docs" / "models-and-data.md").read_text()
    assert [name for name in PACKAGED if f"`{name}`" not in page] == []
    adding = (ROOT / "docs" / "architecture.md").read_text().partition("## Adding things")[2]
    assert "one entry of `PACKAGED` in\n`models/catalog.py`" in adding
    # Only what other files compose has one of its own: the verbs' default, and the network of the recipes.
    assert {path.name for path in (ROOT / "configs" / "model").iterdir()} == {"resnet8.yaml", "resnet18.yaml"}
