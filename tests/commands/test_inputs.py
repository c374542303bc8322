"""What a command says of models and data: what is missing, what cannot fit, what was taken."""

import dataclasses
import io
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import torch
from loopback import Web
from PIL import Image
from rich.console import Console
from torch import nn
from typer.testing import Result

from fsens_cli.commands import console
from fsens_cli.commands.options import Flags
from fsens_cli.data import catalog
from fsens_cli.models import weights as weights_module
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.checkpoint import serialise
from fsens_cli.models.construct import build_network
from fsens_cli.models.settings import ModelConfig
from fsens_cli.models.weights import Weights

Type = Callable[..., Result]
ErrorOf = Callable[[Result], str]


@pytest.fixture
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading images is a failure of the test."""

    def load(*_: object) -> None:
        raise AssertionError("images were loaded before the refusal")

    for entry in list(catalog.CATALOG.values()):
        monkeypatch.setitem(catalog.CATALOG, entry.name, dataclasses.replace(entry, load=load))


def pictures(root: Path, names: tuple[str, ...] = ("a", "b"), size: int = 4) -> None:
    for seed, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for i in range(2):
            pixels = np.random.default_rng(10 * seed + i).integers(0, 256, (size, size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i}.png")


@pytest.mark.usefixtures("nothing_loaded")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data.size=[4,4]"], "by the default N/6 and N/3: give larger images (`measure` also takes bands=[LOW,MID]"),
        (["data.size=[2,2]"], "by the default N/6 and N/3: give larger images."),
        (["bands=[9,30]"], "32x32 images cannot be split into three bands by bands=[9,30]"),
        (["--data", "folder", "data.root=pics"], "4x4 images cannot be split into three bands"),
        (["--data", "arrays", "data.root=tiny.npz"], "5x5 images cannot be split into three bands"),
        (["--weights", "ten.safetensors", "--data", "cifar100"], "was trained on 10 classes and the data has 100"),
        (["--weights", "ten.safetensors", "--data", "folder", "data.root=pics"], "10 classes and the data has 2"),
    ],
)
def test_what_cannot_fit_is_refused_before_loading(
    arguments: list[str], message: str, measure: Type, error_of: ErrorOf
) -> None:
    pictures(Path("pics"))
    np.savez("tiny.npz", images=np.zeros((4, 5, 5, 3), dtype=np.uint8), labels=np.array([0, 1, 0, 1]))
    Path("ten.safetensors").write_bytes(serialise(nn.Linear(1, 1), {"num_classes": 10}))
    assert message in error_of(measure(*arguments))


@pytest.mark.parametrize("verb", ["measure", "layers"])
def test_images_without_a_pixel(verb: str, fsens: Type, error_of: ErrorOf) -> None:
    np.savez("flat.npz", images=np.zeros((4, 0, 32, 3), dtype=np.uint8), labels=np.array([0, 1, 0, 1]))
    network = ["--model", "resnet8", "--weights", "random"]
    said = error_of(fsens(verb, *network, "--data", "arrays", "data.root=flat.npz"))
    assert "flat has images of 3 x 0 x 32 (channels x height x width), which hold no pixel" in said


@pytest.mark.usefixtures("nothing_loaded")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data.size=[4,4]"], "4x4 images cannot be split into three bands"),
        (
            ["data.size=[5,5]", "regularizer=lsf", "measure.bands=[1,2]"],
            "5x5 images cannot be split into three bands by the",
        ),
        (["regularizer=target", "regularizer.file=s.csv"], "has 3 radii and 32x32 images have 23"),
    ],
)
def test_a_training_that_cannot_fit_is_refused_before_loading(
    arguments: list[str], message: str, fsens: Type, error_of: ErrorOf
) -> None:
    Path("s.csv").write_text("radius,share\n1,0.5\n2,0.25\n3,0.25\n")
    assert message in error_of(fsens("train", "--model", "net.py:make", *arguments))


def test_one_message_says_all_that_is_missing(measure: Type, error_of: ErrorOf) -> None:
    error = error_of(measure("--model", "resnet50", "--data", "cifar10", "--weights", "auto"))
    assert "edadaltocg/resnet50_cifar10/pytorch_model.bin is not in the Hub's cache and FSENS_OFFLINE forbids" in error
    assert "Give weights=PATH of a checkpoint" in error
    assert "CIFAR-10 is not at data.root=" in error
    assert "\n" not in error


def imagenet_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for torchvision's download: a network of ImageNet's classes, described as torchvision's are."""
    network = build_network(ModelConfig(name="resnet18"), num_classes=1000, shape=ImageShape(3, 96, 96), seed=0)
    torch.save(network.state_dict(), "imagenet.pth")
    described = {
        "num_classes": 1000,
        "classes": "imagenet-1k",
        "model": {"name": "resnet18", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
        "geometry": {"height": 96, "width": 96, "shorter": 104, "interpolation": "bilinear"},
    }
    found = Weights(label="torchvision:imagenet.pth", path=Path("imagenet.pth"), sha256="0" * 64, description=described)
    monkeypatch.setitem(weights_module.SOURCES, "torchvision:", lambda _: found)


@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize("data", ["imagenet", "folder"])
def test_imagenet_s_weights_on_a_part_of_imagenet(data: str, measure: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    imagenet_weights(monkeypatch)
    pictures(Path("pics/val"), ("n01440764", "n02119789", "n15075141"), size=120)
    result = measure("--model", "resnet18", "--weights", "auto", "--data", data, "data.root=pics", "--quiet")
    assert result.exit_code == 0, result.output
    run = Path(result.stdout.strip())
    record = json.loads((run / "run.json").read_text())
    assert record["weights"] == "torchvision:imagenet.pth"
    assert record["geometry"] == {"height": 96, "width": 96, "shorter": 104, "interpolation": "bilinear"}
    assert record["image_shape"] == [3, 96, 96]
    assert record["normalization"]["mean"] == pytest.approx([0.485, 0.456, 0.406])
    assert record["weights_sha256"] == "0" * 64
    labels = [int(row.split(",")[1]) for row in (run / "per_image.csv").read_text().splitlines()[1:]]
    assert labels == [0, 0, 278, 278, 999, 999]
    assert json.loads((run / "results.json").read_text())["num_classes"] == 1000


def test_imagenet_s_weights_on_other_folders(measure: Type, error_of: ErrorOf, monkeypatch: pytest.MonkeyPatch) -> None:
    imagenet_weights(monkeypatch)
    pictures(Path("pics"), size=120)
    error = error_of(measure("--model", "resnet18", "--weights", "torchvision", "--data", "folder", "data.root=pics"))
    assert (
        "was trained on 1000 classes and the data has 2: give --data imagenet or folders named by WordNet id" in error
    )


def archive() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        content = pickle.dumps({})
        info = tarfile.TarInfo("cifar-10-batches-py/test_batch")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return packed.getvalue() + bytes(1000)


def test_a_page_instead_of_the_archive(web: Web, measure: Type, error_of: ErrorOf) -> None:
    web.files["/c.tar.gz"] = b"<!doctype html><title>429</title>"
    error = error_of(measure("--data", "cifar10", f"data.mirror={web.address}/c.tar.gz"))
    assert "/c.tar.gz is an HTML page, not the file). Give data.root=FOLDER" in error


def test_a_cache_that_cannot_be_written(
    web: Web, measure: Type, error_of: ErrorOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.files["/c.tar.gz"] = archive()
    Path("taken").write_text("x")
    monkeypatch.setenv("FSENS_CACHE", str(Path("taken").absolute()))
    error = error_of(measure("--data", "cifar10", f"data.mirror={web.address}/c.tar.gz"))
    assert "cannot be written" in error
    assert "FSENS_CACHE=FOLDER" in error


def test_a_download_is_announced_where_no_bar_is_shown(web: Web, measure: Type, error_of: ErrorOf) -> None:
    web.files["/c.tar.gz"] = archive()
    result = measure("--data", "cifar10", f"data.mirror={web.address}/c.tar.gz")
    assert "downloading cifar-10-python.tar.gz (0.0 MB)\n" in result.stderr


@pytest.mark.parametrize(("label", "shown"), [("net.pt", "1.0/2.0 MB"), ("decoding pictures", "1000000/2000000")])
def test_a_bar_on_a_terminal(label: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(console, "stderr", lambda: Console(file=written, force_terminal=True, width=120))
    monkeypatch.setenv("TERM", "xterm")
    for flags, expected in ((Flags(), True), (Flags(quiet=True), False), (Flags(json=True), False)):
        written.truncate(0)
        with console.meter(flags)(label, 2_000_000) as advance:
            advance(1_000_000)
        text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written.getvalue())
        assert (label in text and shown in text) == expected


def test_an_interrupted_download_says_so_and_so_does_its_run(web: Web, somewhere: Path) -> None:
    web.files["/c.tar.gz"] = archive()
    web.hold["/c.tar.gz"] = Event()
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "fsens_cli", "measure", "--model", "net.py:make", "--weights", "random"]
    process = subprocess.Popen(
        [*command, "--data", "cifar10", f"data.mirror={web.address}/c.tar.gz"],
        cwd=somewhere,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not web.requests:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    web.hold["/c.tar.gz"].set()
    assert process.returncode == 130, said
    run = "outputs/measure/net.py-make-cifar10/v001"
    assert said.splitlines()[-1] == f"interrupted: {run} keeps nothing to go on from: start it again"
    assert json.loads((somewhere / run / "run.json").read_text())["status"] == "interrupted"
    assert "Traceback" not in said


def test_models_and_data_are_listed_with_what_is_here(
    fsens: Type, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(own_cache / "torch"))
    listed = fsens("models", "resnet2").stdout
    assert "resnet20" in listed
    assert "cifar10: public; cifar100: public" in listed
    (own_cache / "torch" / "hub" / "checkpoints").mkdir(parents=True)
    (own_cache / "torch" / "hub" / "checkpoints" / "cifar10_resnet20-4118986f.pt").write_bytes(b"x")
    (line,) = (row for row in fsens("models", "resnet20").stdout.splitlines() if row.startswith("resnet20 "))
    assert line.split()[-1] == "cifar10"
    assert "dualband: packaged:asf" in fsens("models", "resnet8").stdout
    assert "vit_b_16" in fsens("models", "*vit*").stdout
    (own_cache / "fsens" / "cifar10" / "cifar-10-batches-py").mkdir(parents=True)
    rows = {row.split()[0]: row for row in fsens("data").stdout.splitlines()}
    assert {"dualband", "cifar10", "cifar100", "svhn", "fashion-mnist", "imagenet", "folder", "arrays"} <= set(rows)
    assert rows["cifar10"].endswith("cifar10/cifar-10-batches-py")
    assert fsens("models", "no such network").exit_code == 2


SHORT = ("data.train_size=80", "data.test_size=20", "batch_size=16", "val_fraction=0.2", "measure_images=10")


@pytest.mark.usefixtures("no_figures")
def test_a_network_typed_from_elsewhere_is_the_same(fsens: Type, measure: Type, somewhere: Path) -> None:
    trained = fsens("train", "--model", "net.py:make", "epochs=1", *SHORT, "--quiet")
    assert trained.exit_code == 0, trained.output
    run = trained.stdout.strip()
    result = measure("--model", f"{somewhere}/net.py:make", "--weights", f"run:{run}", "--quiet")
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == "outputs/measure/net.py-make-dualband/v001"


def test_a_long_path_makes_no_long_folder_name(measure: Type, somewhere: Path) -> None:
    deep = somewhere / ("d" * 90) / ("e" * 90)
    deep.mkdir(parents=True)
    (deep / f"{'n' * 150}.py").write_text((somewhere / "net.py").read_text())
    result = measure("--model", f"{deep}/{'n' * 150}.py:make", "--quiet")
    assert result.exit_code == 0, result.output
    assert all(len(part) <= 120 for part in Path(result.stdout.strip()).parts)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "outputs/train/x",
            "outputs/train/x holds no finished run: v001 is interrupted. Name it as outputs/train/x/v001",
        ),
        ("train/x", "outputs/train/x holds no finished run: v001 is interrupted"),
        ("train/x/v001", "outputs/train/x/v001 is interrupted and has no weights yet"),
    ],
)
def test_weights_of_an_unfinished_training(name: str, message: str, measure: Type) -> None:
    run = Path("outputs/train/x/v001")
    run.mkdir(parents=True)
    (run / "run.json").write_text(json.dumps({"verb": "train", "status": "interrupted"}))
    result = measure("--weights", f"run:{name}")
    assert result.exit_code == 2
    assert message in result.stderr
