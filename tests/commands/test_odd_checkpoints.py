"""The same weights wrapped in many ways load at the same accuracy, or are refused in one line."""

import argparse
import collections
import datetime
import json
import pathlib
import struct
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save, save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from typer.testing import Result

from fsens_cli.data.catalog import load_images
from fsens_cli.data.dualband import DualbandConfig
from fsens_cli.data.wanted import Wanted
from fsens_cli.experiments.measure import measure
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.checkpoint import load_into, read_state_dict
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.construct import build_network
from fsens_cli.models.settings import ModelConfig
from fsens_cli.models.weights import PACKAGED_FOLDER

Fsens = Callable[..., Result]

FILE = PACKAGED_FOLDER / "dualband-resnet8-standard.safetensors"
PLAIN = read_state_dict(FILE)
MEAN, STD = [0.5, 0.5, 0.5], [0.147, 0.1469, 0.1469]
STATED = ["model.mean=[.5,.5,.5]", "model.std=[.147,.1469,.1469]"]
SMALL = ["num_images=24", "data.test_size=40", "plot.formats=[png]"]


def network() -> nn.Module:
    built = build_network(ModelConfig(name="resnet8"), num_classes=10, shape=ImageShape(3, 32, 32), seed=0)
    load_into(built, PLAIN, FILE)
    return built


def under(prefix: str, tensors: dict[str, Tensor] = PLAIN) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in tensors.items()}


def spoilt() -> dict[str, Tensor]:
    """Weights of the same shapes that answer at random."""
    return {name: value if "num_batches" in name else torch.zeros_like(value) for name, value in PLAIN.items()}


def averaged() -> dict[str, Tensor]:
    return AveragedModel(network()).state_dict()


def normalised(mean: str, std: str, prefix: str) -> dict[str, Tensor]:
    return {mean: torch.tensor(MEAN).reshape(1, 3, 1, 1), std: torch.tensor(STD).reshape(1, 3, 1, 1), **under(prefix)}


def counted() -> dict[str, Any]:
    return {**PLAIN, "total_ops": torch.zeros(1), "layer1.0.conv1.total_params": torch.zeros(1)}


def itself() -> dict[str, Any]:
    content: dict[str, Any] = {"state_dict": PLAIN}
    content["again"] = content
    return content


# A name; the content of the file, its name; what is said on standard error.
LOADED: list[tuple[str, Callable[[], Any], str]] = [
    ("plain", lambda: PLAIN, ""),
    ("lightning", lambda: {"state_dict": under("model."), "epoch": 3}, "prefix 'model.' taken off"),
    ("lightning net", lambda: {"state_dict": under("net.")}, "prefix 'net.' taken off"),
    (
        "lightning backbone and a criterion",
        lambda: {"state_dict": {**under("backbone."), "criterion.weight": torch.ones(10)}},
        "prefix 'backbone.' taken off; left out criterion.weight",
    ),
    ("compiled inside", lambda: {"state_dict": under("model._orig_mod.")}, "prefix 'model.' taken off"),
    ("torchvision", lambda: {"model": PLAIN, "args": argparse.Namespace(lr=0.1, model="resnet8")}, "'model' was taken"),
    (
        "beside plain data",
        lambda: {
            "state_dict": PLAIN,
            "when": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
            "took": datetime.timedelta(hours=1),
            "where": pathlib.Path("runs"),
            "windows": pathlib.PureWindowsPath("C:/runs"),
            "curve": np.linspace(0, 1, 5),
            "names": np.array(["a", "b"]),
            "best": np.float64(0.9),
            "by_class": collections.defaultdict(list, {"a": [1]}),
            "settings": types.SimpleNamespace(lr=0.1),
        },
        "'state_dict' was taken",
    ),
    (
        "timm's averaged weights",
        lambda: {"state_dict": spoilt(), "state_dict_ema": PLAIN, "arch": "resnet8"},
        "averaged weights: 'state_dict_ema' was taken, not 'state_dict' (model.checkpoint_key=state_dict takes these)",
    ),
    (
        "torchvision's averaged weights",
        lambda: {"model": spoilt(), "model_ema": averaged()},
        "averaged weights: 'model_ema' was taken, not 'model'",
    ),
    ("AveragedModel", averaged, "prefix 'module.' taken off"),
    *((f"only {key}", lambda key=key: {key: PLAIN, "epoch": 1}, f"'{key}' was taken") for key in
      ("ema", "weights", "params", "best_model", "model_state")),
    ("thop", counted, ""),
    ("itself", itself, ""),
]  # fmt: skip


@pytest.fixture(autouse=True)
def quick(no_figures: None) -> None:
    """Nobody looks at the figures."""


def answer(result: Result) -> tuple[float, float]:
    """Return the accuracy and the centroid, which feels mean and std, after checking that little was printed."""
    assert result.exit_code == 0, result.output
    assert "Traceback" not in result.output
    assert len(result.output.rstrip().splitlines()) <= 12, result.output
    run = Path(result.stdout.rstrip().splitlines()[-1])
    results = json.loads((run / "results.json").read_text())
    return results["accuracy"]["value"], results["centroid_cycles_per_image"]["value"]


def told(result: Result) -> str:
    """Return the one line of a refusal."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert len(result.stderr.rstrip().splitlines()) == 1, result.stderr
    assert len(result.stderr) < 800
    return result.stderr


@pytest.fixture(scope="module")
def right() -> Any:
    """Accuracy and centroid of the packaged weights, from the network and nothing else."""
    classifier = Classifier(network(), name="resnet8", num_classes=10, mean=MEAN, std=STD)
    images = load_images(DualbandConfig(test_size=40), "test", Wanted(num_images=24, seed=0))
    result = measure(classifier, images.batches(24, torch.device("cpu")))
    assert result.accuracy.value > 0.8
    return pytest.approx((result.accuracy.value, result.centroid.value), rel=1e-5)


@pytest.mark.parametrize(("make", "remark"), [row[1:] for row in LOADED], ids=[row[0] for row in LOADED])
def test_the_same_weights_at_the_same_accuracy(make: Callable[[], Any], remark: str, fsens: Fsens, right: Any) -> None:
    torch.save(make(), "w.pt")
    result = fsens("measure", "--model", "resnet8", "--weights", "w.pt", *STATED, *SMALL)
    assert answer(result) == right
    assert remark in result.stderr


@pytest.mark.parametrize(
    ("mean", "std", "prefix"),
    [("normalize.mean", "normalize.std", "model."), ("0.mean", "0.std", "1."), ("mean", "std", "model."),
     ("mu", "sigma", "net."), ("normalize.mean", "normalize.std", "")],
)  # fmt: skip
def test_a_layer_in_front_brings_mean_and_std(mean: str, std: str, prefix: str, fsens: Fsens, right: Any) -> None:
    torch.save({"state_dict": normalised(mean, std, prefix)}, "w.pt")
    result = fsens("measure", "--model", "resnet8", "--weights", "w.pt", *SMALL)
    assert answer(result) == right
    assert "mean and std of the layer in front taken from the file" in result.stderr
    (record,) = Path("outputs").rglob("run.json")
    assert json.loads(record.read_text())["normalization"]["std"] == pytest.approx(STD)


def test_the_user_chooses(fsens: Fsens, right: Any) -> None:
    torch.save({"state_dict": spoilt(), "state_dict_ema": PLAIN}, "w.pt")
    arguments = ["--model", "resnet8", "--weights", "w.pt", *STATED, *SMALL]
    assert answer(fsens("measure", *arguments, "model.checkpoint_key=state_dict_ema")) == right
    raw = fsens("measure", *arguments, "model.checkpoint_key=state_dict")
    assert (raw.exit_code, raw.stdout) == (2, "")
    assert "w.pt: 'state_dict' was taken\nerror: the gradient is zero" in raw.stderr
    line = told(fsens("measure", *arguments, "model.checkpoint_key=ema"))
    assert "has no such place. Tensors stand under state_dict, state_dict_ema." in line


@pytest.mark.parametrize("verb", ["measure", "hybrid-probe", "critical-band", "layers"])
def test_every_probe_says_what_was_taken(verb: str, fsens: Fsens) -> None:
    torch.save({"state_dict": PLAIN, "epoch": 1}, "w.pt")
    result = fsens(verb, "--model", "resnet8", "--weights", "w.pt", *STATED, *SMALL)
    assert result.exit_code == 0, result.output
    assert "w.pt: 'state_dict' was taken\n" in result.stderr


def test_other_endings(fsens: Fsens, right: Any) -> None:
    save_file(PLAIN, "w.ckpt")
    torch.save(PLAIN, "w.safetensors")
    for name in ("w.ckpt", "w.safetensors"):
        result = fsens("measure", "--model", "resnet8", "--weights", name, *STATED, *SMALL)
        assert answer(result) == right


class Pipeline:
    """Stands for an object of a library that is not plain data."""


def pipeline() -> Any:
    Pipeline.__module__ = "sklearn.pipeline"
    return {"state_dict": PLAIN, "extra": {"preprocess": Pipeline()}}


def scripted() -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(nn.Linear(2, 2)).save("s.pt")  # type: ignore[no-untyped-call]
    return Path("s.pt").read_bytes()


def saved(content: Any) -> bytes:
    torch.save(content, "c.pt")
    return Path("c.pt").read_bytes()


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def changed(name: str, value: Tensor) -> dict[str, Tensor]:
    return {**PLAIN, name: value}


def with_header(text: str) -> bytes:
    return save({"a": torch.ones(1)}, metadata={"fsens": text})


def lying() -> bytes:
    """A header that says the tensor is larger than the file."""
    header = json.dumps({"a": {"dtype": "F32", "shape": [10**9], "data_offsets": [0, 4 * 10**9]}}).encode()
    return struct.pack("<Q", len(header)) + header + b"\0" * 16


BIAS = PLAIN["fc.bias"]
REFUSED: list[tuple[str, Callable[[], bytes], str]] = [
    ("object", lambda: saved(pipeline()), "holds a sklearn.pipeline.Pipeline under 'extra.preprocess'"),
    ("whole network", lambda: saved(nn.Linear(2, 2)), "holds a torch.nn.modules.linear.Linear, and loading"),
    ("two networks", lambda: saved({"model": PLAIN, "best": spoilt()}), "choose with model.checkpoint_key=best"),
    ("two prefixes", lambda: saved({**under("a."), **under("b.", spoilt())}), "2 times, under 'a', 'b'"),
    ("no weights", lambda: saved({"epoch": 3, "lr": 0.1}), "holds no state dict"),
    ("TorchScript", scripted, "is a TorchScript archive, a program and not weights alone"),
    ("empty", lambda: b"", "it is empty, 0 bytes"),
    ("LFS", lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer stands in"),
    ("page", lambda: b"<!doctype html><p>404", "neither a zip nor a pickle"),
    ("truncated", lambda: cut(saved(PLAIN)), "its end is missing: copy or download it again"),
    ("truncated safetensors", lambda: cut(save(PLAIN)), "its end is missing"),
    ("lying header", lying, "its end is missing"),
    ("one byte", lambda: b"\x80", "is not a readable torch checkpoint"),
    ("two bytes", lambda: b"\x80\x02", "is not a readable torch checkpoint"),
    ("a zip", lambda: b"PK\x05\x06" + b"\0" * 18, "a zip, and no checkpoint of torch"),
    ("NaN", lambda: saved(changed("fc.bias", BIAS * float("nan"))), "holds 10 of 10 numbers that are not finite"),
    ("infinite", lambda: saved(changed("fc.bias", BIAS + float("inf"))), "the training broke down"),
    ("sparse", lambda: saved(changed("fc.bias", BIAS.to_sparse())), "holds a sparse tensor as fc.bias"),
    ("meta", lambda: saved(changed("fc.bias", BIAS.to("meta"))), "holds a meta (empty) tensor as fc.bias"),
    ("complex", lambda: saved(changed("fc.bias", BIAS.to(torch.complex64))), "holds a complex tensor as fc.bias"),
    *((f"model={text}", lambda text=text: with_header(f'{{"model": {text}}}'), "describes itself wrongly") for text in
      ("null", "[]", "3", '{"kwargs": 1}')),
    ("pretrained", lambda: with_header('{"model": {"kwargs": {"pretrained": true}}}'), "sets model.kwargs.pretrained"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused_in_one_line(
    make: Callable[[], bytes], message: str, fsens: Fsens, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = types.ModuleType("sklearn")
    library.pipeline = types.ModuleType("sklearn.pipeline")  # type: ignore[attr-defined]
    library.pipeline.Pipeline = Pipeline
    monkeypatch.setitem(sys.modules, "sklearn", library)
    monkeypatch.setitem(sys.modules, "sklearn.pipeline", library.pipeline)
    content = make()
    Path("w.pt").write_bytes(content)
    line = told(fsens("measure", "--model", "resnet8", "--weights", "w.pt", *STATED, *SMALL))
    assert message in line
    assert not Path("outputs").exists() or not list(Path("outputs").rglob("run.json"))


def test_a_thousand_classes_on_a_few_wordnet_folders(fsens: Fsens) -> None:
    from PIL import Image

    for number, name in enumerate(("n01440764", "n01443537")):
        Path("pictures", name).mkdir(parents=True)
        for i in range(2):
            Image.new("RGB", (32, 32), (60 * number, 90 * i, 20)).save(f"pictures/{name}/{i}.png")
    wide = changed("fc.weight", torch.zeros(1000, 64)) | {"fc.bias": torch.zeros(1000)}
    torch.save(wide, "w.pt")
    arguments = ["--model", "resnet8", "--weights", "w.pt", "--data", "folder", "data.root=pictures", *STATED]
    line = told(fsens("measure", *arguments))
    assert "fc.weight (1000, 64) instead of (2, 64)" in line
    assert "data.classes=imagenet" in line


def test_a_better_normalisation_is_named_in_the_run(fsens: Fsens) -> None:
    """A network that needs mean 0.5 and is given none: some images say what is missing."""
    Path("net.py").write_text(
        "import torch\nfrom torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.scale = nn.Parameter(torch.ones(1))\n"
        "    def forward(self, x):\n        m = self.scale * x.mean((1, 2, 3))\n"
        "        return torch.stack([-m, m], dim=1)\n"
    )
    torch.save({"scale": torch.ones(1)}, "w.pt")
    levels = np.linspace(60, 200, 20).astype(np.uint8)
    noise = np.random.default_rng(0).integers(-20, 20, (20, 8, 8, 3))
    images = (levels[:, None, None, None].astype(int) + noise).clip(0, 255).astype(np.uint8)
    np.savez("data.npz", images=images, labels=(levels > 128).astype(int))
    arguments = ["--model", "net.py:Net", "--weights", "w.pt", "--data", "arrays", "data.root=data.npz"]
    result = fsens("measure", *arguments, "bands=[1,2]", "target=logit")
    assert "nothing is known of net.py:Net" in result.stderr
    assert "and 100.0 % with 0.5 for all: check model.mean and model.std." in result.stderr, result.output
    silent = fsens("measure", *arguments, "bands=[1,2]", "target=logit", "model.mean=.5", "model.std=.5")
    assert "check model.mean" not in silent.stderr


@pytest.mark.parametrize(
    ("verb", "settings"),
    [("measure", []), ("hybrid-probe", ["pairings=1"]), ("train", ["epochs=1", "data.train_size=120", "batch_size=8"])],
)
def test_probabilities_are_warned_of(verb: str, settings: list[str], fsens: Fsens) -> None:
    Path("net.py").write_text(
        "from torch import nn\ndef make(num_classes=10):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(3072, num_classes), nn.Softmax(1))\n"
    )
    weights = [] if verb == "train" else ["--weights", "random", "num_images=20"]
    result = fsens(verb, "--model", "net.py:make", *weights, "data.test_size=20", *settings)
    like = "the model's output looks like probabilities"
    assert result.stderr.count(like) == 1, result.output
    assert fsens("show").stderr.count(like) == 1  # it belongs to the result


def test_the_first_line_says_how_images_are_normalised(fsens: Fsens) -> None:
    few = ("data.test_size=20", "num_images=8")
    stored = "normalised by mean 0.5, std 0.1470/0.1469/0.1469"
    assert fsens("measure", *few).stderr.startswith(f"dualband, 3x32x32: {stored} (packaged:standard)\n")
    given = fsens("measure", *few, "model.mean=.4", "model.std=.2").stderr
    assert given.startswith(
        "normalised by mean 0.4, std 0.2 as given; packaged:standard itself says mean 0.5, std 0.147"
    )
    torch.save(timm.create_model("tf_efficientnet_lite0").state_dict(), "w.pt")
    for wordnet_id in ("n01440764", "n02102040"):
        Path("pictures", wordnet_id).mkdir(parents=True)
        Image.new("RGB", (40, 40), "red").save(f"pictures/{wordnet_id}/a.png")
    pictures = ("--data", "folder", "data.root=pictures", "data.classes=imagenet", "data.size=32", "target=logit")
    assumed = fsens("measure", *pictures, "--model", "timm/tf_efficientnet_lite0", "--weights", "w.pt")
    assert assumed.stderr.startswith("pictures, 3x32x32: normalised by mean 0.5, std 0.5 (assumed)\n")
    record = json.loads(Path("outputs/measure/timm-tf_efficientnet_lite0-pictures/v001/run.json").read_text())
    assert record["normalization"] == {"mean": [0.5] * 3, "std": [0.5] * 3}
    assert record["normalization_source"] == "assumed"
