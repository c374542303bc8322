"""``hf:OWNER/NAME``: networks of transformers with their processor's numbers, from files made here by the library."""

import json
from typing import Any

import pytest
import torch
from loopback import COMMIT, Hub
from safetensors.torch import save

from fsens_cli.errors import CheckpointError, FsensError, ModelError
from fsens_cli.models import transformers_network
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.settings import FrontEndConfig, ModelConfig
from fsens_cli.models.transformers_network import described_by
from fsens_cli.models.weights import find_weights

NAME = "hf:someone/vit"
LABELS: dict[str, Any] = {"id2label": {str(i): f"class{i}" for i in range(10)}}
PROCESSOR: dict[str, Any] = {
    "do_normalize": True, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4], "resample": 3,
    "do_rescale": True, "rescale_factor": 1 / 255, "size": {"height": 32, "width": 32},
}  # fmt: skip


@pytest.mark.parametrize(
    ("processor", "geometry"),
    [
        ({}, {"height": 32, "width": 32, "shorter": 0, "interpolation": "bicubic"}),
        ({"size": {"shortest_edge": 256}, "do_center_crop": True, "crop_size": {"height": 224, "width": 224}},
         {"height": 224, "width": 224, "shorter": 256, "interpolation": "bicubic"}),
        ({"size": 224, "resample": 2}, {"height": 224, "width": 224, "shorter": 0, "interpolation": "bilinear"}),
        ({"size": {"shortest_edge": 224}, "crop_pct": 0.875},
         {"height": 224, "width": 224, "shorter": 256, "interpolation": "bicubic"}),
        ({"size": None}, None),
    ],
)  # fmt: skip
def test_a_processor_s_numbers(processor: dict[str, Any], geometry: dict[str, Any] | None) -> None:
    found = described_by(LABELS, PROCESSOR | processor, "someone/vit")
    assert found.get("geometry") == geometry
    assert found["model"] == {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}
    assert found["num_classes"] == 10
    assert described_by(LABELS, PROCESSOR | {"do_normalize": False}, "x")["model"] == {"mean": [0.0], "std": [1.0]}


def test_imagenet_is_known_by_its_labels() -> None:
    labels = {str(i): f"class{i}" for i in range(1000)}
    assert "classes" not in described_by({"id2label": labels}, PROCESSOR, "x")
    labels |= {"0": "tench, Tinca tinca", "999": "toilet tissue, toilet paper, bathroom tissue"}
    assert described_by({"id2label": labels}, PROCESSOR, "x")["classes"] == "imagenet-1k"


@pytest.mark.parametrize(
    ("processor", "said"),
    [
        ({"do_rescale": False}, r"does not scale pixels to \[0, 1\]"),
        ({"rescale_factor": 1 / 127.5}, r"does not scale pixels to \[0, 1\]"),
        ({"image_mean": "0.5"}, "describes itself wrongly"),
        ({"image_std": [0.0, 0.1, 0.1]}, "describes itself wrongly"),
        ({"size": {"height": -3, "width": 8}}, "describes itself wrongly"),
        ({"rescale_factor": "1/255"}, "describes itself wrongly"),
        ({"image_mean": 0.5}, "describes itself wrongly"),
        ({"size": {"shortest_edge": "224"}, "crop_pct": 0.9}, "describes itself wrongly"),
        ({"do_center_crop": True, "crop_size": {"height": 8}}, "describes itself wrongly"),
        ({"resample": [2]}, "describes itself wrongly"),
    ],
)
def test_what_a_processor_may_not_say(processor: dict[str, Any], said: str) -> None:
    with pytest.raises(CheckpointError, match=said):
        described_by(LABELS, PROCESSOR | processor, "someone/vit")


@pytest.mark.slow
def test_a_network_of_transformers(hub: Hub) -> None:
    """The library itself takes seconds to import."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=8,
        num_labels=10, architectures=["ViTForImageClassification"],
    )  # fmt: skip
    network = transformers.ViTForImageClassification(config).eval()
    settings = config.to_dict()
    hub.add("someone/vit", "config.json", json.dumps(settings).encode())
    hub.add("someone/vit", "preprocessor_config.json", json.dumps(PROCESSOR).encode())
    hub.add("someone/vit", "model.safetensors", save(network.state_dict()))
    hub.add_repo("someone/vit")
    classifier = build_classifier(
        ModelConfig(name=NAME),
        find_weights("auto", model=NAME, data="cifar10"),
        num_classes=10,
        shape=ImageShape(3, 32, 32),
        seed=1,
        front_end=FrontEndConfig(),
    )
    images = torch.rand(3, 3, 32, 32, requires_grad=True)
    mean, std = (torch.tensor(PROCESSOR[key]).reshape(1, 3, 1, 1) for key in ("image_mean", "image_std"))
    expected = network(pixel_values=(images - mean) / std).logits
    logits = classifier.eval()(images)
    torch.testing.assert_close(logits, expected)
    (grad,) = torch.autograd.grad(logits.square().sum(), images, create_graph=True)
    (second,) = torch.autograd.grad(grad.square().sum(), images)
    assert bool(grad.isfinite().all())
    assert float(grad.detach().abs().sum()) > 0
    assert bool(second.isfinite().all())
    assert classifier.normalization.source == "stored"
    # Code of the repository's own is not run, and pickles are not read.
    hub.add("someone/own", "config.json", json.dumps(settings | {"auto_map": {"AutoModel": "net.Net"}}).encode())
    with pytest.raises(ModelError, match="brings Python code of its own"):
        transformers_network.build("hf:someone/own")
    hub.add("someone/pickled", "config.json", json.dumps(settings).encode())
    hub.add("someone/pickled", "preprocessor_config.json", json.dumps(PROCESSOR).encode())
    hub.add_repo("someone/pickled")
    with pytest.raises(FsensError, match=r"no model.safetensors"):
        find_weights("auto", model="hf:someone/pickled", data="cifar10")


def test_the_commit_of_the_default_revision_is_known(hub: Hub) -> None:
    """`main` moves; what was taken does not, and all files are of one commit."""
    hub.add("someone/vit", "config.json", json.dumps(LABELS).encode())
    hub.add("someone/vit", "preprocessor_config.json", json.dumps(PROCESSOR).encode())
    hub.add("someone/vit", "model.safetensors", save({"w": torch.zeros(1)}))
    hub.add_repo("someone/vit")
    weights = find_weights("auto", model=NAME, data="cifar10")
    assert weights.revision == COMMIT
    asked = [path for method, path, _ in hub.web.requests if method == "GET" and path.endswith("config.json")]
    assert asked
    assert all(f"/resolve/{COMMIT}/" in path for path in asked)


@pytest.mark.parametrize("name", ["hf:", "hf:vit", "hf:a/b c"])
def test_names_that_are_no_place(name: str) -> None:
    with pytest.raises(ModelError, match="is not of the form OWNER/NAME"):
        transformers_network.split_name(name)
