"""Masked classes are legal in every verb that reads answers, and what is no number is refused by all of them."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.data.images import ImageSet
from fsens_cli.errors import ModelError
from fsens_cli.experiments.critical_band import critical_band
from fsens_cli.experiments.critical_band_reference import published_critical_band
from fsens_cli.experiments.critical_band_settings import CriticalBandConfig
from fsens_cli.experiments.evaluate import evaluate
from fsens_cli.experiments.evaluate_settings import EvaluateConfig, SuiteConfig
from fsens_cli.experiments.hybrid_probe import hybrid_probe
from fsens_cli.experiments.hybrid_settings import HybridConfig
from fsens_cli.experiments.layers import layers
from fsens_cli.experiments.layers_settings import LayersConfig
from fsens_cli.experiments.training_course import evaluate_accuracy
from fsens_cli.models.classifier import as_classifier

ONLY_BANDS = SuiteConfig(
    corruptions=[], filters=[], shuffles=[], noises=[], attacks=[], minimal=False, heat_map=False, bands=True
)


class Bright(nn.Module):
    """Class 1 where the image is bright, by a convolution; the other classes say what ``rest`` holds."""

    def __init__(self, rest: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 1)
        nn.init.constant_(self.conv.weight, 1 / 3)
        nn.init.constant_(self.conv.bias, -0.5)
        self.rest = rest

    def forward(self, images_NCHW: Tensor) -> Tensor:
        bright_N = self.conv(images_NCHW).mean(dim=(1, 2, 3))
        others = bright_N.new_full((len(bright_N), 2), self.rest)
        return torch.cat([-bright_N[:, None], bright_N[:, None], others], dim=1)


@pytest.fixture
def images() -> ImageSet:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(24) % 2
    pixels = torch.randint(0, 100, (24, 3, 32, 32), generator=generator) + 150 * labels[:, None, None, None]
    return ImageSet(
        images_NCHW=pixels.to(torch.uint8), label_N=labels, index_N=torch.arange(24),
        class_names=("dark", "bright", "c", "d"), title="toy", split="test",
    )  # fmt: skip


VERBS: dict[str, Callable[[nn.Module, ImageSet], object]] = {
    "layers": lambda model, images: layers(model, images, LayersConfig(layers="all")),
    "critical-band": lambda model, images: critical_band(model, images, CriticalBandConfig()),
    "published": lambda model, images: published_critical_band(model, images, CriticalBandConfig()),
    "bands": lambda model, images: evaluate(model, images, EvaluateConfig(suite=ONLY_BANDS)),
    "hybrid-probe": lambda model, images: hybrid_probe(model, images, config=HybridConfig(pairings=1)),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_masked_class_is_legal(verb: str, images: ImageSet) -> None:
    VERBS[verb](Bright(float("-inf")), images)


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_no_number_is_refused(verb: str, images: ImageSet) -> None:
    with pytest.raises(ModelError, match="not a number"):
        VERBS[verb](Bright(float("nan")), images)


def test_an_image_whose_own_class_is_masked_has_no_importance(images: ImageSet) -> None:
    hidden = images.select(torch.arange(24))
    hidden.label_N[:] = 2
    with pytest.raises(ModelError, match="own class"):
        VERBS["bands"](Bright(float("-inf")), hidden)


def test_no_number_is_no_right_answer(images: ImageSet) -> None:
    # The largest entry of a row with NaN is the first NaN: its place must not count as a class.
    labels = ImageSet(
        images_NCHW=images.images_NCHW, label_N=torch.full((24,), 2), index_N=images.index_N,
        class_names=images.class_names, title="toy", split="test",
    )  # fmt: skip
    assert evaluate_accuracy(as_classifier(Bright(float("nan"))), labels, 8) == 0
