"""The corruptions that can be named.

Definitions: Hendrycks & Dietterich, ICLR 2019; groups: Li et al., PLoS Comput Biol 2023.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsens_cli.deferred import deferred

if TYPE_CHECKING:
    from torch import Tensor

    from fsens_cli.perturb.corruptions.constants import Constant
    from fsens_cli.perturb.keyed_random import ImageDraws


SEVERITIES = (1, 2, 3, 4, 5)
GROUPS = ("low", "medium", "high")
SMALLEST_SIDE = 16

Builder = Callable[["Tensor", "Constant", "ImageDraws"], "Tensor"]


def _level(name: str) -> "Callable[[Tensor], Tensor]":
    return deferred(f"fsens_cli.perturb.corruptions.levels:{name}")


def _function(target: str) -> Builder:
    """Return a function of this folder, ``"file:function"``, that is imported when it is called."""
    return deferred(f"fsens_cli.perturb.corruptions.{target}")


BELOW, NEAREST = _level("level_below"), _level("nearest_level")


@dataclass(frozen=True, slots=True, kw_only=True)
class Corruption:
    """One way to spoil images.

    Attributes:
        name: that of Hendrycks & Dietterich, and of the official files.
        group: ``low``, ``medium`` or ``high``: the frequencies in which it changes images most (Li et al. 2023). That
            of an extra corruption is ours.
        extra: one of the four beyond the fifteen that published averages are over.
        random: whether it draws random numbers.
        build: (RGB images in [0, 1], constant, draws) to images, not yet clipped or rounded.
        build_gray: the same for images of one channel. Without it they are corrupted as equal RGB and averaged, which
            is right only where all channels share their random numbers: the average of three draws is weaker.
        to_level: how the published code makes 8-bit levels of the result: cut off, or rounded by its image library.
    """

    name: str
    group: str
    extra: bool = False
    random: bool = False
    build: Builder
    build_gray: Builder | None = None
    to_level: "Callable[[Tensor], Tensor]" = BELOW


def _noise(name: str, build: Builder, *, extra: bool = False) -> Corruption:
    """Return a corruption that draws for every channel and pixel alone, so that one channel is its own case."""
    return Corruption(name=name, group="high", extra=extra, random=True, build=build, build_gray=build)


_ALL = (
    _noise("gaussian_noise", _function("noise:gaussian_noise")),
    _noise("shot_noise", _function("noise:shot_noise")),
    _noise("impulse_noise", _function("noise:impulse_noise")),
    Corruption(name="defocus_blur", group="medium", build=_function("blur:defocus_blur")),
    Corruption(name="glass_blur", group="medium", random=True, build=_function("blur:glass_blur")),
    Corruption(name="motion_blur", group="medium", random=True, build=_function("blur:motion_blur"), to_level=NEAREST),
    Corruption(name="zoom_blur", group="medium", build=_function("blur:zoom_blur")),
    Corruption(name="snow", group="low", random=True, build=_function("weather:snow")),
    Corruption(name="frost", group="low", random=True, build=_function("frost:frost")),
    Corruption(name="fog", group="low", random=True, build=_function("weather:fog")),
    Corruption(name="brightness", group="low", build=_function("color:brightness")),
    Corruption(name="contrast", group="low", build=_function("color:contrast")),
    Corruption(name="elastic_transform", group="medium", random=True, build=_function("elastic:elastic_transform")),
    Corruption(name="pixelate", group="medium", build=_function("digital:pixelate"), to_level=NEAREST),
    Corruption(name="jpeg_compression", group="medium", build=_function("digital:jpeg_compression"), to_level=NEAREST),
    _noise("speckle_noise", _function("noise:speckle_noise"), extra=True),
    Corruption(name="gaussian_blur", group="medium", extra=True, build=_function("blur:gaussian_blur")),
    Corruption(name="spatter", group="medium", extra=True, random=True, build=_function("spatter:spatter")),
    Corruption(
        name="saturate",
        group="low",
        extra=True,
        build=_function("color:saturate"),
        build_gray=_function("color:as_it_is"),
    ),
)

CORRUPTIONS: dict[str, Corruption] = {corruption.name: corruption for corruption in _ALL}
