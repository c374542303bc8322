"""What cannot be used is told in one sentence: of the wrong type, shape, range or name."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import fsens_cli as fsens
from fsens_cli.errors import ConfigError, DataError, FsensError, ModelError, OutputError

X = torch.randint(256, (12, 3, 16, 16), generator=torch.Generator().manual_seed(0)).float() / 255
Y = torch.arange(12) % 4
XY = (X, Y)
MODEL = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, 4)).eval()
PENALTY = fsens.FourierPenalty("lsf")
HOT = nn.functional.one_hot(Y)


class Planes(nn.Module):
    """No classifier: an image for an image."""

    def forward(self, x: Tensor) -> Tensor:
        return x


@cache
def result() -> object:
    return fsens.measure(MODEL, XY)


WRONG: list[tuple[Callable[[], object], str]] = [
    # settings of the command line
    (lambda: fsens.measure(MODEL, XY, num_images=5), "all images of data are taken: give fewer"),
    (lambda: fsens.evaluate(MODEL, XY, device="cpu"), "model.to(device)"),
    (lambda: fsens.measure(MODEL, XY, convention="published"), "convention"),
    # the model
    (lambda: fsens.measure("resnet50", XY), "model must be a torch.nn.Module"),
    (lambda: fsens.measure(XY, MODEL), "model must be a torch.nn.Module from images to logits, got tuple"),
    (lambda: fsens.measure(MODEL, XY, mean=[0.5]), "both mean= and std="),
    (lambda: fsens.measure(MODEL, XY, mean=[0.5, 0.5], std=[0.5, 0.5]), "2 entries and the images 3 channels"),
    (lambda: fsens.measure(MODEL, XY, mean="imagenet", std="imagenet"), "mean must be a list of numbers"),
    # the data
    (lambda: fsens.measure(MODEL, X), "images without labels"),
    (lambda: fsens.measure(MODEL, X, Y), "Images and labels go together"),
    (lambda: fsens.measure(MODEL, 7), "data must be a DataLoader"),
    (lambda: fsens.measure(MODEL, "cifar10"), "data must be a DataLoader"),
    (lambda: fsens.measure(MODEL, {"x": X}), "an ImageSet; got dict"),
    (lambda: fsens.measure(MODEL, (X, None)), "(X, Y) must be images (N, C, H, W) and their labels (N,); got (Tensor,"),
    (lambda: fsens.measure(MODEL, (Y, X)), "(X, Y) must be images"),
    (lambda: fsens.measure(MODEL, (X, Y, Y)), "(X, Y) must be images"),
    (lambda: fsens.measure(MODEL, (X[0], Y[0])), "One image and its label: give X[None]"),
    (lambda: fsens.measure(MODEL, [1, 2, 3]), "each batch must be"),
    (lambda: fsens.measure(MODEL, (3 * X - 1, Y)), "give them unnormalised"),
    (lambda: fsens.measure(MODEL, (255 * X, Y)), "divide by 255"),
    (lambda: fsens.measure(MODEL, (X * torch.nan, Y)), "some value is not a number"),
    (lambda: fsens.measure(MODEL, (X, HOT)), "argmax"),
    (lambda: fsens.measure(MODEL, (X, ["cat"] * 12)), "labels must be numbers"),
    (lambda: fsens.evaluate(MODEL, []), "there are no images"),
    (lambda: fsens.measure(MODEL, (X[:, :, :0], Y)), "images of 3x0x16 hold no pixel"),
    (lambda: fsens.layers(MODEL, (X[:, :, :0], Y)), "3 x 0 x 16 (channels x height x width), which hold no pixel"),
    (lambda: fsens.measure(MODEL, XY, index_N=[1, 2]), "index_N names 2 images"),
    # settings
    (lambda: fsens.measure(MODEL, XY, {"target": "loss"}), "Single settings are keywords"),
    (lambda: fsens.measure(MODEL, XY, tarjet="margin"), "unknown setting 'tarjet'. Closest: target"),
    (lambda: fsens.measure(MODEL, XY, target="margn"), "target=margn"),
    (lambda: fsens.measure(MODEL, XY, batch_size="many"), "must be a whole number, got 'many'"),
    (lambda: fsens.measure(MODEL, XY, bands=["low"]), "bands must be a list of whole numbers, got 'low'"),
    (lambda: fsens.measure(MODEL, XY, basis=3), "basis must be a word"),
    (lambda: fsens.measure(MODEL, XY, on_progress=3), "on_progress must be a function"),
    (lambda: fsens.evaluate(MODEL, XY, suite="everything"), "suite=everything is not known"),
    (lambda: fsens.evaluate(MODEL, XY, suite={"atacks": []}), "unknown setting 'suite.atacks'"),
    (lambda: fsens.evaluate(MODEL, XY, suite=None), "suite must be a dictionary of settings or a SuiteConfig"),
    (lambda: fsens.evaluate(MODEL, XY, attack="pgd"), "attack must be a dictionary of settings"),
    (lambda: fsens.evaluate(MODEL, XY, recorder=3), "recorder must have load"),
    (lambda: fsens.hybrid_probe(MODEL, XY, grid=[0, "a"]), "grid must be a list of numbers, got 'a'"),
    (lambda: fsens.blur_defense(MODEL, XY, sigmas=1.5), "sigmas must be a list of numbers, got 1.5"),
    (lambda: fsens.MeasureConfig(batch_size="3"), "batch_size must be a whole number, got '3'"),
    (lambda: fsens.SuiteConfig(attacks="pgd"), "suite.attacks must be a list of words"),
    # results
    (lambda: fsens.load("nowhere"), "nowhere"),
    (lambda: fsens.load(3), "give a folder as text or a path; got int"),
    (lambda: fsens.compare(result(), "other"), "compare takes two results"),
    (lambda: result().save(None), "give a folder as text or a path"),
    (lambda: result().plot(ax=3), "ax must be matplotlib axes, got int"),
    # the instruments
    (lambda: fsens.corrupt(X[0], "fog"), "One image: give X[None]"),
    (lambda: fsens.corrupt("cat.png", "fog"), "images must be numbers, a tensor or an array; got str"),
    (lambda: fsens.corrupt(X, "fogg"), "Closest: fog"),
    (lambda: fsens.corrupt(X, 3), "corruption must be a word, got 3"),
    (lambda: fsens.corrupt(X, "fog", 6), "severity=6: give a whole number from 1 to 5"),
    (lambda: fsens.corrupt(X, "fog", 2.5), "severity must be a whole number, got 2.5"),
    (lambda: fsens.corrupt(X, "fog", seed=None), "seed must be a whole number, got None"),
    (lambda: fsens.corrupt(X, "fog", index=[1]), "index must hold a whole number for each of 12 images"),
    (lambda: fsens.corrupt(255 * X, "fog"), "divide by 255"),
    (lambda: fsens.hybrid(X, X[:3]), "low and high must be of one shape"),
    (lambda: fsens.hybrid(X, Y), "high must be (N, C, H, W)"),
    (lambda: fsens.hybrid(X, X, 2.0), "mixing=2 must lie between 0 and 1.414"),
    (lambda: fsens.hybrid(X, X, mask="round"), "mask=round is not known"),
    (lambda: fsens.hybrid(X, X, order=0), "order=0"),
    (lambda: fsens.band_filter(X, 5, 3), "the band from 5 to 3 cycles/image is empty"),
    (lambda: fsens.band_filter(X, low="5"), "low must be a number, got '5'"),
    (lambda: fsens.GaussianBlur(-1), "sigma must be a positive number of pixels, got -1"),
    (lambda: fsens.GaussianBlur("1.5"), "sigma must be a positive number of pixels, got '1.5'"),
    (lambda: fsens.spectrum(X[0]), "a gradient must be floating point (N, C, H, W)"),
    (lambda: fsens.spectrum(X / 0), "the gradient of image 0 is not finite"),
    (lambda: fsens.spectrum(X, channels="max"), "channels=max is not known"),
    (lambda: fsens.sensitivity(MODEL.forward, X, Y), "model must be a torch.nn.Module"),
    (lambda: fsens.sensitivity(MODEL, X, Y + 9), "labels must lie in 0..3 for this model, got 12"),
    (lambda: fsens.sensitivity(MODEL, X, Y, target="loss2"), "target=loss2 is not known"),
    (lambda: fsens.sensitivity(Planes(), X, Y), "the model must return logits of shape (12, classes)"),
    (lambda: fsens.attack(MODEL, X, Y, "pdg"), "attack=pdg is not known"),
    (lambda: fsens.attack(MODEL, X, Y, norm="l1"), "attack.norm=l1 is not known"),
    (lambda: fsens.attack(MODEL, X, Y, eps=8), "8/255 is 0.0314"),
    (lambda: fsens.attack(MODEL, X, Y, eps="8/255"), "attack.eps must be a number, got '8/255'"),
    (lambda: fsens.attack(MODEL, X, Y, "pgd", target=Y), "the target of image 0 is its own label"),
    (lambda: fsens.attack(MODEL, X, Y, seed="0"), "seed must be a whole number, got '0'"),
    (lambda: fsens.attack(Planes(), X, Y), "must give (N, L) logits"),
    (lambda: fsens.minimal_perturbation(MODEL, X, Y, "pgd"), "attack=pgd is not known; attack can be deepfool"),
    (lambda: fsens.minimal_perturbation(MODEL, X, HOT), "labels.argmax(1)"),
    # the penalty
    (lambda: fsens.FourierPenalty("lfs"), "regularizer=lfs is not known"),
    (lambda: fsens.FourierPenalty("lsf", weight="strong"), "regularizer.weight must be a number, got 'strong'"),
    (lambda: fsens.FourierPenalty("lsf", every=1.5), "regularizer.every must be a whole number, got 1.5"),
    (lambda: fsens.FourierPenalty("target"), "needs target=, a share for every radius"),
    (lambda: fsens.FourierPenalty("target", target="flat"), "target must be a list of numbers, got 'flat'"),
    (lambda: fsens.FourierPenalty("target", target=[1, 2])(MODEL, X, Y), "has 2 radii and 16x16 images have 11"),
    (lambda: fsens.FourierPenalty("lsf", std="x"), "std must be a list of numbers, got 'x'"),
    (lambda: fsens.FourierPenalty("lsf", std=[1, 1])(MODEL, X, Y), "std has 2 numbers and the images 3 channels"),
    (lambda: PENALTY(MODEL.forward, X, Y), "model must be a torch.nn.Module"),
    (lambda: PENALTY(MODEL, X.numpy(), Y), "images and labels must be tensors, got ndarray and Tensor"),
    (lambda: PENALTY(MODEL, X, Y + 9), "labels must lie in 0..3 for this model, got 12"),
    (lambda: PENALTY(MODEL, X, HOT), "labels must be class numbers"),
    (lambda: PENALTY(Planes(), X, Y), "the model must return logits of shape (12, classes)"),
    (lambda: PENALTY.with_loss(MODEL, X, Y, loss="ce"), "loss must be a function of logits and labels, got str"),
]


@pytest.mark.parametrize(("call", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_cannot_be_used_is_told_in_one_sentence(call: Callable[[], object], said: str) -> None:
    with pytest.raises(FsensError) as caught:
        call()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ConfigError | DataError | ModelError | OutputError)


def test_settings_take_what_serves_as_their_type() -> None:
    given = fsens.measure(MODEL, XY, batch_size=np.int64(5), bands=(2, 4), basis="dct").raw.config
    assert (given.batch_size, given.bands, given.basis) == (5, [2, 4], "dct")
    assert fsens.HybridConfig(grid=(0, 1)).frequencies() == [0, 1]
    probe = fsens.hybrid_probe(MODEL, XY, grid=np.array([0.0, 1.0]), pairings=1).raw.config
    assert probe.grid == [0.0, 1.0]


def test_a_missing_number_is_named_with_those_that_there_are() -> None:
    with pytest.raises(KeyError, match="'acuracy'; there are accuracy"):
        result()["acuracy"]
