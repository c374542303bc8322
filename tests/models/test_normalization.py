"""Normalisation that comes with an architecture, wherever its weights come from, and whether another fits better."""

from pathlib import Path

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from fsens_cli.errors import CheckpointError
from fsens_cli.models.assumed import assumed_description, statistics_of_tags
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.classifier import Classifier, Normalization
from fsens_cli.models.normalization import HALF, IMAGENET, UNCHANGED, better_normalization, normalization_for
from fsens_cli.models.settings import FrontEndConfig, ModelConfig
from fsens_cli.models.weights import Weights, find_weights

NOTHING: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())


def file_of(network: nn.Module, tmp_path: Path) -> str:
    torch.save(network.state_dict(), tmp_path / "w.pt")
    return str(tmp_path / "w.pt")


def taken(name: str, tmp_path: Path, mean: object = (), std: object = (), *, num_classes: int = 1000) -> Classifier:
    network = timm.create_model(name.removeprefix("timm/").partition(".")[0], num_classes=num_classes)
    return build_classifier(
        ModelConfig(name=name, mean=list(mean) if isinstance(mean, tuple) else mean, std=list(std)),  # type: ignore[call-overload]
        find_weights(file_of(network, tmp_path), model=name, data="cifar10"),
        num_classes=num_classes,
        shape=ImageShape(3, 64, 64),
        seed=0,
        front_end=FrontEndConfig(),
    )


def test_a_file_that_says_nothing_gets_the_architecture_s_own(tmp_path: Path) -> None:
    """Its configuration says 0.5, 0.5 and 224 pixels; before, mean 0 and standard deviation 1 were taken in silence."""
    classifier = taken("timm/tf_efficientnet_lite0", tmp_path)
    assert classifier.mean.flatten().tolist() == classifier.std.flatten().tolist() == [0.5] * 3
    assert classifier.normalization.source == "assumed"
    (warning,) = classifier.warnings
    assert (
        "w.pt does not say how images are normalised: mean 0.5, std 0.5 assumed, as timm's training in1k has it"
        in warning
    )
    assert "model.mean=none leaves it to the network" in warning
    weights = find_weights(str(tmp_path / "w.pt"), model="timm/tf_efficientnet_lite0", data="folder")
    assert weights.description["geometry"] == {"height": 224, "width": 224, "shorter": 256, "interpolation": "bicubic"}


@pytest.mark.parametrize("name", ["timm/tf_efficientnet_lite0", "mobilenet_v3_small"])
def test_a_file_of_other_classes_is_not_the_library_s_training(name: str, tmp_path: Path) -> None:
    """Somebody trained it again, normalised in a way that the file does not tell; before, the library's was taken."""
    network = (timm.create_model if "/" in name else torchvision.models.get_model)(
        name.removeprefix("timm/"), num_classes=7
    )
    found = find_weights(file_of(network, tmp_path), model=name, data="folder")
    with pytest.raises(
        CheckpointError,
        match=r"with 7 classes it is not (timm|torchvision)'s .* \(1,000 classes, mean .*\): give model\.mean .* for "
        r"example model\.mean=\[0\.\d+,.*\] model\.std=\[0\.\d+,.*\], or model\.mean=none",
    ):
        normalization_for(ModelConfig(name=name), found, NOTHING, num_classes=7)
    given = normalization_for(ModelConfig(name=name, mean=[0.5], std=[0.5]), found, NOTHING, num_classes=7)
    assert given.source == "given"
    assert normalization_for(ModelConfig(name=name), found, NOTHING, num_classes=1000).source == "assumed"


def test_what_is_given_wins_with_a_note(tmp_path: Path) -> None:
    classifier = taken("timm/tf_efficientnet_lite0", tmp_path, (0.1, 0.2, 0.3), (1.0, 1.0, 1.0))
    assert classifier.mean.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3])
    (remark,) = classifier.remarks
    assert remark == "normalised by mean 0.1/0.2/0.3, std 1 as given; timm's training in1k says mean 0.5, std 0.5"
    assert classifier.warnings == []
    images = torch.rand(2, 3, 64, 64)
    inside = taken("timm/tf_efficientnet_lite0", tmp_path, "none")
    assert inside.warnings == []
    torch.testing.assert_close(inside.eval()(images), inside.module.eval()(images))


def test_torchvision_s_builders(tmp_path: Path) -> None:
    network = torchvision.models.get_model("mobilenet_v3_small", num_classes=10)
    found = find_weights(file_of(network, tmp_path), model="mobilenet_v3_small", data="folder")
    preset = torchvision.models.MobileNet_V3_Small_Weights.DEFAULT.transforms()
    assert found.description["model"] == {"mean": list(preset.mean), "std": list(preset.std)}
    assert found.description["geometry"]["shorter"] == preset.resize_size[0]
    assert (
        normalization_for(ModelConfig(name="mobilenet_v3_small"), found, NOTHING, num_classes=1000).source == "assumed"
    )
    # Names that stand for networks of our own as well are torchvision's on ImageNet alone.
    assert find_weights(str(tmp_path / "w.pt"), model="resnet18", data="cifar10").description == {}
    assert (
        "geometry" in find_weights(str(tmp_path / "w.pt"), model="resnet18", data="imagenet", imagenet=True).description
    )


def test_nothing_known_and_nothing_given_is_said() -> None:
    weights = Weights(label="w.pt", path=Path("w.pt"))
    found = normalization_for(ModelConfig(name="net.py:make"), weights, NOTHING, num_classes=1000)
    assert (found.source, found.mean) == ("unknown", ())
    assert "w.pt does not say how images are normalised, and nothing is known of net.py:make" in found.warnings[0]
    assert normalization_for(ModelConfig(mean="none"), weights, NOTHING, num_classes=1000).warnings == ()
    assert normalization_for(ModelConfig(), Weights(label="random"), NOTHING, num_classes=1000).warnings == ()


def test_a_layer_in_the_file_comes_before_the_library() -> None:
    weights = Weights(label="w.pt", path=Path("w.pt"), description=assumed_description("timm/vit_tiny_patch16_224"))
    found = normalization_for(ModelConfig(), weights, ((0.4,), (0.2,)), num_classes=1000)
    assert (found.mean, found.std, found.source, found.warnings) == ((0.4,), (0.2,), "stored", ())


def test_every_architecture_whose_trainings_disagree_is_refused() -> None:
    """The table of timm's registry; nothing is downloaded. Each is refused without a tag, and taken with one."""
    disagreeing = []
    for name in timm.list_models():
        tagged = [timm.get_pretrained_cfg(tag) for tag in timm.list_models(f"{name}.*", pretrained=True)]
        if len({(tuple(config.mean), tuple(config.std)) for config in tagged}) > 1:
            disagreeing.append(name)
    assert len(disagreeing) >= 30
    for name in disagreeing:
        weights = Weights(label="w.pt", path=Path("w.pt"), description=assumed_description(f"timm/{name}"))
        with pytest.raises(
            CheckpointError, match=r"differ \(.*\): name the training as --model timm/NAME\.TAG, or give"
        ):
            normalization_for(ModelConfig(name=f"timm/{name}"), weights, NOTHING, num_classes=1000)
        given = ModelConfig(name=f"timm/{name}", mean=[0.5], std=[0.5])
        assert normalization_for(given, weights, NOTHING, num_classes=1000).source == "given"
        (_, (tag, *_)) = next(iter(statistics_of_tags(name).items()))
        tagged_weights = Weights(label="w.pt", path=Path("w.pt"), description=assumed_description(f"timm/{name}.{tag}"))
        config = timm.get_pretrained_cfg(f"{name}.{tag}")
        found = normalization_for(ModelConfig(name=f"timm/{name}.{tag}"), tagged_weights, NOTHING, num_classes=1000)
        assert (found.mean, found.std) == (tuple(config.mean), tuple(config.std))


class Bright(nn.Module):
    """Says class 1 where the normalised image is brighter than 0 on average."""

    def forward(self, images: Tensor) -> Tensor:
        mean = images.mean((1, 2, 3))
        return torch.stack([-mean, mean], dim=1)


def test_another_normalisation_that_fits_better_is_named() -> None:
    level = torch.linspace(0.3, 0.7, 40)
    images, labels = level[:, None, None, None].expand(-1, 3, 4, 4).contiguous(), (level > 0.5).long()
    others = {"ImageNet's": IMAGENET, "0.5 for all": HALF, "none": UNCHANGED}
    unchanged = Classifier(Bright(), name="bright", num_classes=2)
    said = better_normalization(unchanged, images, labels, others)
    assert (
        said
        == "on 40 images the accuracy is 50.0 % as it is, and 100.0 % with 0.5 for all: check model.mean and model.std."
    )
    assert better_normalization(unchanged, images[16:24], labels[16:24], others) == ""  # four images more: luck
    assert unchanged.mean.flatten().tolist() == [0.0]
    right = Classifier(Bright(), name="bright", num_classes=2, mean=[0.5] * 3, std=[0.5] * 3)
    assert better_normalization(right, images, labels, others) == ""
    assert better_normalization(unchanged, images[:, :1], labels, {"ImageNet's": IMAGENET}) == ""


@pytest.mark.parametrize(("source", "is_tried"), [("hub:someone/net", True), ("hub:timm/net", False), ("w.pt", False)])
def test_what_anybody_s_repository_says_is_tried_on_labelled_images(source: str, is_tried: bool) -> None:
    from fsens_cli.commands.networks import doubts_of
    from fsens_cli.data.images import ImageSet

    level = torch.linspace(80, 180, 40).round().to(torch.uint8)
    images = ImageSet(
        images_NCHW=level[:, None, None, None].expand(-1, 3, 4, 4).contiguous(),
        label_N=(level > 127).long(),
        index_N=torch.arange(40),
        class_names=("dark", "bright"),
        title="levels",
        split="test",
    )
    classifier = Classifier(Bright(), name="bright", num_classes=2)
    classifier.normalization = Normalization(mean=(0.0,), std=(1.0,), source="stored")
    said = doubts_of(classifier, Weights(label=source, path=Path("w.pt")), images, 0, about_output=False)
    assert bool(said) is is_tried
    if is_tried:
        assert "as it is, and 100.0 % with 0.5 for all" in said[0]
