"""A new regularizer is one file with its record and one entry of the registry: training and the component know it."""

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from typer.testing import Result

import fsens_cli
from fsens_cli.commands.verbs.train import TRAIN
from fsens_cli.fourier.bins import RadialBins
from fsens_cli.objectives import penalty
from fsens_cli.objectives.batch_shares import BatchShares
from fsens_cli.objectives.regularizer import Regularizer, RegularizerSettings
from fsens_cli.objectives.regularizers import REGULARIZERS

Type = Callable[..., Result]
ROOT = Path(__file__).resolve().parents[2]

# --- what the one new file holds ---


def mean_radius(shares: BatchShares, radius_K: Tensor, settings: RegularizerSettings) -> Tensor:
    del settings
    return (shares.mean_K() * radius_K).sum()


def radii(settings: RegularizerSettings, bins: RadialBins) -> Tensor:
    del settings
    return bins.cycles_per_image_K.double()


CENTROID = Regularizer(
    name="centroid", keeps="low frequencies: R is the mean radius", counted=radii, penalty=mean_radius
)


@pytest.fixture(autouse=True)
def entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one entry."""
    monkeypatch.setitem(REGULARIZERS, CENTROID.name, CENTROID)


@pytest.mark.usefixtures("no_figures")
def test_training_and_the_component_know_a_new_regularizer(fsens: Type) -> None:
    assert "Closest: centroid." in (bad := fsens("train", "regularizer=centriod").stderr)
    assert "regularizer can be asf, centroid, gradient-norm, hsf" in bad
    short = ("epochs=1", "batch_size=64", "data.subset=128", "val_fraction=0.2", "measure_images=10", "--quiet")
    trained = fsens("train", "regularizer=centroid", "regularizer.weight=0.1", *short)
    assert trained.exit_code == 0, trained.output
    (row,) = csv.DictReader((Path(trained.stdout.strip()) / "training.csv").read_text().splitlines())
    # Images of 32 pixels: the mean radius lies between 1 and the corner.
    assert 1 < float(row["penalty"]) < 23
    component = fsens_cli.FourierPenalty("centroid")
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(392, 3))
    value = component(model, torch.rand(4, 1, 16, 16), torch.arange(4) % 3)
    assert 1 < float(value.detach()) / component.config.weight < 12


def test_every_list_of_regularizers_names_all() -> None:
    page = (ROOT / "docs" / "train.md").read_text()
    words = next(text for key, text in TRAIN.settings if key.startswith("regularizer=none"))
    component = penalty.FourierPenalty.__doc__
    assert component is not None
    for name in REGULARIZERS:
        if name == CENTROID.name:
            continue
        assert re.search(rf"^\| `{name}` \|", page, re.MULTILINE), name
        assert re.search(rf"\b{name}\b", words), name
        if isinstance(REGULARIZERS[name], Regularizer):  # others are components of their own
            assert f"``{name}``" in component, name


def test_the_paragraph_on_adding_a_regularizer_names_what_is_touched() -> None:
    page = " ".join((ROOT / "docs" / "architecture.md").read_text().split())
    assert "its function in a file of `objectives/`" in page
    assert "and its record as one entry in `objectives/regularizers.py`; a row in `docs/train.md`" in page
    assert "a word in the help (`commands/verbs/train.py`" in page
    assert "the docstring of `FourierPenalty` (`objectives/penalty.py`)" in page
