"""A new data set is one file with its record and one entry of the registry: every command knows it then."""

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from typer.testing import Result

from fsens_cli.cache.places import Meter
from fsens_cli.data import catalog
from fsens_cli.data.images import ImageSet
from fsens_cli.data.official import mirror_variable
from fsens_cli.data.record import DataSet, from_whole_split
from fsens_cli.data.settings import DataSettings, FetchedSettings

Type = Callable[..., Result]
ROOT = Path(__file__).resolve().parents[2]

# --- what the one new file holds ---


@dataclasses.dataclass(kw_only=True)
class StripesConfig(DataSettings):
    """Stripes across or along."""

    name: str = "stripes"
    title: str = "Stripes"
    contrast: float = 0.5


def load_stripes(config: StripesConfig, split: str, meter: Meter) -> ImageSet:
    del meter
    count = 60 if split == "train" else 20
    label_N = torch.arange(count) % 2
    wave = ((torch.arange(12) // 2) % 2).float()
    both = torch.stack([wave[:, None].expand(12, 12), wave[None, :].expand(12, 12)])
    noise = 0.3 * torch.rand(count, 3, 12, 12, generator=torch.Generator().manual_seed(count))
    pixels = (config.contrast * both[label_N][:, None] + noise).clamp(0, 1).mul(255).to(torch.uint8)
    index_N = torch.arange(count)
    names = ("across", "along")
    return ImageSet(
        images_NCHW=pixels, label_N=label_N, index_N=index_N, class_names=names, title=config.title, split=split
    )


STRIPES = DataSet(
    config=StripesConfig,
    load=from_whole_split(load_stripes),
    needs="nothing",
    size=(12, 12),
    num_classes=2,
    mirror_keeps_class=False,
    place=lambda _: Path("/drawn/here"),
)


@pytest.fixture(autouse=True)
def entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one entry."""
    monkeypatch.setitem(catalog.CATALOG, STRIPES.name, STRIPES)


@pytest.mark.usefixtures("no_figures")
def test_every_command_knows_a_new_data_set(measure: Type, fsens: Type) -> None:
    assert re.search(r"stripes\s+nothing\s+/drawn/here", fsens("data").stdout)
    assert "contrast: 0.5" in fsens("measure", "--data", "stripes", "--print-config").stdout
    assert "data can be arrays, cifar10" in (bad := fsens("measure", "--data", "strips").stderr)
    assert "Closest: stripes." in bad
    result = measure("--data", "stripes", "data.contrast=0.4", "data.subset=12", "--quiet")
    assert result.exit_code == 0, result.output
    record = json.loads((Path(result.stdout.strip()) / "run.json").read_text())
    assert (record["data"], record["data_title"], record["image_shape"]) == ("stripes", "Stripes", [3, 12, 12])
    short = ("epochs=1", "batch_size=16", "val_fraction=0.2", "measure_images=10", "--quiet")
    trained = fsens("train", "--model", "net.py:make", "--data", "stripes", *short)
    assert trained.exit_code == 0, trained.output
    flipped = fsens("train", "--model", "net.py:make", "--data", "stripes", "augment.flip=random", *short)
    assert "a mirror image of Stripes belongs to another class" in flipped.stderr


def test_the_documents_name_every_data_set() -> None:
    page = (ROOT / "docs" / "models-and-data.md").read_text()
    for name, record in catalog.CATALOG.items():
        if name == STRIPES.name:
            continue
        assert re.search(rf"^\| `{name}` \|", page, re.MULTILINE), name
        if issubclass(record.config, FetchedSettings):
            assert f"`{mirror_variable(name)}`" in (ROOT / "docs" / "caches.md").read_text()


def test_the_paragraph_on_adding_a_data_set_names_what_is_touched() -> None:
    page = " ".join((ROOT / "docs" / "architecture.md").read_text().split())
    assert (
        "A data set: one file in `data/` with its settings, its loader (which imports torch inside) and its record"
        in page
    )
    assert "and one entry in `data/catalog.py`" in page
