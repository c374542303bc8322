"""Rivals of the spectral regularizers from end to end: trained, logged, measured again from their folders; refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import Result

from fsens_cli.commands.verbs.train import TRAIN
from fsens_cli.data.catalog import load_images
from fsens_cli.data.dualband import DualbandConfig
from fsens_cli.data.policies import POLICIES

Type = Callable[..., Result]
ErrorOf = Callable[[Result], str]

TINY = (
    "model.kwargs.width=8", "data.train_size=80", "data.test_size=20", "data.size=[16,16]", "batch_size=32",
    "val_fraction=0.2", "probe_size=8", "epochs=1", "measure_images=10", "--quiet",
)  # fmt: skip
TRAININGS = {
    "gradient-norm": ("regularizer=gradient-norm", "model.kwargs.activation=silu"),
    "jafr": ("regularizer=jafr", "regularizer.bias=high"),
    "afa": ("augment.policy=afa",),
    "similarity-gabor-shuffled": (
        "regularizer=similarity",
        "regularizer.towards=gabor",
        "regularizer.control=shuffled",
    ),
    "trades-linf": ("adversary.norm=linf", "adversary.loss=trades", "adversary.steps=1"),
}


@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize("name", TRAININGS)
def test_a_rival_is_trained_logged_and_measured_again_from_its_folder(name: str, fsens: Type) -> None:
    trained = fsens("train", *TINY, *TRAININGS[name])
    assert trained.exit_code == 0, trained.output
    run = Path(trained.stdout.strip())
    results = json.loads((run / "results.json").read_text())
    assert results["training"] == name
    history = pd.read_csv(run / "training.csv")
    assert (history["penalty"][0] != 0) == TRAININGS[name][0].startswith("regularizer")
    if name != "gradient-norm":
        return
    # The folder knows the activation, without which the weights would be another network's.
    again = fsens("measure", "--weights", f"run:{run}", *(t for t in TINY if t.startswith("data.")), "--json")
    assert again.exit_code == 0, again.output
    measured = json.loads(again.stdout)
    assert measured["accuracy"] == results["test_accuracy"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("regularizer=gradient-norm",), "has ReLU alone: give model.kwargs.activation=silu or gelu"),
        (("regularizer=gradient-norm", "--model", "mobilenet_v2"), "has ReLU6 or Hardtanh alone"),
        (("regularizer=gradient-norm", "regularizer.space=normalized"), "whose eps is in pixels: leave it out"),
        (("regularizer=gradient-norm", "regularizer.weight=-1"), "regularizer.weight=-1"),
        (("regularizer=jafr", "regularizer.weight=inf"), "regularizer.weight=inf"),
        (("regularizer=jafr", "regularizer.bias=mid"), "regularizer.bias can be low, high"),
        (("regularizer=similarity", "regularizer.taps=[layer9]"), "has no module 'layer9'. Closest: layer3"),
        (("regularizer=similarity", "regularizer.towards=file"), "needs regularizer.file=RECORDINGS.npz"),
        (("regularizer=similarity", "regularizer.data=cifar11"), "regularizer.data=cifar11 is not known"),
        (
            ("regularizer=similarity", "regularizer.data=folder", "regularizer.root=no"),
            "regularizer.root=no: there is no",
        ),
        (("regularizer=similarity", "regularizer.data=dualband", "regularizer.root=no"), "dualband has no files"),
        (("regularizer=similarity", "regularizer.weight=-1"), "regularizer.weight=-1"),
        (("regularizer=similarity", "regularizer.towards=file", "regularizer.file=no.npz"), "there is no such file"),
        (("regularizer=similarity", "compile=true"), "its layers cannot be read"),
        (("adversary.loss=trades",), "give adversary.norm=linf too"),
        (("adversary.norm=linf", "adversary.beta=-1"), "adversary.beta=-1"),
        (("model.kwargs.activation=swish",), "it can be relu, silu, gelu"),
        (("augment.policy=mixup",), "augment.policy can be none, apr-p, apr-s, apr-sp, augmix, afa, patch-gaussian"),
        (("augment.policy=apr-p", "augment.jsd=1"), "augment.jsd=1.0 belongs to augment.policy=augmix, afa alone"),
        (("augment.policy=augmix", "augment.jsd=-1"), "augment.jsd=-1.0 must not be negative"),
        (("augment.policy=augmix", "adversary.norm=linf"), "give one of the two"),
        (("augment.policy=afa", "compile=true"), "does not go with augment.policy=afa"),
        (
            ("augment.policy=augmix", "augment.overlapping=true", "--data", "fashion-mnist"),
            "has an operation on colours, and Fashion-MNIST has 1 channel",
        ),
        (("optim.step_at=[0]",), "must be epochs from 1 on"),
    ],
)
def test_refused_in_one_line_before_anything_is_written(
    given: tuple[str, ...], said: str, fsens: Type, error_of: ErrorOf
) -> None:
    named = [t for t in TINY if not t.startswith("model.") or "--model" not in given]
    named = [t for t in named if not t.startswith("data.t") or "--data" not in given]
    assert said in error_of(fsens("train", *named, *given))
    assert not list(Path().glob("outputs/train/*/v*"))


def test_every_policy_has_a_row_in_the_page() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "rivals.md").read_text()
    words = next(text for key, text in TRAIN.settings if key.startswith("augment.policy"))
    for name in POLICIES:
        assert f"| `{name}` |" in page, name
        assert name in words, name


def test_recordings_are_taken_and_refused_where_they_hold_test_images(fsens: Type, error_of: ErrorOf) -> None:
    generator = np.random.default_rng(0)
    responses = generator.normal(size=(40, 1, 6)) + 0.2 * generator.normal(size=(40, 4, 6))
    images = generator.integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)
    np.savez("recordings.npz", images=images, responses=responses)
    given = ("regularizer=similarity", "regularizer.towards=file", "regularizer.file=recordings.npz")
    trained = fsens("train", *(t for t in TINY if t != "--quiet"), *given)
    assert trained.exit_code == 0, trained.output
    assert "40 images of recordings.npz; odd and even repeats agree by 0.9" in trained.stderr
    shutil.rmtree("outputs")
    config = DualbandConfig(train_size=80, test_size=20, size=[16, 16])
    test = load_images(config, "test").images_NCHW
    images[:2] = test[:2].permute(0, 2, 3, 1).numpy()
    np.savez("recordings.npz", images=images, responses=responses)
    assert "2 of its images are test images: leave them out" in error_of(fsens("train", *TINY, *given))
