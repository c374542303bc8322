"""Which pictures weights are measured on: the split of their training travels, and what is no test says so."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from typer.testing import Result

Type = Callable[..., Result]
ErrorOf = Callable[[Result], str]
SHORT = ("epochs=1", "batch_size=8", "val_fraction=0.2", "measure_images=10", "--quiet")

pytestmark = pytest.mark.usefixtures("no_figures")


@pytest.fixture
def trained(somewhere: Path, fsens: Type) -> str:
    """A run trained on four fifths of ./pictures."""
    for c, name in enumerate("ab"):
        (somewhere / "pictures" / name).mkdir(parents=True)
        for i in range(20):
            pixels = np.random.default_rng(100 * c + i).integers(0, 256, (12, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(somewhere / "pictures" / name / f"{i}.png")
    folder = ("--data", "folder", "data.root=pictures", "data.test_fraction=0.2")
    result = fsens("train", "--model", "net.py:make", *folder, *SHORT)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def test_the_split_of_a_training_holds_for_its_weights(trained: str, measure: Type) -> None:
    result = measure("--weights", f"run:{trained}", "--data", "folder", "data.root=pictures")
    assert result.exit_code == 0, result.output
    assert "32 of 40 pictures were trained on by these weights and are left out" in result.stderr
    assert "warning: 8 of 8 images" not in result.stderr
    assert "pictures test, 8 images" in " ".join(result.stdout.split())
    (run,) = Path("outputs/measure").glob("*/v001")
    record = json.loads((run / "run.json").read_text())
    assert record["data_split"] == "test"
    assert record["data_warnings"] == []
    assert "transparency is laid over white" in record["data_rules"]


def test_measuring_what_was_trained_on_says_so(trained: str, measure: Type) -> None:
    other_split = ("data.test_fraction=0.5", "data.seed=3")
    for weights in (f"run:{trained}", f"{trained}/checkpoints/best.safetensors"):
        result = measure("--weights", weights, "--data", "folder", "data.root=pictures", *other_split)
        assert result.exit_code == 0, result.output
        said = " ".join(result.stderr.split())
        assert "of 20 images were trained on by standard training: these are no test images." in said


def test_other_weights_know_no_split(trained: str, measure: Type) -> None:
    del trained
    result = measure("--data", "folder", "data.root=pictures", "--model", "net.py:make")
    assert "pictures, all images, 40 images" in " ".join(result.stdout.split())


def test_a_training_that_goes_on_remembers_both(trained: str, fsens: Type, measure: Type) -> None:
    more = ("--data", "folder", "data.root=pictures", "data.test_fraction=0.2", "data.seed=2")
    result = fsens("train", "--model", "net.py:make", "--weights", f"run:{trained}", *more, *SHORT)
    assert result.exit_code == 0, result.output
    assert "were trained on by standard training: these are no test images" in " ".join(result.stderr.split())
    second = result.stdout.strip()
    left = measure("--weights", f"run:{second}", "--data", "folder", "data.root=pictures")
    seen = int(left.stderr.split(" of 40 pictures were trained on")[0].split()[-1])
    assert seen == 37


def test_damaged_fingerprints_are_named(trained: str, measure: Type) -> None:
    (Path(trained) / "training_images.npz").write_bytes(b"PK no")
    result = measure("--weights", f"run:{trained}", "--data", "folder", "data.root=pictures")
    assert result.exit_code == 2
    assert "training_images.npz is damaged: remove it" in " ".join(result.stderr.split())


def test_a_checkpoint_of_1000_classes_on_ten_wordnet_folders(somewhere: Path, measure: Type, error_of: ErrorOf) -> None:
    for i, name in enumerate(("n01440764", "n02102040", "n02979186")):
        (somewhere / "wordnet" / name).mkdir(parents=True)
        Image.new("RGB", (12, 12), 40 * i).save(somewhere / "wordnet" / name / "x.png")
    layers = {"conv": nn.Conv2d(3, 4, 3), "fc": nn.Linear(4, 1000)}
    torch.save({f"{n}.{k}": v for n, layer in layers.items() for k, v in layer.state_dict().items()}, "thousand.pt")
    folder = ("--data", "folder", "data.root=wordnet")
    error = error_of(measure("--weights", "thousand.pt", *folder))
    assert "(1000,) instead of (3,)" in error
    assert "data.classes=imagenet numbers them as its 1,000 classes" in " ".join(error.split())
    result = measure("--weights", "thousand.pt", *folder, "data.classes=imagenet")
    assert result.exit_code == 0, result.output
