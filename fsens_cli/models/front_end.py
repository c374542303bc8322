"""What stands between the image and the network: a filter that is part of the model.

Shape letters: N images, C channels, H, W pixels, D = C H W numbers of an image, K principal components.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from fsens_cli.errors import ConfigError, ModelError, require
from fsens_cli.models.settings import FrontEndConfig
from fsens_cli.typed import is_number

# A covariance of more numbers than this does not fit into memory in double precision beside everything else.
MAX_PCA_NUMBERS = 64 * 64 * 3


def kernel_half(sigma: float) -> int:
    """Return how many pixels a Gaussian's kernel reaches to each side: ceil(2.5 sigma)."""
    return math.ceil(2.5 * sigma)


def gaussian_kernel(sigma: float) -> Tensor:
    """Return the sampled Gaussian of half-width ceil(2.5 sigma), normalised to sum 1.

    >>> len(gaussian_kernel(1.5)), round(float(gaussian_kernel(1.5).sum()), 6)
    (9, 1.0)
    """
    half = kernel_half(sigma)
    offset = torch.arange(-half, half + 1, dtype=torch.float64)
    kernel = torch.exp(-(offset**2) / (2 * sigma**2))
    return kernel / kernel.sum()


def circulant(kernel: Tensor, side: int) -> Tensor:
    """Return the matrix (side, side) that filters a line of ``side`` pixels circularly with a symmetric kernel.

    >>> circulant(torch.tensor([0.25, 0.5, 0.25]), 4).tolist()[0]
    [0.5, 0.25, 0.0, 0.25]
    """
    half = len(kernel) // 2
    column = torch.arange(side)
    matrix = torch.zeros(side, side, dtype=kernel.dtype)
    for offset, weight in zip(range(-half, half + 1), kernel, strict=True):
        matrix[column, (column + offset) % side] += weight
    return matrix


class GaussianBlur(nn.Module):
    """Circular Gaussian blur of each channel (Li et al., PLoS Comput Biol 2023).

    Two products with circulant matrices, one down and one across: exact for any sigma, and beside a network's own
    products too cheap to notice (benchmarks/blur.py). Its transfer function is close to exp(-2 pi^2 sigma^2 f^2), f in
    cycles per pixel.

    Args:
        sigma: standard deviation in pixels.

    Raises:
        ConfigError: sigma is not a positive number.
        ModelError: at the first image that is smaller than the kernel, 2 ceil(2.5 sigma) + 1 pixels.

    >>> blurred = GaussianBlur(1.5)(torch.eye(32)[None, None])
    >>> round(float(blurred.sum()), 4), round(float(blurred.max()), 4)
    (32.0, 0.1889)
    """

    def __init__(self, sigma: float) -> None:
        super().__init__()
        require(
            is_number(sigma) and 0 < sigma < math.inf,
            f"a blur's sigma must be a positive number of pixels, got {sigma!r}.",
        )
        self.sigma = float(sigma)
        self._matrices: dict[tuple[int, torch.dtype, torch.device], Tensor] = {}

    def extra_repr(self) -> str:
        """Return the strength, for the network's repr."""
        return f"sigma={self.sigma:g}"

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Return the blurred images, same shape."""
        height, width = images_NCHW.shape[-2:]
        return self._matrix(height, images_NCHW) @ images_NCHW @ self._matrix(width, images_NCHW)

    def _matrix(self, side: int, like: Tensor) -> Tensor:
        key = (side, like.dtype, like.device)
        if key not in self._matrices:
            width = 2 * kernel_half(self.sigma) + 1
            if width > side:
                raise ModelError(
                    f"frontend.sigma={self.sigma:g}: the kernel is {width:,} pixels wide, more than the image's "
                    f"{side}; give sigma up to {(side - 1) // 2 / 2.5:.3g}."
                )
            self._matrices[key] = circulant(gaussian_kernel(self.sigma), side).to(like)
        return self._matrices[key]


class HighPass(nn.Module):
    """What a blur takes away, on the mean of each channel: the control that keeps what the blur removes."""

    def __init__(self, sigma: float) -> None:
        super().__init__()
        self.blur = GaussianBlur(sigma)

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Return the images without what their blurred copies show, same shape."""
        return images_NCHW - self.blur(images_NCHW) + images_NCHW.mean(dim=(2, 3), keepdim=True)


class RandomBlur(nn.Module):
    """A Gaussian blur of another sigma for each batch, uniform from 0 to ``sigma``: a model that is random."""

    STEPS = 64  # sigmas to choose from

    def __init__(self, sigma: float, seed: int = 0) -> None:
        super().__init__()
        self.blurs = [GaussianBlur(sigma * (k + 1) / self.STEPS) for k in range(self.STEPS)]
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Start the sequence of sigmas anew."""
        self.generator = torch.Generator().manual_seed(seed)

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Return the images blurred with the next sigma, same shape."""
        choice = int(torch.randint(self.STEPS + 1, (1,), generator=self.generator))
        return images_NCHW if choice == 0 else self.blurs[choice - 1](images_NCHW)


class PrincipalComponents(nn.Module):
    """Projection on the first principal components of the training images, back in image space (Li et al. 2023)."""

    def __init__(self, components: int) -> None:
        super().__init__()
        self.components = components
        self.register_buffer("mean_D", torch.zeros(0), persistent=False)
        self.register_buffer("basis_KD", torch.zeros(0, 0), persistent=False)
        self.mean_D: Tensor
        self.basis_KD: Tensor

    def fit(self, images_u8_NCHW: Tensor) -> None:
        """Find the components of 8-bit training images.

        Raises:
            ConfigError: more components than numbers in an image, or images too large for their covariance.
        """
        numbers = images_u8_NCHW[0].numel()
        if self.components > numbers:
            raise ConfigError(
                f"frontend.components={self.components}: these images have {numbers} numbers; give 1..{numbers}."
            )
        if numbers > MAX_PCA_NUMBERS:
            raise ConfigError(f"frontend=pca needs at most 64x64 RGB pixels, got {tuple(images_u8_NCHW.shape[2:])}.")
        total = torch.zeros(numbers, dtype=torch.float64)
        square = torch.zeros(numbers, numbers, dtype=torch.float64)
        for block in images_u8_NCHW.flatten(1).split(2048):
            unit = block.double() / 255.0
            total += unit.sum(dim=0)
            square += unit.T @ unit
        mean = total / len(images_u8_NCHW)
        covariance = square / len(images_u8_NCHW) - torch.outer(mean, mean)
        # Ascending order: the last ones hold the most variance.
        _, vectors = torch.linalg.eigh(covariance)
        device = self.mean_D.device
        self.mean_D = mean.float().to(device)
        self.basis_KD = vectors[:, -self.components :].T.flip(0).float().contiguous().to(device)

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Return the projected images, same shape."""
        if self.basis_KD.shape[1] != images_NCHW[0].numel():
            raise ModelError(
                f"frontend=pca was fit on images of {self.basis_KD.shape[1]} numbers, got {images_NCHW[0].numel()}."
            )
        mean, basis = self.mean_D.to(images_NCHW), self.basis_KD.to(images_NCHW)
        centred = images_NCHW.flatten(1) - mean
        return ((centred @ basis.T) @ basis + mean).reshape(images_NCHW.shape)


def reseed_front_end(front_end: nn.Module, seed: int) -> None:
    """Start the random numbers of a random filter anew; other filters have none."""
    if isinstance(front_end, RandomBlur):
        front_end.reseed(seed)


def build_front_end(config: FrontEndConfig) -> nn.Module | None:
    """Return the filter, or None where there is none; ``pca`` must still be fit."""
    if config.name == "none":
        return None
    if config.name == "pca":
        return PrincipalComponents(config.components)
    filters = {"blur": GaussianBlur, "high-pass": HighPass, "random-blur": RandomBlur}
    return filters[config.name](config.sigma)
