"""What a file may say about its network: plain values of a short list, and nothing that loads or fetches."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from fsens_cli.errors import CheckpointError, ModelError
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.checkpoint import read_metadata, serialise
from fsens_cli.models.construct import build_network
from fsens_cli.models.description import checked_description, kwargs_from_file
from fsens_cli.models.settings import FrontEndConfig, ModelConfig
from fsens_cli.models.weights import find_weights

NET = """
import pathlib
from torch import nn

def make(num_classes=10, width=4, pretrained=False, checkpoint_path="", **rest):
    if pretrained or checkpoint_path or rest:
        pathlib.Path("ran").touch()
    return nn.Sequential(nn.Flatten(), nn.Linear(48, width), nn.Linear(width, num_classes))
"""


def described(tmp_path: Path, model: object, **rest: object) -> str:
    """A file with a description such as fsens writes."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 6), nn.Linear(6, 10))
    (tmp_path / "w.safetensors").write_bytes(serialise(network, {"model": model, **rest}))
    return str(tmp_path / "w.safetensors")


def load(name: str, weights: str, kwargs: dict[str, object] | None = None) -> nn.Module:
    return build_classifier(
        ModelConfig(name=name, kwargs=kwargs or {}),
        find_weights(weights, model=name, data="dualband"),
        num_classes=10,
        shape=ImageShape(3, 4, 4),
        seed=0,
        front_end=FrontEndConfig(),
    )


HOSTILE = [
    ({"pretrained": True}, "pretrained"),
    ({"pretrained": True, "pretrained_cfg": {"url": "http://127.0.0.1:9/x"}}, "pretrained"),
    ({"pretrained_cfg_overlay": {"file": "evil.pt"}}, "pretrained_cfg_overlay"),
    ({"checkpoint_path": "evil.pt"}, "checkpoint_path"),
    ({"cache_dir": "/tmp"}, "cache_dir"),
    ({"url": "http://127.0.0.1:9/x"}, "url"),
    ({"weights": "IMAGENET1K_V1"}, "weights"),
    ({"model_cfg": "x"}, "model_cfg"),
]


@pytest.mark.parametrize(("kwargs", "name"), HOSTILE)
@pytest.mark.parametrize("model", ["timm/resnet10t", "resnet18", "resnet8", "net.py:make"])
def test_no_file_makes_a_constructor_load_something(
    model: str, kwargs: dict[str, object], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    with pytest.raises(CheckpointError, match=rf"w\.safetensors sets model\.kwargs\.{name}\b") as caught:
        load(model, described(tmp_path, {"name": model, "kwargs": kwargs}))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_what_timm_would_execute_is_not_reached(tmp_path: Path) -> None:
    """timm 1.0.12 unpickles ``checkpoint_path`` with everything allowed."""

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "ran",)

    torch.save(Evil(), tmp_path / "evil.pt")
    kwargs = {"checkpoint_path": str(tmp_path / "evil.pt")}
    with pytest.raises(CheckpointError):
        load("timm/resnet10t", described(tmp_path, {"name": "timm/resnet10t", "kwargs": kwargs}))
    with pytest.raises(ModelError, match=r"model\.kwargs\.checkpoint_path: weights are named by --weights"):
        build_network(
            ModelConfig(name="timm/resnet10t", kwargs=kwargs), num_classes=10, shape=ImageShape(3, 32, 32), seed=0
        )
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, 10**9, 10**400, float("inf"), "a/b", "x" * 65])
def test_values_that_are_not_plain(value: object) -> None:
    with pytest.raises(
        CheckpointError, match=r"f sets model\.kwargs\.width to .*: give model\.kwargs\.width=\.\.\. yourse"
    ):
        kwargs_from_file({"width": value}, {}, "f")


def test_names_that_are_not_on_the_list_are_for_the_user_to_give() -> None:
    with pytest.raises(CheckpointError, match=r"sets model\.kwargs\.unsafe to True, which is not taken from a file"):
        kwargs_from_file({"unsafe": True}, {}, "f")
    assert kwargs_from_file({"unsafe": True, "width": 6}, {"unsafe": False}, "f") == {"unsafe": False, "width": 6}


def test_plain_values_of_the_network_s_own_arguments_are_taken(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET)
    name = f"{tmp_path / 'net.py'}:make"
    assert load(name, described(tmp_path, {"name": name, "kwargs": {"width": 6}})).module[1].out_features == 6
    with pytest.raises(CheckpointError, match=r"sets model\.kwargs\.depth, and .*net\.py:make has no such argument"):
        load(name, described(tmp_path, {"name": name, "kwargs": {"width": 6, "depth": 3}}))


ODD = [
    ("model", None), ("model", [1]), ("model", 7), ("model", {"name": 3}), ("model", {"kwargs": []}),
    ("model", {"mean": "x", "std": "x"}), ("model", {"mean": [0.5], "std": [0.0]}), ("model", {"mean": [0.5]}),
    ("model", {"mean": [float("nan")], "std": [1.0]}), ("frontend", {"name": "sharpen"}), ("frontend", {"radius": 1}),
    ("frontend", None), ("num_classes", 2**40), ("num_classes", "10"), ("num_classes", True), ("num_classes", 0),
    ("image_shape", [3, 32]), ("image_shape", [3, 10**9, 10**9]), ("image_shape", "3x32x32"),
    ("geometry", {"height": 9}),
    ("geometry", {"height": 9, "width": -1}), ("geometry", {"height": 9, "width": 9, "zoom": 2}), ("geometry", 5),
    ("model", {"mean": [10**400], "std": [1]}), ("frontend", {"name": "blur", "sigma": 10**400}),
    ("frontend", {"name": "pca", "components": 1.5}), ("frontend", {"name": "blur", "sigma": True}),
    ("class_names", "ab"), ("class_names", [1]), ("classes", 3), ("training", ["x"]), ("data", {}),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "value"), ODD)
def test_descriptions_that_make_no_sense(entry: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=f"f describes itself wrongly: it says {entry}="):
        checked_description({entry: value}, "f")


@pytest.mark.parametrize("text", ["null", "3", "[]", '"x"', "{", "[" * 100_000])
def test_headers_without_a_description(text: str, tmp_path: Path) -> None:
    save_file({"a": torch.ones(1)}, str(tmp_path / "w.safetensors"), metadata={"fsens": text})
    assert read_metadata(tmp_path / "w.safetensors") == {}
