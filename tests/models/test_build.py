"""From a name to a network with weights: packaged, of a library, of the user's own."""

from pathlib import Path

import pytest
import torch
from torch import nn

from fsens_cli.errors import CheckpointError, ConfigError, ModelError
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import PACKAGED, ImageShape
from fsens_cli.models.checkpoint import serialise
from fsens_cli.models.construct import build_network
from fsens_cli.models.device import pick_device
from fsens_cli.models.front_end import GaussianBlur
from fsens_cli.models.names import check_model_name
from fsens_cli.models.settings import FrontEndConfig, ModelConfig
from fsens_cli.models.weights import Weights, find_weights

SHAPE = ImageShape(3, 16, 16)

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes=10, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.fc = nn.Linear(width, num_classes)
    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))

def make(num_classes=10, width=4):
    return Net(num_classes, width)

def make_ten():
    return Net(10)

def make_int():
    return 3

def make_fails():
    raise {error}("on purpose")

seven = 7
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    file = tmp_path / "my net.py"
    file.write_text(NET.format(error="KeyError"))
    return file


def build(config: ModelConfig, weights: Weights | None = None, num_classes: int = 10, **options: object):  # noqa: ANN201
    given: dict[str, object] = {"shape": SHAPE, "seed": 0, "front_end": FrontEndConfig()}
    return build_classifier(config, weights or Weights(label="random"), num_classes=num_classes, **(given | options))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["resnet8", "resnet20", "resnet18"])
def test_packaged_networks(name: str) -> None:
    classifier = build(ModelConfig(name=name), num_classes=7)
    assert classifier.eval()(torch.rand(2, 3, 16, 16)).shape == (2, 7)
    assert (classifier.name, classifier.num_classes) == (name, 7)


@pytest.mark.parametrize(
    ("name", "parameters"), [("resnet20", 272_474), ("resnet56", 855_770), ("resnet18", 11_173_962)]
)
def test_parameter_counts_are_the_published_ones(name: str, parameters: int) -> None:
    network = build_network(ModelConfig(name=name), num_classes=10, shape=ImageShape(3, 32, 32), seed=0)
    # A little above the 0.27 M and 0.85 M of He et al., whose shortcuts pad with zeros instead of a 1x1 convolution.
    assert sum(p.numel() for p in network.parameters()) == parameters


def test_same_seed_same_weights_and_the_global_generator_stays() -> None:
    config = ModelConfig(name="resnet8")
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = build_network(config, num_classes=10, shape=SHAPE, seed=3).state_dict()
    assert torch.equal(torch.rand(1), expected)
    second, other = (build_network(config, num_classes=10, shape=SHAPE, seed=s).state_dict() for s in (3, 4))
    assert all(torch.equal(first[k], second[k]) for k in first)
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])


def test_gray_images() -> None:
    classifier = build(ModelConfig(name="resnet8"), shape=ImageShape(1, 15, 21))
    assert classifier(torch.rand(2, 1, 15, 21)).shape == (2, 10)


def test_constructor_arguments() -> None:
    network = build_network(ModelConfig(name="resnet8", kwargs={"width": 4}), num_classes=3, shape=SHAPE, seed=0)
    assert network.fc.weight.shape == (3, 16)
    with pytest.raises(ModelError, match=r"model=resnet8 cannot be built for 3x16x16 images with .*'depth': 3"):
        build_network(ModelConfig(name="resnet8", kwargs={"depth": 3}), num_classes=3, shape=SHAPE, seed=0)


@pytest.mark.parametrize(
    ("name", "closest"),
    [("resnt20", "resnet20"), ("vit_b_61", "vit_b_16"), ("timm/vit_tiny_patch16_22", "timm/vit_tiny")],
)
def test_unknown_names_get_the_closest(name: str, closest: str) -> None:
    with pytest.raises(ModelError, match=rf"unknown model '{name}'\. Closest: .*{closest}"):
        check_model_name(name)


def test_names_that_look_like_nothing() -> None:
    with pytest.raises(ModelError, match=r"unknown model 'zzzzzz'\. `fsens models` lists them all"):
        check_model_name("zzzzzz")


@pytest.mark.parametrize("name", [*PACKAGED, "vit_b_16", "timm/resnet18"])
def test_known_names(name: str) -> None:
    check_model_name(name)


def test_factory_of_one_s_own(net: Path) -> None:
    classifier = build(ModelConfig(name=f"{net}:make", kwargs={"width": 6}), num_classes=5)
    assert classifier.module.conv.weight.shape == (6, 3, 3, 3)
    assert classifier(torch.rand(2, 3, 16, 16)).shape == (2, 5)


def test_factory_without_a_number_of_classes(net: Path) -> None:
    assert build(ModelConfig(name=f"{net}:make_ten")).module.fc.out_features == 10


def test_a_class_is_a_factory(net: Path) -> None:
    assert build(ModelConfig(name=f"{net}:Net"), num_classes=3).module.fc.out_features == 3


def test_a_factory_in_a_package() -> None:
    network = build_network(ModelConfig(name="torchvision.models:squeezenet1_1"), num_classes=4, shape=SHAPE, seed=0)
    assert isinstance(network, nn.Module)


def test_two_files_of_one_name_do_not_meet(tmp_path: Path) -> None:
    for folder, width in (("a", 3), ("b", 5)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "net.py").write_text(
            f"from torch import nn\ndef make():\n    return nn.Linear({width}, 2)\n"
        )
    widths = [
        build_network(ModelConfig(name=f"{tmp_path / f}/net.py:make"), num_classes=2, shape=SHAPE, seed=0).in_features
        for f in "ab"
    ]
    assert widths == [3, 5]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("mak", r"has no function mak\. Closest: make"),
        ("seven", "has no function seven"),
        ("make_int", "make_int returned int, expected a torch.nn.Module"),
        ("make_fails", "calling make_fails failed: KeyError: 'on purpose'"),
        ("", r"expected FILE\.py:FUNCTION or PACKAGE\.MODULE:FUNCTION"),
    ],
)
def test_factories_that_cannot_be_used(function: str, message: str, net: Path) -> None:
    with pytest.raises(ModelError, match=message):
        build_network(ModelConfig(name=f"{net}:{function}"), num_classes=2, shape=SHAPE, seed=0)


@pytest.mark.parametrize("error", ["ZeroDivisionError", "AssertionError", "IndexError", "RuntimeError", "Exception"])
def test_whatever_a_factory_raises_is_told_in_one_line(error: str, tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(NET.format(error=error))
    with pytest.raises(ModelError, match=f"calling make_fails failed: {error}: on purpose"):
        build_network(ModelConfig(name=f"{file}:make_fails"), num_classes=2, shape=SHAPE, seed=0)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import no_such_package_anywhere", "ModuleNotFoundError"),
        ("def make(:", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("assert False, 'wrong machine'", "AssertionError: wrong machine"),
    ],
)
def test_files_that_cannot_be_imported(source: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(source)
    with pytest.raises(ModelError, match=rf"importing .*net\.py failed: {message}"):
        build_network(ModelConfig(name=f"{tmp_path / 'net.py'}:make"), num_classes=2, shape=SHAPE, seed=0)


def test_missing_files_and_packages(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no file .*none\.py"):
        check_model_name(f"{tmp_path / 'none.py'}:make")
    with pytest.raises(ModelError, match=r"importing no_such_package\.nets failed: ModuleNotFoundError"):
        build_network(ModelConfig(name="no_such_package.nets:make"), num_classes=2, shape=SHAPE, seed=0)


@pytest.mark.parametrize(
    ("num_classes", "shape", "message"),
    [
        (5, SHAPE, r"returns shape \(10,\) for an image, and the data has 5 classes"),
        (10, ImageShape(1, 16, 16), "cannot take 1x16x16 images"),
    ],
)
def test_networks_that_do_not_fit_the_data(num_classes: int, shape: ImageShape, message: str, net: Path) -> None:
    with pytest.raises(ModelError, match=message):
        build(ModelConfig(name=f"{net}:make_ten"), num_classes=num_classes, shape=shape)


def test_normalisation_for_another_number_of_channels() -> None:
    with pytest.raises(ModelError, match=r"model\.mean has 3 entries and the images have 1 channels"):
        build(ModelConfig(name="resnet8", mean=[0.5] * 3, std=[0.5] * 3), shape=ImageShape(1, 16, 16))


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ([0.5], [], "differ in length"),
        ([0.5], [0.0], "every entry must be positive"),
        ([0.5], [float("nan")], r"model\.std=\[nan\] is not one finite number a channel"),
        ([float("inf")], [1.0], r"model\.mean=\[inf\] is not one finite number a channel"),
        ("nothing", [], r"model\.mean=nothing is not one finite number a channel.*; none leaves it to the network"),
        ("none", [0.5], r"model\.std=\[0\.5\] has no meaning with model\.mean=none"),
    ],
)
def test_normalisations_that_make_no_sense(mean: object, std: object, message: str) -> None:
    with pytest.raises((ModelError, ConfigError), match=message):
        ModelConfig(mean=mean, std=std)


def stored(tmp_path: Path, **changes: object) -> Weights:
    """Weights of a resnet8 as a training writes them."""
    network = build_network(ModelConfig(name="resnet8", kwargs={"width": 4}), num_classes=10, shape=SHAPE, seed=9)
    description = {
        "model": {"name": "resnet8", "kwargs": {"width": 4}, "mean": [0.4] * 3, "std": [0.2] * 3},
        "frontend": {"name": "blur", "sigma": 1.0},
        "num_classes": 10,
    } | changes
    (tmp_path / "best.safetensors").write_bytes(serialise(network, description))
    return find_weights(str(tmp_path / "best.safetensors"), model="resnet8", data="dualband")


def test_described_weights_bring_their_arguments_normalisation_and_front_end(tmp_path: Path) -> None:
    weights = stored(tmp_path)
    assert weights.label == "best.safetensors"
    assert len(weights.sha256) == 64
    classifier = build(ModelConfig(name="resnet8"), weights)
    assert classifier.module.conv1.weight.shape[0] == 4
    assert classifier.mean.flatten().tolist() == pytest.approx([0.4] * 3)
    assert classifier.std.flatten().tolist() == pytest.approx([0.2] * 3)
    assert isinstance(classifier.front_end, GaussianBlur)
    expected = build_network(ModelConfig(name="resnet8", kwargs={"width": 4}), num_classes=10, shape=SHAPE, seed=9)
    assert torch.equal(classifier.module.conv1.weight, expected.conv1.weight)


def test_what_the_user_says_comes_before_what_the_weights_say(tmp_path: Path) -> None:
    config = ModelConfig(name="resnet8", mean=[0.1], std=[0.3])
    classifier = build(config, stored(tmp_path), front_end=FrontEndConfig(name="blur", sigma=2.0))
    assert classifier.mean.flatten().tolist() == pytest.approx([0.1])
    assert classifier.front_end.sigma == 2.0


def test_weights_of_another_network(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds a resnet8, not a resnet20: give --model resnet8"):
        build(ModelConfig(name="resnet20"), stored(tmp_path))


def test_weights_of_another_number_of_classes(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="was trained on 10 classes and the data has 4"):
        build(ModelConfig(name="resnet8"), stored(tmp_path), num_classes=4)


def test_foreign_weights_of_another_number_of_classes(tmp_path: Path) -> None:
    network = build_network(ModelConfig(name="resnet8"), num_classes=10, shape=SHAPE, seed=0)
    torch.save(network.state_dict(), tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match=r"fc\.weight \(10, 64\) instead of \(4, 64\)"):
        build(ModelConfig(name="resnet8"), find_weights(str(tmp_path / "w.pt"), model="", data=""), num_classes=4)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "auto",
            r"no weights are packaged or known for resnet8 on folder\. Give weights=PATH .*weights=run:RUN.*=random",
        ),
        ("packaged:lsf", "weights=packaged:lsf does not exist for resnet8 on folder; packaged: none"),
        ("no/such/file.pt", "weights=no/such/file.pt: there is no such file"),
    ],
)
def test_weights_that_are_not_there(spec: str, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        find_weights(spec, model="resnet8", data="folder")


def test_random_weights_have_no_file() -> None:
    assert find_weights("random", model="x", data="y") == Weights(label="random")


@pytest.mark.parametrize("name", ["cpu", "auto"])
def test_devices(name: str) -> None:
    assert pick_device(name).type in ("cpu", "cuda")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_no_cuda_here() -> None:
    with pytest.raises(ConfigError, match="device=cuda, and this machine has no usable CUDA device: give device=cpu"):
        pick_device("cuda")


@pytest.mark.parametrize(
    ("name", "message"), [("gpu", "is not a device"), ("meta", "is not supported"), ("", "is not a device")]
)
def test_no_devices(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        pick_device(name)


def test_library_networks_take_their_channels_from_the_data() -> None:
    network = build_network(ModelConfig(name="timm/resnet10t"), num_classes=5, shape=ImageShape(1, 32, 32), seed=0)
    assert network.eval()(torch.rand(1, 1, 32, 32)).shape == (1, 5)


def test_wide_residual_networks() -> None:
    """Zagoruyko and Komodakis 2016 give 36.5 million parameters for WRN-28-10 and 0.6 for WRN-40-1."""
    shape = ImageShape(3, 32, 32)
    for depth, width, millions in ((28, 10, 36.5), (40, 1, 0.6)):
        config = ModelConfig(name="wide_resnet", kwargs={"depth": depth, "width": width})
        network = build_network(config, num_classes=10, shape=shape, seed=0)
        assert round(sum(p.numel() for p in network.parameters()) / 1e6, 1) == millions
    names = set(network.state_dict())
    assert {"conv1.weight", "block2.layer.0.convShortcut.weight", "block3.layer.5.conv2.weight", "bn1.bias"} <= names
    assert network.eval()(torch.rand(1, 3, 20, 28)).shape == (1, 10)
    with pytest.raises(ModelError, match=r"model\.kwargs\.depth=29: a wide_resnet has 10, 16, 22, 28"):
        build(ModelConfig(name="wide_resnet", kwargs={"depth": 29}))


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "squeezenet1_1", "convnext_tiny", "vit_b_32"])
def test_torchvision_s_networks_take_their_channels_from_the_data(name: str) -> None:
    kwargs = {"image_size": 96} if name.startswith("vit") else {}
    shape = ImageShape(1, 96, 96)
    network = build_network(ModelConfig(name=name, kwargs=kwargs), num_classes=5, shape=shape, seed=0)
    assert network.eval()(torch.rand(1, 1, 96, 96)).shape == (1, 5)


@pytest.mark.parametrize(("described", "kernel"), [({"image_shape": [3, 32, 32]}, 3), ({}, 7)])
def test_the_weights_decide_the_stem(described: dict[str, object], kernel: int, tmp_path: Path) -> None:
    """A network trained on small images stays what it is when it is given large ones."""
    made_for = ImageShape(*described.get("image_shape", (3, 128, 128)))  # type: ignore[misc]
    trained = build_network(ModelConfig(name="resnet18"), num_classes=10, shape=made_for, seed=1)
    (tmp_path / "w.safetensors").write_bytes(serialise(trained, described))
    weights = find_weights(str(tmp_path / "w.safetensors"), model="resnet18", data="dualband")
    classifier = build(ModelConfig(name="resnet18"), weights, shape=ImageShape(3, 128, 128))
    assert classifier.module.conv1.kernel_size == (kernel, kernel)


@pytest.mark.parametrize("name", ["hub:someone", "hub:", "hub:a/b c", "robustbench/", "robustbench/L3/X"])
def test_names_of_other_places_that_are_no_names(name: str) -> None:
    with pytest.raises(ModelError, match=f"model={name}: "):
        check_model_name(name)
