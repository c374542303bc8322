"""Weights by name: what is taken, from where, described how, and what is refused; against a server on this machine."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from huggingface_hub import constants
from loopback import COMMIT, Hub
from safetensors.torch import save
from torch import nn

from fsens_cli.errors import CheckpointError, ModelError
from fsens_cli.models import library, public
from fsens_cli.models import weights as weights_module
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.construct import build_network
from fsens_cli.models.hub_network import hub_network
from fsens_cli.models.public import PUBLIC
from fsens_cli.models.settings import FrontEndConfig, ModelConfig
from fsens_cli.models.weights import Weights, find_weights

SMALL, LARGE = ImageShape(3, 32, 32), ImageShape(3, 64, 64)


def torch_bytes(module: nn.Module, path: Path) -> bytes:
    torch.save(module.state_dict(), path)
    return path.read_bytes()


def safe_bytes(module: nn.Module) -> bytes:
    return save({name: value.contiguous() for name, value in module.state_dict().items()})


def classify(name: str, weights: Weights, num_classes: int, shape: ImageShape = SMALL) -> Classifier:
    return build_classifier(
        ModelConfig(name=name), weights, num_classes=num_classes, shape=shape, seed=0, front_end=FrontEndConfig()
    )


def same(module: nn.Module, other: nn.Module) -> bool:
    a, b = module.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_every_public_training_names_its_statistics_and_file() -> None:
    assert len(PUBLIC) == 17
    for (model, data), entry in PUBLIC.items():
        assert entry.num_classes == (100 if data == "cifar100" else 10)
        assert f"{model}_{data}" in entry.source or f"{data}_{model}-{entry.sha256}.pt" in entry.source


@pytest.mark.parametrize("spec", ["auto", "public"])
def test_a_public_training_of_the_hub(spec: str, hub: Hub, tmp_path: Path) -> None:
    """The layout is timm's residual network with a 3x3 stem and no pooling, built here with timm alone."""
    theirs = timm.create_model("resnet18", num_classes=10)
    theirs.conv1 = nn.Conv2d(3, 64, 3, 1, padding=1, bias=False)
    theirs.maxpool = nn.Identity()
    content = torch_bytes(theirs, tmp_path / "w.bin")
    path = hub.add("edadaltocg/resnet18_cifar10", "pytorch_model.bin", content)
    found = find_weights(spec, model="resnet18", data="cifar10")
    assert found.label == "hub:edadaltocg/resnet18_cifar10"
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    classifier = classify("resnet18", found, 10)
    assert classifier.mean.flatten().tolist() == pytest.approx([0.4914, 0.4822, 0.4465])
    assert classifier.std.flatten().tolist() == pytest.approx([0.2023, 0.1994, 0.2010])
    images = torch.rand(2, 3, 32, 32)
    expected = theirs.eval()((images - classifier.mean) / classifier.std)
    torch.testing.assert_close(classifier.eval()(images), expected)
    hub.web.requests.clear()
    assert find_weights(spec, model="resnet18", data="cifar10") == found
    assert hub.web.requests == []
    assert hub.web.gets(path) == []


@pytest.fixture
def released(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A release with a checksum of its own, at an address of this machine."""
    network = build_network(ModelConfig(name="resnet20"), num_classes=10, shape=SMALL, seed=7)
    content = torch_bytes(network, tmp_path / "w.pt")
    digest = hashlib.sha256(content).hexdigest()[:8]
    hub.web.files[f"/cifar10_resnet20-{digest}.pt"] = content
    entry = replace(
        PUBLIC["resnet20", "cifar10"], source=f"{hub.web.address}/cifar10_resnet20-{digest}.pt", sha256=digest
    )
    monkeypatch.setitem(public.PUBLIC, ("resnet20", "cifar10"), entry)
    return content


def test_a_public_training_among_releases(released: bytes, own_cache: Path) -> None:
    found = find_weights("auto", model="resnet20", data="cifar10")
    assert found.path is not None
    assert found.path.parent == own_cache / "torch" / "hub" / "checkpoints"
    assert found.sha256 == hashlib.sha256(released).hexdigest()
    classifier = classify("resnet20", found, 10)
    expected = build_network(ModelConfig(name="resnet20"), num_classes=10, shape=SMALL, seed=7)
    assert same(classifier.module, expected)
    assert classifier.std.flatten().tolist() == pytest.approx([0.2470, 0.2435, 0.2616])


def test_a_release_with_other_bytes(released: bytes, hub: Hub, own_cache: Path) -> None:
    (path,) = hub.web.files
    hub.web.files[path] = b"<html>rate limit</html>"
    with pytest.raises(CheckpointError, match=r"weights=public: .* is an HTML page, not the file\. Give weights=PATH"):
        find_weights("auto", model="resnet20", data="cifar10")
    hub.web.files[path] = b"x" + released
    with pytest.raises(CheckpointError, match=r"is not the published file \(SHA256 differs\)"):
        find_weights("auto", model="resnet20", data="cifar10")
    assert not (own_cache / "torch").exists()


def test_library_weights_are_described_by_the_library(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in of the same names takes the place of the file; address, checksum and preset are torchvision's own."""
    network = torchvision.models.get_model("mobilenet_v3_small", num_classes=1000)
    content = torch_bytes(network, tmp_path / "w.pth")
    theirs = torchvision.models.MobileNet_V3_Small_Weights.DEFAULT
    url, digest, _ = library.torchvision_file("mobilenet_v3_small", "")
    assert (url, len(digest)) == (theirs.url, 8)
    digest = hashlib.sha256(content).hexdigest()[:8]
    hub.web.files["/w.pth"] = content
    asked: list[str] = []

    def torchvision_file(model: str, tag: str) -> tuple[str, str, dict[str, object]]:
        asked.append(tag)
        return f"{hub.web.address}/w.pth", digest, library.torchvision_file(model, tag)[2]

    monkeypatch.setattr(weights_module, "torchvision_file", torchvision_file)
    found = find_weights("auto", model="mobilenet_v3_small", data="imagenet", imagenet=True)
    assert asked == [""]
    assert found.is_imagenet
    assert found.description["geometry"] == {"height": 224, "width": 224, "shorter": 256, "interpolation": "bilinear"}
    classifier = classify("mobilenet_v3_small", found, 1000, LARGE)
    assert classifier.mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])
    assert same(classifier.module, network)
    with pytest.raises(CheckpointError, match=r"was trained on 1000 classes and the data has 10: give --data imagenet"):
        classify("mobilenet_v3_small", found, 10, LARGE)


def test_all_of_torchvision_s_weights_can_be_described() -> None:
    for name in torchvision.models.list_models(module=torchvision.models):
        for tag in torchvision.models.get_model_weights(name).__members__:
            if tag == "IMAGENET1K_FEATURES":
                with pytest.raises(CheckpointError, match="hold no classifier, only features"):
                    library.torchvision_file(name, tag)
                continue
            url, digest, described = library.torchvision_file(name, tag)
            assert url.startswith("https://"), name
            assert re.fullmatch(r"[0-9a-f]{8,}", digest), url
            assert described["num_classes"] == 1000
            assert described["geometry"]["shorter"] >= described["geometry"]["height"]


def timm_repo(hub: Hub, *, num_classes: int = 10) -> nn.Module:
    torch.manual_seed(1)
    network: nn.Module = timm.create_model("resnet10t", num_classes=num_classes)
    config = {
        "architecture": "resnet10t",
        "num_classes": num_classes,
        "pretrained_cfg": {
            "mean": [0.1, 0.2, 0.3],
            "std": [0.5, 0.6, 0.7],
            "input_size": [3, 176, 176],
            "crop_pct": 0.95,
        },
    }
    hub.add("someone/net", "config.json", json.dumps(config).encode())
    hub.add("someone/net", "model.safetensors", safe_bytes(network))
    hub.add_repo("someone/net")
    return network


def test_a_network_of_the_hub(hub: Hub) -> None:
    network = timm_repo(hub)
    found = find_weights("auto", model="hub:someone/net", data="cifar10")
    assert found.label == "hub:someone/net"
    assert found.description["geometry"] == {"height": 176, "width": 176, "shorter": 185, "interpolation": "bicubic"}
    classifier = classify("hub:someone/net", found, 10)
    assert same(classifier.module, network)
    assert classifier.mean.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3])
    untrained = classify("hub:someone/net", find_weights("random", model="hub:someone/net", data="cifar10"), 10)
    assert not same(untrained.module, network)


def test_weights_of_the_hub_for_a_network_of_timm(hub: Hub) -> None:
    network = timm_repo(hub)
    for spec in ("hub:someone/net", "hub:someone/net/model.safetensors", "hub:someone/net@main"):
        found = find_weights(spec, model="timm/resnet10t", data="cifar10")
        assert same(classify("timm/resnet10t", found, 10).module, network)


def test_timm_s_own_weights_come_from_the_hub(hub: Hub) -> None:
    torch.manual_seed(1)
    network = timm.create_model("resnet10t", num_classes=1000)
    place, _ = library.timm_place("timm/resnet10t")
    hub.add(place.repo, "model.safetensors", safe_bytes(network))
    hub.add_repo(place.repo)
    found = find_weights("auto", model="timm/resnet10t", data="imagenet", imagenet=True)
    assert found.is_imagenet
    assert found.label == f"hub:{place.repo}"
    classifier = classify("timm/resnet10t", found, 1000, LARGE)
    assert same(classifier.module, network)
    assert len(classifier.mean.flatten()) == 3


@pytest.mark.parametrize("spec", ["hub:someone/net", "hub:someone/net/model.safetensors"])
def test_timm_never_gives_weights_of_other_classes_a_random_last_layer(spec: str, hub: Hub) -> None:
    timm_repo(hub, num_classes=7)
    del hub.web.files["/someone/net/resolve/main/config.json"]  # nobody says how many classes there are
    hub.add_repo("someone/net")
    found = find_weights(spec, model="timm/resnet10t", data="cifar10")
    with pytest.raises(
        CheckpointError, match=r"does not fit timm/resnet10t: size mismatch for fc\.weight.*Check --model"
    ):
        classify("timm/resnet10t", found, 10)


def test_weights_for_colours_and_gray_images(hub: Hub) -> None:
    timm_repo(hub)
    found = find_weights("hub:someone/net", model="timm/resnet10t", data="cifar10")
    # timm 1.0.12 adds up the channels of the first layer itself, and then the normalisation does not fit.
    refused = r"does not fit timm/resnet10t: .*conv1.*Check --model|model\.mean has 3 entries and the images have 1"
    with pytest.raises((CheckpointError, ModelError), match=refused):
        classify("timm/resnet10t", found, 10, ImageShape(1, 32, 32))


def test_the_second_kind_of_file(hub: Hub, tmp_path: Path) -> None:
    network = build_network(ModelConfig(name="resnet8"), num_classes=10, shape=SMALL, seed=7)
    hub.add("someone/old", "pytorch_model.bin", torch_bytes(network, tmp_path / "w"))
    hub.add_repo("someone/old")
    found = find_weights("hub:someone/old", model="resnet8", data="cifar10")
    assert found.description == {}
    assert same(classify("resnet8", found, 10).module, network)


@pytest.mark.parametrize(
    ("model", "spec", "message"),
    [
        ("resnet8", "hub:no/such", r"weights=hub:no/such: the Hub has no repository no/such"),
        ("resnet8", "hub:someone", r"'someone' is not of the form OWNER/NAME"),
        ("resnet8", "hub:someone/net/none.pt", r"someone/net has no file none\.pt"),
        (
            "resnet8",
            "hub:someone/empty",
            r"has neither model\.safetensors nor pytorch_model\.bin: name its file as hub:",
        ),
        ("hub:no/such", "auto", "the Hub has no repository no/such"),
        ("resnet8", "public", r"weights=public: none are known for resnet8 on cifar10\. Give weights=PATH"),
        ("resnet20", "torchvision", "weights=torchvision: torchvision has no network named resnet20"),
        ("resnet50", "torchvision:V9", r"weights=torchvision:V9: resnet50 has IMAGENET1K_V1, IMAGENET1K_V2"),
        ("resnet20", "timm", "weights=timm: timm has no weights for resnet20"),
        ("timm/resnet10t", "torchvision", "torchvision has no network named timm/resnet10t"),
        ("resnet8", "none.pt", r"weights=none\.pt: there is no such file\. Give auto, random, packaged:NAME, public"),
    ],
)
def test_weights_that_cannot_be_had(model: str, spec: str, message: str, hub: Hub) -> None:
    timm_repo(hub)
    hub.add_repo("someone/empty")
    for path in ("/no/such/resolve/main/model.safetensors", "/no/such/resolve/main/config.json"):
        hub.web.headers[path] = {"X-Error-Code": "RepoNotFound"}
    path = "/someone/net/resolve/main/none.pt"
    hub.web.headers[path] = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}
    with pytest.raises(CheckpointError, match=message) as caught:
        find_weights(spec, model=model, data="cifar10")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("switch", ["FSENS_OFFLINE", "HF_HUB_OFFLINE"])
@pytest.mark.parametrize(
    ("model", "data", "spec"),
    [
        ("resnet50", "cifar10", "auto"),
        ("resnet20", "cifar10", "auto"),
        ("resnet50", "imagenet", "auto"),
        ("timm/vit_tiny_patch16_224", "imagenet", "auto"),
        ("resnet8", "cifar10", "hub:someone/net"),
        ("hub:someone/net", "cifar10", "auto"),
    ],
)
def test_offline_asks_nobody(
    model: str, data: str, spec: str, switch: str, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(switch, "1")
    with pytest.raises(CheckpointError, match=rf"{switch} forbids downloading\. Give weights=PATH") as caught:
        find_weights(spec, model=model, data=data, imagenet=data == "imagenet")
    assert "\n" not in str(caught.value)
    assert hub.web.requests == []


def test_what_was_fetched_is_there_offline(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    network = timm_repo(hub)
    online = find_weights("auto", model="hub:someone/net", data="cifar10")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hub_network.cache_clear()
    hub.web.requests.clear()
    assert find_weights("auto", model="hub:someone/net", data="cifar10") == online
    assert same(classify("hub:someone/net", online, 10).module, network)
    assert hub.web.requests == []


def test_no_network_is_said_at_once(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", "http://127.0.0.1:9/{repo_id}/{revision}/{filename}")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(CheckpointError, match=r"no network: 127\.0\.0\.1:9 cannot be reached \(Connection refused\)"):
        find_weights("hub:someone/net", model="resnet8", data="cifar10")


PAGE = b"<!DOCTYPE html><html><body>Service unavailable</body></html>"


@pytest.mark.parametrize("kind", ["no Hub", "page with a Hub's headers"])
def test_a_page_instead_of_a_file_of_the_hub(kind: str, hub: Hub, own_cache: Path) -> None:
    path = hub.add("someone/net", "model.safetensors", PAGE)
    hub.add_repo("someone/net")
    if kind == "no Hub":
        hub.web.headers[path] = {"Content-Type": "text/html"}
    with pytest.raises(CheckpointError, match=r"(is an HTML page, not the file|answers, but not as a Hub does)"):
        find_weights("hub:someone/net", model="resnet8", data="cifar10")
    assert [p for p in (own_cache / "hub").rglob("*") if p.is_file() and p.read_bytes() == PAGE] == []


def test_other_bytes_than_the_hub_published(hub: Hub, own_cache: Path) -> None:
    hub.add("someone/net", "model.safetensors", b"other bytes", ETag=f'"{"a" * 64}"')
    hub.add_repo("someone/net")
    with pytest.raises(CheckpointError, match=r"is not the published file \(SHA256 differs\)"):
        find_weights("hub:someone/net", model="resnet8", data="cifar10")
    hub.add("someone/net", "model.safetensors", content := safe_bytes(nn.Linear(2, 2)))
    again = find_weights("hub:someone/net", model="resnet8", data="cifar10")
    assert again.sha256 == hashlib.sha256(content).hexdigest()


def test_a_broken_connection_to_the_hub_is_resumed(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    content = safe_bytes(nn.Linear(200, 200))
    path = hub.add("someone/net", "model.safetensors", content)
    hub.add_repo("someone/net")
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10_000)
    hub.web.break_after[path] = [50_000]
    found = find_weights("hub:someone/net", model="resnet8", data="cifar10")
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert hub.web.gets(path) == ["", "bytes=50000-"]


class Trap:
    """Creates a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("model", ["resnet8", "timm/resnet10t", "hub:someone/evil"])
def test_code_in_fetched_weights_never_runs(model: str, hub: Hub, tmp_path: Path) -> None:
    torch.save({"state_dict": {"w": torch.ones(1)}, "trap": Trap(tmp_path / "ran")}, tmp_path / "evil.bin")
    hub.add("someone/evil", "pytorch_model.bin", (tmp_path / "evil.bin").read_bytes())
    hub.add("someone/evil", "config.json", json.dumps({"architecture": "resnet10t", "num_classes": 10}).encode())
    hub.add_repo("someone/evil")
    found = find_weights("hub:someone/evil", model=model, data="cifar10")
    with pytest.raises(CheckpointError, match="under 'trap', and loading that would run code"):
        classify(model, found, 10)
    assert not (tmp_path / "ran").exists()
    torch.load(tmp_path / "evil.bin", weights_only=False)  # the same bytes do run where nobody is careful
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no json", "config.json is no JSON"),
        (b"[]", "config.json holds no settings"),
        (b"{}", "its config.json names no architecture"),
        (b'{"architecture": "resnet18_cifar10"}', "--model resnet18 --weights hub:someone/odd"),
        (b"[" * 100_000, "config.json is no JSON"),
        (b'{"architecture": "resnet10t", "model_args": [1]}', r"model_args=\[1\], which are no arguments"),
    ],
)
def test_repositories_that_hold_no_network_of_timm(content: bytes, message: str, hub: Hub) -> None:
    hub.add("someone/odd", "config.json", content)
    with pytest.raises(ModelError, match=message):
        build_network(ModelConfig(name="hub:someone/odd"), num_classes=10, shape=SMALL, seed=0)


@pytest.mark.parametrize(
    "said",
    [
        {"num_classes": [1]},
        {"num_classes": 10**400},
        {"num_classes": -3},
        {"pretrained_cfg": [1]},
        {"mean": 3, "std": 3},
        {"mean": ["x"], "std": [1]},
        {"mean": [10**400], "std": [1]},
        {"input_size": [3]},
        {"input_size": [3, 10**6, 10**6]},
        {"input_size": [3, 96, 96], "crop_pct": "x"},
        {"input_size": [3, 96, 96], "crop_pct": 1e-300},
        {"input_size": [3, 96, 96], "interpolation": ["x"]},
    ],
)
def test_repositories_that_describe_their_network_wrongly(said: dict[str, object], hub: Hub) -> None:
    hub.add("someone/odd", "config.json", json.dumps({"architecture": "resnet10t"} | said).encode())
    with pytest.raises(CheckpointError, match=r"someone/odd/config\.json describes itself wrongly") as refused:
        build_network(ModelConfig(name="hub:someone/odd"), num_classes=10, shape=SMALL, seed=0)
    assert "\n" not in str(refused.value)


@pytest.fixture
def zoo(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A stand-in for the package robustbench, which pins versions that cannot stand beside ours."""
    import sys
    import types

    from fsens_cli.models import robustbench

    module = types.ModuleType("robustbench.utils")
    calls: list[dict[str, str]] = []

    def load_model(**asked: str) -> nn.Module:
        calls.append(asked)
        file = Path(asked["model_dir"]) / asked["dataset"] / asked["threat_model"] / f"{asked['model_name']}.pt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"weights")
        return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 10))

    module.load_model = load_model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "robustbench", types.ModuleType("robustbench"))
    monkeypatch.setitem(sys.modules, "robustbench.utils", module)
    monkeypatch.delenv("FSENS_OFFLINE")
    robustbench.load_robustbench.cache_clear()
    return calls  # type: ignore[return-value]


def test_robustbench_through_the_optional_adapter(zoo: list[dict[str, str]]) -> None:
    found = find_weights("auto", model="robustbench/L2/Rice2020", data="cifar10")
    assert found.sha256 == hashlib.sha256(b"weights").hexdigest()
    classifier = build_classifier(
        ModelConfig(name="robustbench/L2/Rice2020"),
        found,
        num_classes=10,
        shape=SMALL,
        seed=0,
        front_end=FrontEndConfig(),
        data="cifar10",
    )
    assert classifier(torch.rand(2, 3, 32, 32)).shape == (2, 10)
    (call,) = zoo
    assert (call["model_name"], call["threat_model"], call["dataset"]) == ("Rice2020", "L2", "cifar10")


@pytest.mark.parametrize(
    ("model", "data", "spec", "message"),
    [
        (
            "robustbench/X",
            "dualband",
            "auto",
            "RobustBench has networks for cifar10, cifar100, imagenet, not for dualband",
        ),
        ("robustbench/L7/X", "cifar10", "auto", "THREAT of Linf, L2, corruptions"),
        ("robustbench/X", "cifar10", "auto", "needs the package robustbench, which is not installed here"),
    ],
)
def test_robustbench_s_refusals(model: str, data: str, spec: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        find_weights(spec, model=model, data=data)


@pytest.mark.usefixtures("zoo")
def test_robustbench_comes_with_its_weights() -> None:
    with pytest.raises(CheckpointError, match=r"comes with its weights; leave weights=auto"):
        find_weights("random", model="robustbench/X", data="cifar10")
