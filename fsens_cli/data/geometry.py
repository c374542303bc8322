"""Pictures of any size scaled and cropped to one size."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsens_cli.errors import require_one_of

if TYPE_CHECKING:
    from PIL import Image

INTERPOLATIONS = ("bilinear", "bicubic", "nearest", "lanczos")


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

    def of_picture(self, picture: "Image.Image") -> "Image.Image":
        """Return the scaled and cropped picture."""
        from PIL import Image, ImageOps

        resampling = Image.Resampling[self.interpolation.upper()]
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
