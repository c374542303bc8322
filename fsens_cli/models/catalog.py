"""The networks that can be named, and how each is built without weights."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from fsens_cli.deferred import deferred

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class ImageShape:
    """What a network will be given: channels, height and width in pixels."""

    channels: int
    height: int
    width: int

    def __str__(self) -> str:
        """Return for example ``3x32x32``."""
        return f"{self.channels}x{self.height}x{self.width}"


Builder = Callable[..., "nn.Module"]

# Below this many pixels a side the ImageNet stem (stride 4) would leave almost nothing to look at.
SMALL_STEM_BELOW = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A network of our own: one entry of ``PACKAGED``.

    Attributes:
        build: takes ``num_classes``, ``shape`` and the constructor's arguments.
        about: what it is, for the list of networks.
    """

    build: Builder
    about: str


_CIFAR_RESNET = deferred("fsens_cli.models.cifar_resnet:cifar_resnet")
_RESNET = deferred("fsens_cli.models.torchvision_network:resnet")


def _small(depth: int) -> Record:
    return Record(
        build=partial(_CIFAR_RESNET, (depth - 2) // 6), about="residual network for small images, He et al. 2016"
    )


def _large(name: str) -> Record:
    return Record(
        build=partial(_RESNET, name, small_below=SMALL_STEM_BELOW),
        about=f"ResNet; below {SMALL_STEM_BELOW} pixels with a 3x3 stem and no pooling",
    )


PACKAGED: dict[str, Record] = {
    **{f"resnet{depth}": _small(depth) for depth in (8, 20, 32, 44, 56)},
    **{name: _large(name) for name in ("resnet18", "resnet34", "resnet50")},
    "wide_resnet": Record(
        build=deferred("fsens_cli.models.wide_resnet:wide_resnet"),
        about="WRN-28-10; model.kwargs.depth and model.kwargs.width for others",
    ),
}
