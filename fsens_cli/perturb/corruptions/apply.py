"""How a corruption is applied.

Shape letters: N images, C channels, H, W pixels.
"""

from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from fsens_cli.errors import ConfigError, require, require_one_of, suggestion
from fsens_cli.perturb.corruptions import frost
from fsens_cli.perturb.corruptions.catalog import CORRUPTIONS, SEVERITIES, SMALLEST_SIDE
from fsens_cli.perturb.corruptions.constants import TABLES, table_for
from fsens_cli.perturb.corruptions.levels import nearest_level
from fsens_cli.perturb.keyed_random import ImageDraws


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
