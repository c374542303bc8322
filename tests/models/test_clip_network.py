"""``clip:OWNER/NAME``: zero-shot classifiers of open_clip, from files made here by the library."""

import json
from typing import Any

import pytest
import torch
from loopback import Hub
from safetensors.torch import save

from fsens_cli.errors import CheckpointError, FsensError, ModelError
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.clip_names import split_clip, words_for
from fsens_cli.models.settings import FrontEndConfig, ModelConfig
from fsens_cli.models.weights import find_weights

NAME = "clip:someone/tiny"
SETTINGS: dict[str, Any] = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
        "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.4]},
}


def classifier_of(name: str, class_names: tuple[str, ...], **kwargs: object) -> Classifier:
    return build_classifier(
        ModelConfig(name=name, kwargs=dict(kwargs)),
        find_weights("auto", model=name, data="folder"),
        num_classes=len(class_names),
        class_names=class_names,
        shape=ImageShape(3, 32, 32),
        seed=0,
        front_end=FrontEndConfig(),
    )


def put(hub: Hub, repo: str, settings: dict[str, Any], weights: bytes | None) -> None:
    hub.add(repo, "open_clip_config.json", json.dumps(settings).encode())
    if weights is not None:
        hub.add(repo, "open_clip_model.safetensors", weights)
    hub.add_repo(repo)


def test_words_for_classes() -> None:
    imagenet = [f"word {i}" for i in range(1000)]
    assert words_for(["n01440764", "n15075141"], imagenet) == ["word 0", "word 999"]
    assert words_for(["n99999999"], imagenet) == []
    assert words_for(["traffic_light", "12"], imagenet) == []
    with pytest.raises(ModelError, match="is not of the form OWNER/NAME"):
        split_clip("clip:ViT-B-32")


def test_a_repository_without_safetensors(hub: Hub) -> None:
    put(hub, "someone/tiny", SETTINGS, None)
    hub.web.statuses["/someone/tiny/resolve/main/open_clip_model.safetensors"] = 404
    hub.web.headers["/someone/tiny/resolve/main/open_clip_model.safetensors"] = {
        "X-Error-Code": "EntryNotFound",
        "X-Repo-Commit": "0" * 40,
    }
    with pytest.raises(CheckpointError, match=r"has no open_clip_model.safetensors"):
        find_weights("auto", model=NAME, data="folder")


@pytest.mark.slow
def test_zero_shot_logits_are_those_of_the_library(hub: Hub, tmp_path: Any) -> None:
    """The library itself takes seconds to import."""
    open_clip = pytest.importorskip("open_clip")
    (tmp_path / "open_clip_config.json").write_text(json.dumps(SETTINGS))
    torch.manual_seed(0)
    clip = open_clip.create_model(f"local-dir:{tmp_path}", load_weights=False).eval()
    put(hub, "someone/tiny", SETTINGS, save(clip.state_dict()))
    names = ("cat", "traffic_light", "garbage-truck")
    found = classifier_of(NAME, names).eval()
    assert found.mean.flatten().tolist() == pytest.approx([0.4, 0.5, 0.6])
    assert found.normalization.source == "stored"
    head = open_clip.build_zero_shot_classifier(
        clip, open_clip.get_tokenizer(f"local-dir:{tmp_path}"), [n.replace("_", " ").replace("-", " ") for n in names],
        open_clip.SIMPLE_IMAGENET_TEMPLATES,
    )  # fmt: skip
    images = torch.rand(4, 3, 32, 32, requires_grad=True)
    normalised = (images - found.mean) / found.std
    expected = clip.logit_scale.exp() * clip.encode_image(normalised, normalize=True) @ head
    logits = found(images)
    torch.testing.assert_close(logits, expected)
    assert float(logits.detach().std()) > 0
    (grad,) = torch.autograd.grad(logits.square().sum(), images)
    assert bool(grad.isfinite().all())
    assert bool(grad.any())
    with_all = classifier_of(NAME, names, templates="openai").eval()
    assert not torch.allclose(with_all(images), logits)
    with pytest.raises(
        ModelError, match=r"compares images with the names of their classes, and these \(0, 1, ...\) are"
    ):
        classifier_of(NAME, ("0", "1"))
    with pytest.raises(ModelError, match=r"takes model\.kwargs\.templates=simple\|openai alone"):
        classifier_of(NAME, names, templates="mine")
    odd = {**SETTINGS, "model_cfg": {**SETTINGS["model_cfg"], "text_cfg": {"hf_model_name": "someone/bert"}}}
    put(hub, "someone/odd", odd, save(clip.state_dict()))
    with pytest.raises(FsensError, match="its text_cfg has hf_model_name, which would fetch more"):
        classifier_of("clip:someone/odd", names)
