"""What stands between the image and the network: a filter that is part of the model.

Shape letters: N images, C channels, H, W pixels.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fsens_cli.errors import ModelError, require, require_one_of


@dataclass(kw_only=True)
class FrontEndConfig:
    """A filter in front of the network.

    Attributes:
        name: ``none`` or ``blur``.
        sigma: standard deviation of the Gaussian blur in pixels.
    """

    name: str = "none"
    sigma: float = 1.5

    def __post_init__(self) -> None:
        """Check names and ranges."""
        require_one_of("frontend", self.name, ("none", "blur"))
        require(self.sigma > 0, f"frontend.sigma={self.sigma} must be positive (pixels); frontend=none is no blur.")


def gaussian_kernel(sigma: float) -> Tensor:
    """Return the sampled Gaussian of half-width ceil(2.5 sigma), normalised to sum 1.

    >>> len(gaussian_kernel(1.5)), round(float(gaussian_kernel(1.5).sum()), 6)
    (9, 1.0)
    """
    half = math.ceil(2.5 * sigma)
    offset = torch.arange(-half, half + 1, dtype=torch.float64)
    kernel = torch.exp(-(offset**2) / (2 * sigma**2))
    return kernel / kernel.sum()


class GaussianBlur(nn.Module):
    """Circular Gaussian blur of each channel (Li et al., PLoS Comput Biol 2023); one pass down, one across.

    Its transfer function is close to exp(-2 pi^2 sigma^2 f^2), f in cycles per pixel.
    """

    def __init__(self, sigma: float) -> None:
        super().__init__()
        self.sigma = sigma
        self.register_buffer("kernel", gaussian_kernel(sigma), persistent=False)
        self.kernel: Tensor

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Return the blurred images, same shape."""
        half = len(self.kernel) // 2
        if half > min(images_NCHW.shape[-2:]):
            raise ModelError(
                f"frontend.sigma={self.sigma}: the kernel reaches {half} pixels, further than {images_NCHW.shape[-2]}x"
                f"{images_NCHW.shape[-1]} images; give sigma up to {min(images_NCHW.shape[-2:]) / 2.5:.3g}."
            )
        channels = images_NCHW.shape[1]
        kernel = self.kernel.to(images_NCHW).expand(channels, 1, -1)
        padded = nn.functional.pad(images_NCHW, (half, half, half, half), mode="circular")
        down = nn.functional.conv2d(padded, kernel[..., :, None], groups=channels)
        return nn.functional.conv2d(down, kernel[..., None, :], groups=channels)


def build_front_end(config: FrontEndConfig) -> nn.Module | None:
    """Return the filter, or None where there is none."""
    return GaussianBlur(config.sigma) if config.name == "blur" else None
