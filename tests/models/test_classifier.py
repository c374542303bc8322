"""Classifiers: normalisation inside, held still while measured."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from fsens_cli.errors import ModelError
from fsens_cli.models.classifier import Classifier, as_classifier, device_of, held_still


def test_normalisation_is_inside(smooth: Callable[..., nn.Module]) -> None:
    network = smooth()
    classifier = Classifier(network, name="net", num_classes=4, mean=[0.5, 0.4, 0.3], std=[0.1, 0.2, 0.3])
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    by_hand = torch.stack([(images[:, c] - (0.5, 0.4, 0.3)[c]) / (0.1, 0.2, 0.3)[c] for c in range(3)], dim=1)
    torch.testing.assert_close(classifier(images), network(by_hand))


def test_one_number_serves_all_channels(smooth: Callable[..., nn.Module]) -> None:
    network = smooth()
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    classifier = Classifier(network, name="net", num_classes=4, mean=[0.5], std=[0.25])
    torch.testing.assert_close(classifier(images), network(4 * images - 2))
    assert torch.equal(Classifier(network, name="net", num_classes=4)(images), network(images))


def test_front_end_sees_the_image_before_normalisation() -> None:
    double = nn.Module()
    double.forward = lambda x: 2 * x  # type: ignore[method-assign]
    classifier = Classifier(nn.Flatten(), name="net", num_classes=1, mean=[0.5], std=[0.5], front_end=double)
    assert classifier(torch.full((1, 1, 1, 1), 0.75)).item() == 2.0


def test_normalisation_is_not_part_of_the_weights(smooth: Callable[..., nn.Module]) -> None:
    classifier = Classifier(smooth(), name="net", num_classes=4, mean=[0.5], std=[0.25])
    assert set(classifier.state_dict()) == {f"module.{name}" for name in smooth().state_dict()}


def test_double_images_keep_their_precision() -> None:
    classifier = Classifier(nn.Flatten(), name="net", num_classes=1, mean=[0.5], std=[0.5])
    value = torch.full((1, 1, 1, 1), 0.3, dtype=torch.float64)
    assert classifier(value).item() == pytest.approx(-0.4, abs=1e-15)


def test_wrapping_a_network_elsewhere_normalises_there() -> None:
    # A network's buffers follow .to(); those of the wrapper are made later, on the CPU.
    network = nn.Linear(3, 2, device="meta")
    assert as_classifier(network)(torch.zeros(4, 3, 2, 3, device="meta")).device.type == "meta"


def test_wrapping_twice_is_wrapping_once(smooth: Callable[..., nn.Module]) -> None:
    classifier = as_classifier(smooth())
    assert as_classifier(classifier) is classifier
    assert classifier.name == "Smooth"


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ([0.5], [], "model.mean has 1 entries and model.std 0"),
        ([0.5], [0.0], r"model.std=\[0.0\]: every entry must be positive"),
        ([0.5, 0.5], [0.1, -0.1], "every entry must be positive"),
        ([0.5], [float("nan")], "every entry must be positive"),
    ],
)
def test_refuses_normalisation(mean: list[float], std: list[float], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Classifier(nn.Identity(), name="net", num_classes=2, mean=mean, std=std)


def test_device_of_a_module() -> None:
    assert device_of(nn.Linear(2, 2, device="meta")).type == "meta"
    assert device_of(nn.BatchNorm2d(2, affine=False)).type == "cpu"
    assert device_of(nn.ReLU()).type == "cpu"


def test_held_still_and_let_go_even_after_an_error() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Dropout(), nn.BatchNorm1d(2))
    module[1].eval()
    module[2].weight.requires_grad_(False)

    def look_and_fail() -> None:
        with held_still(module):
            assert not any(m.training for m in module.modules())
            assert not any(p.requires_grad for p in module.parameters())
            raise KeyError

    with pytest.raises(KeyError):
        look_and_fail()
    assert [m.training for m in module.modules()] == [True, True, False, True]
    assert [p.requires_grad for p in module.parameters()] == [True, True, False, True]
