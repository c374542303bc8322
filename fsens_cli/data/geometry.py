"""How do pictures of any size become images of one size?"""

from dataclasses import dataclass

import torch
from PIL import Image, ImageOps
from torch import Tensor

from fsens_cli.errors import require_one_of

INTERPOLATIONS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "nearest": Image.Resampling.NEAREST,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """Scale, then take the middle.

    Attributes:
        height, width: of the result in pixels.
        shorter: the shorter side is scaled to this many pixels before the crop; 0 scales to just cover the result.
        interpolation: of the scaling; it averages where it makes smaller.
    """

    height: int
    width: int
    shorter: int = 0
    interpolation: str = "bicubic"

    def __post_init__(self) -> None:
        """Check the interpolation."""
        require_one_of("interpolation", self.interpolation, INTERPOLATIONS)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width

    def of_picture(self, picture: Image.Image) -> Image.Image:
        """Return the scaled and cropped picture."""
        resampling = INTERPOLATIONS[self.interpolation]
        if not self.shorter:
            return ImageOps.fit(picture, (self.width, self.height), resampling)
        # The rounding is torchvision's, whose models were measured with it.
        width, height = picture.size
        scaled = (
            (self.shorter, int(self.shorter * height / width))
            if width <= height
            else (int(self.shorter * width / height), self.shorter)
        )
        picture = picture.resize(scaled, resampling)
        left, top = round((scaled[0] - self.width) / 2.0), round((scaled[1] - self.height) / 2.0)
        return picture.crop((left, top, left + self.width, top + self.height))


def resized(images_NCHW: Tensor, height: int, width: int) -> Tensor:
    """Return 8-bit images scaled (bicubic, averaging where it makes smaller) to cover H x W, the middle cropped."""
    scale = max(height / images_NCHW.shape[-2], width / images_NCHW.shape[-1])
    covering = [max(height, round(images_NCHW.shape[-2] * scale)), max(width, round(images_NCHW.shape[-1] * scale))]
    top, left = (covering[0] - height) // 2, (covering[1] - width) // 2
    blocks = []
    for block in images_NCHW.split(1024):
        scaled = torch.nn.functional.interpolate(
            block.float(), covering, mode="bicubic", antialias=True, align_corners=False
        )
        cropped = scaled[..., top : top + height, left : left + width]
        blocks.append(cropped.round().clamp(0, 255).to(torch.uint8))
    return torch.cat(blocks)
