"""The corruptions, and how one is applied.

Definitions: Hendrycks & Dietterich, ICLR 2019; groups: Li et al., PLoS Comput Biol 2023.
Shape letters: N images, C channels, H, W pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from fsens_cli.errors import ConfigError, require, require_one_of, suggestion
from fsens_cli.perturb.corruptions import blur, color, digital, elastic, frost, noise, spatter, weather
from fsens_cli.perturb.corruptions.constants import TABLES, Constant, table_for
from fsens_cli.perturb.corruptions.levels import level_below, nearest_level
from fsens_cli.perturb.keyed_random import ImageDraws

SEVERITIES = (1, 2, 3, 4, 5)
GROUPS = ("low", "medium", "high")
SMALLEST_SIDE = 16

Builder = Callable[[Tensor, Constant, ImageDraws], Tensor]


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
    to_level: Callable[[Tensor], Tensor] = level_below


def _noise(name: str, build: Builder, *, extra: bool = False) -> Corruption:
    """Return a corruption that draws for every channel and pixel alone, so that one channel is its own case."""
    return Corruption(name=name, group="high", extra=extra, random=True, build=build, build_gray=build)


_ALL = (
    _noise("gaussian_noise", noise.gaussian_noise),
    _noise("shot_noise", noise.shot_noise),
    _noise("impulse_noise", noise.impulse_noise),
    Corruption(name="defocus_blur", group="medium", build=blur.defocus_blur),
    Corruption(name="glass_blur", group="medium", random=True, build=blur.glass_blur),
    Corruption(name="motion_blur", group="medium", random=True, build=blur.motion_blur, to_level=nearest_level),
    Corruption(name="zoom_blur", group="medium", build=blur.zoom_blur),
    Corruption(name="snow", group="low", random=True, build=weather.snow),
    Corruption(name="frost", group="low", random=True, build=frost.frost),
    Corruption(name="fog", group="low", random=True, build=weather.fog),
    Corruption(name="brightness", group="low", build=color.brightness),
    Corruption(name="contrast", group="low", build=color.contrast),
    Corruption(name="elastic_transform", group="medium", random=True, build=elastic.elastic_transform),
    Corruption(name="pixelate", group="medium", build=digital.pixelate, to_level=nearest_level),
    Corruption(name="jpeg_compression", group="medium", build=digital.jpeg_compression, to_level=nearest_level),
    _noise("speckle_noise", noise.speckle_noise, extra=True),
    Corruption(name="gaussian_blur", group="medium", extra=True, build=blur.gaussian_blur),
    Corruption(name="spatter", group="medium", extra=True, random=True, build=spatter.spatter),
    Corruption(name="saturate", group="low", extra=True, build=color.saturate, build_gray=color.as_it_is),
)

CORRUPTIONS: dict[str, Corruption] = {corruption.name: corruption for corruption in _ALL}


def check_corruption(name: str, severity: int) -> None:
    """Refuse an unknown name or severity.

    Raises:
        ConfigError: with what is allowed.
    """
    if name not in CORRUPTIONS:
        raise ConfigError(
            f"corruption={name} is not known; it can be {', '.join(CORRUPTIONS)}.{suggestion(name, CORRUPTIONS)}"
        )
    require(
        severity in SEVERITIES, f"severity={severity}: give a whole number from {SEVERITIES[0]} to {SEVERITIES[-1]}."
    )


@torch.no_grad()
def corrupt(
    images_NCHW: Tensor,
    name: str,
    severity: int,
    *,
    index_N: Tensor,
    seed: int,
    table: str = "auto",
    quantise: bool = True,
    frost_root: str | Path | None = None,
) -> Tensor:
    """Return corrupted images, float in [0, 1], on the device and in the shape of the input.

    The random numbers of an image depend on (seed, name, severity, its index) alone: any batching gives the same.

    Args:
        images_NCHW: [0, 1], 8-bit levels / 255; one channel (gray) or three (RGB).
        index_N: what names each image in its data set, int64.
        table: constants of ``32`` or ``224`` pixel images; ``auto``: 32 up to a shorter side of 64 pixels. Constants in
            pixels are used as they are at every size; those of elastic_transform scale with the shorter side.
        quantise: round to 8-bit levels as the published code does, most corruptions downwards.
        frost_root: folder of the official frost pictures; without it frost is laid over generated ice.

    Raises:
        ConfigError: unknown name, severity or table, or images too small or with another number of channels.
        DataError: ``frost_root`` lacks the pictures.
    """
    check_corruption(name, severity)
    require_one_of("table", table, ("auto", *TABLES))
    num_images, channels, height, width = images_NCHW.shape
    require(
        channels in (1, 3), f"corruptions are defined for 1 (gray) or 3 (RGB) channels, and images have {channels}."
    )
    require(
        min(height, width) >= SMALLEST_SIDE,
        f"corruptions need images of at least {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels, got {height}x{width}.",
    )
    require(
        len(index_N) == num_images, f"{len(index_N)} indices for {num_images} images: index_N names every image once."
    )
    if num_images == 0:
        return images_NCHW.clone()
    corruption = CORRUPTIONS[name]
    build_gray = corruption.build_gray if channels == 1 else None
    build = build_gray or corruption.build
    if name == "frost" and frost_root is not None:
        build = partial(frost.lay_over, pictures=frost.read_frost(str(frost_root)))
    constant = TABLES[table_for(height, width) if table == "auto" else table][name][severity - 1]
    draws = ImageDraws(f"{name}/{severity}", seed, index_N, images_NCHW.device)
    given = images_NCHW.float() if build_gray else images_NCHW.float().expand(-1, 3, -1, -1)
    spoilt = build(given, constant, draws).clamp(0, 1)
    if quantise:
        spoilt = corruption.to_level(spoilt).div_(255.0)
    if channels == 1 and build_gray is None:
        spoilt = spoilt.mean(dim=1, keepdim=True)
        spoilt = nearest_level(spoilt).div_(255.0) if quantise else spoilt
    return spoilt.to(images_NCHW.dtype)
