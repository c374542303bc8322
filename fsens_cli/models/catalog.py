"""Which networks can be named, and how is each built without weights?"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from fsens_cli.errors import ModelError, suggestion
from fsens_cli.models.factory import call_factory, is_factory, split_factory


@dataclass(kw_only=True)
class ModelConfig:
    """A network by name, with the arguments of its constructor and its normalisation.

    Attributes:
        name: a packaged network, a torchvision name, ``timm/NAME`` or ``FILE.py:FUNCTION``.
        kwargs: passed to the constructor or factory.
        mean, std: per channel of [0, 1] images; empty takes what is stored with the weights.
    """

    name: str = "resnet8"
    kwargs: dict[str, Any] = field(default_factory=dict)
    mean: list[float] = field(default_factory=list)
    std: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Check that mean and std come in pairs."""
        if len(self.mean) != len(self.std):
            raise ModelError(f"model.mean={self.mean} and model.std={self.std} differ in length: give both alike.")
        if not all(s > 0 for s in self.std):  # NaN fails too
            raise ModelError(f"model.std={self.std}: every entry must be positive.")


@dataclass(frozen=True, slots=True)
class ImageShape:
    """What a network will be given: channels, height and width in pixels."""

    channels: int
    height: int
    width: int

    def __str__(self) -> str:
        """Return for example ``3x32x32``."""
        return f"{self.channels}x{self.height}x{self.width}"


Builder = Callable[..., nn.Module]

# Below this many pixels a side the ImageNet stem (stride 4) would leave almost nothing to look at.
SMALL_STEM_BELOW = 96


def _cifar_resnet(blocks_per_stage: int) -> Builder:
    def build(*, num_classes: int, shape: ImageShape, **kwargs: Any) -> nn.Module:
        from fsens_cli.models.cifar_resnet import CifarResNet

        return CifarResNet(blocks_per_stage, num_classes=num_classes, channels=shape.channels, **kwargs)

    return build


def _resnet(name: str) -> Builder:
    def build(*, num_classes: int, shape: ImageShape, **kwargs: Any) -> nn.Module:
        """Build torchvision's ResNet; small images get the 3x3 stride-1 stem and no max-pool."""
        import torchvision

        network: nn.Module = torchvision.models.get_model(name, weights=None, num_classes=num_classes, **kwargs)
        if min(shape.height, shape.width) < SMALL_STEM_BELOW:
            network.conv1 = nn.Conv2d(shape.channels, 64, 3, 1, padding=1, bias=False)
            nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
            network.maxpool = nn.Identity()
        return network

    return build


PACKAGED: dict[str, Builder] = {
    "resnet8": _cifar_resnet(1),
    "resnet20": _cifar_resnet(3),
    "resnet32": _cifar_resnet(5),
    "resnet44": _cifar_resnet(7),
    "resnet56": _cifar_resnet(9),
    "resnet18": _resnet("resnet18"),
    "resnet34": _resnet("resnet34"),
    "resnet50": _resnet("resnet50"),
}


@lru_cache(maxsize=1)
def torchvision_names() -> tuple[str, ...]:
    """Return torchvision's classification models."""
    import torchvision

    return tuple(torchvision.models.list_models(module=torchvision.models))


@lru_cache(maxsize=1)
def timm_names() -> tuple[str, ...]:
    """Return timm's models as the user types them, ``timm/NAME``."""
    import timm

    return tuple(f"timm/{name}" for name in timm.list_models())


def check_model_name(name: str) -> None:
    """Raise ModelError, with the closest names, unless ``name`` can be built."""
    if name in PACKAGED:
        return
    if is_factory(name):
        split_factory(name)
        return
    known = timm_names() if name.startswith("timm/") else (*PACKAGED, *torchvision_names())
    if name not in known:
        hint = suggestion(name, known)
        raise ModelError(
            f"unknown model '{name}'.{hint} `fsens models` lists them all; your own network is FILE.py:FUNCTION."
        )


def build_network(config: ModelConfig, *, num_classes: int, shape: ImageShape, seed: int) -> nn.Module:
    """Build the named network with random weights drawn from ``seed``; the global generator is left as it was.

    Raises:
        ModelError: unknown name, or arguments the constructor does not take.
    """
    check_model_name(config.name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if is_factory(config.name):
            return call_factory(config.name, config.kwargs, num_classes=num_classes)
        try:
            return _build_named(config, num_classes=num_classes, shape=shape)
        except (TypeError, ValueError, RuntimeError, AssertionError) as error:
            raise ModelError(
                f"model={config.name} cannot be built for {shape} images with model.kwargs={config.kwargs}: {error}."
            ) from error


def _build_named(config: ModelConfig, *, num_classes: int, shape: ImageShape) -> nn.Module:
    if config.name in PACKAGED:
        return PACKAGED[config.name](num_classes=num_classes, shape=shape, **config.kwargs)
    if config.name.startswith("timm/"):
        import timm

        name = config.name.removeprefix("timm/")
        built: nn.Module = timm.create_model(
            name, pretrained=False, num_classes=num_classes, in_chans=shape.channels, **config.kwargs
        )
        return built
    import torchvision

    network: nn.Module = torchvision.models.get_model(
        config.name, weights=None, num_classes=num_classes, **config.kwargs
    )
    return network
