"""A user's script for a type checker: what comes back has its type, and what is wrong is an error.

`mypy --strict` and pyright read it beside the installed wheel; nobody runs it. Each ``type: ignore`` stands where an
error must be, and is one itself where there is none.
"""

from pathlib import Path
from typing import assert_type

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import fsens_cli as fsens
from fsens_cli.objectives.penalty import PenaltyRecord


def results(model: nn.Module, images: Tensor, labels: Tensor) -> None:
    """Verbs and what their results offer."""
    found = fsens.measure(model, DataLoader(TensorDataset(images, labels)), target="margin")
    assert_type(found, fsens.Result[fsens.MeasureResult])
    assert_type(found.raw.accuracy, fsens.Interval)
    assert_type(found["share-low"], fsens.Interval)
    assert_type(found["share-low"].low, float)
    assert_type(found.plots, tuple[str, ...])
    assert_type(found.save("folder"), Path)
    loaded = fsens.load("folder")
    assert_type(loaded, fsens.Loaded)
    assert_type(fsens.compare(found, loaded), fsens.Differences)
    assert_type(fsens.compare(found, loaded)["share-low"], fsens.Interval | None)
    assert_type(fsens.hybrid_probe(model, (images, labels)), fsens.Result[fsens.HybridResult])
    assert_type(fsens.evaluate(model, (images, labels)), fsens.Result[fsens.EvaluateResult])
    fsens.measure("resnet18", (images, labels))  # type: ignore[arg-type]
    fsens.mesure(model, (images, labels))  # type: ignore[attr-defined]


def instruments(model: nn.Module, images: Tensor, labels: Tensor) -> None:
    """Tensors in, tensors out."""
    assert_type(fsens.corrupt(images, "fog", severity=3), Tensor)
    assert_type(fsens.hybrid(images, images.flip(0), 0.25), Tensor)
    assert_type(fsens.band_filter(images, low=4, high=8), Tensor)
    assert_type(fsens.spectrum(images), Tensor)
    assert_type(fsens.sensitivity(model, images, labels), Tensor)
    assert_type(fsens.attack(model, images, labels).accuracy, fsens.Interval)
    assert_type(fsens.minimal_perturbation(model, images, labels), fsens.MinimalResult)
    assert_type(nn.Sequential(fsens.GaussianBlur(1.5), model), nn.Sequential)
    fsens.corrupt(images, 3)  # type: ignore[arg-type]


def penalty(model: nn.Module, images: Tensor, labels: Tensor) -> None:
    """The penalty in a loop."""
    regularizer = fsens.FourierPenalty("lsf", weight=0.5)
    loss, logits = regularizer.with_loss(model, images, labels)
    assert_type(loss, Tensor)
    assert_type(logits, Tensor)
    assert_type(regularizer(model, images, labels), Tensor)
    assert_type(regularizer.last, PenaltyRecord | None)
    if regularizer.last is not None:
        assert_type(regularizer.last.shares, dict[str, float])
    fsens.FourierPenalty(weigth=torch.pi)  # type: ignore[call-arg]
