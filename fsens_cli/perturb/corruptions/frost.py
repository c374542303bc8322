"""Frost on the pane: a crop of a picture of ice laid over the image.

The published frost uses photographs, which are not part of this package: give their folder as ``frost_root``, or live
with grown ice (``ice.py``), whose results are not comparable with the official ones.

Shape letters: N images, H, W pixels; three channels.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import ceil
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.nn.functional import interpolate

from fsens_cli.errors import DataError
from fsens_cli.home import expanded
from fsens_cli.perturb.corruptions.constants import LARGEST_FOR_TABLE_32, Constant
from fsens_cli.perturb.corruptions.ice import ice_pictures
from fsens_cli.perturb.keyed_random import ImageDraws

# The published code draws from the first five of its six pictures.
OFFICIAL_PICTURES = ("frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg")
# For small images the pictures are shrunk, so that a crop shows more than one crystal.
SMALL_SCALE = 0.2


def frost(images_N3HW: Tensor, constant: Constant, draws: ImageDraws) -> Tensor:
    """Lay grown ice over the image; constant: (factor of the image, factor of the ice)."""
    return lay_over(images_N3HW, constant, draws, ice_pictures())


def lay_over(images_N3HW: Tensor, constant: Constant, draws: ImageDraws, pictures: Sequence[Tensor]) -> Tensor:
    """Lay a random crop of a random one of ``pictures`` (3, H, W in [0, 1]) over each image."""
    height, width = images_N3HW.shape[-2:]
    fitted = [fit(picture, height, width) for picture in pictures]
    chosen = draws.below(len(fitted)).tolist()
    down_across = draws.uniform(2).tolist()
    crops = torch.empty_like(images_N3HW)
    for crop, which, (down, across) in zip(crops, chosen, down_across, strict=True):
        picture = fitted[which]
        top = int(down * (picture.shape[-2] - height))
        left = int(across * (picture.shape[-1] - width))
        crop.copy_(picture[:, top : top + height, left : left + width])
    return constant[0] * images_N3HW + constant[1] * crops


def fit(picture_3HW: Tensor, height: int, width: int) -> Tensor:
    """Scale a picture for images of this size: 0.2 up to 64 pixels, else 1, and more where it would be too small."""
    scale = SMALL_SCALE if min(height, width) <= LARGEST_FOR_TABLE_32 else 1.0
    scale = max(scale, (height + 1) / picture_3HW.shape[-2], (width + 1) / picture_3HW.shape[-1])
    if scale == 1.0:
        return picture_3HW
    # Just the scale where it is the published one; else the size, so that a crop fits. No low-pass filter before.
    how = (
        {"scale_factor": scale} if scale == SMALL_SCALE else {"size": [ceil(s * scale) for s in picture_3HW.shape[1:]]}
    )
    scaled: Tensor = interpolate(picture_3HW[None], mode="bilinear", align_corners=False, **how)[0]
    return scaled


@lru_cache(maxsize=2)
def read_frost(root: str) -> tuple[Tensor, ...]:
    """Read the five official pictures from a folder, each (3, H, W) in [0, 1].

    Raises:
        DataError: one is missing or unreadable.
    """
    folder = expanded(root)
    missing = [name for name in OFFICIAL_PICTURES if not (folder / name).is_file()]
    if missing:
        raise DataError(
            f"frost_root={root} lacks {', '.join(missing)}: give the folder with the official pictures "
            f"{', '.join(OFFICIAL_PICTURES)}, or leave it out for generated ice (not comparable)."
        )
    return tuple(_read(folder / name) for name in OFFICIAL_PICTURES)


def _read(file: Path) -> Tensor:
    try:
        with Image.open(file) as opened:
            pixels = np.asarray(opened.convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{file} cannot be read as a picture ({type(error).__name__}). Replace it.") from error
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255.0
