"""The instruments that change images: corruptions, hybrids, filters.

Shape letters: N images, C channels, H, W pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from os import PathLike

import torch
from torch import Tensor

from fsens_cli.errors import DataError, require
from fsens_cli.fourier import hybrids
from fsens_cli.fourier.catalog import LARGEST_MIXING
from fsens_cli.perturb import filters
from fsens_cli.perturb.corruptions import apply
from fsens_cli.python.given import as_batch, as_tensor
from fsens_cli.ranges import require_seed
from fsens_cli.typed import number, whole, word


def corrupt(
    images: Tensor,
    name: str,
    severity: int = 3,
    *,
    seed: int = 0,
    index: Sequence[int] | Tensor | None = None,
    table: str = "auto",
    frost_root: str | PathLike[str] | None = None,
) -> Tensor:
    """Corrupt images in one of the 19 ways of ImageNet-C; with equal seed and index the pictures of `evaluate`.

    Source: Hendrycks & Dietterich, *Benchmarking Neural Network Robustness to Common Corruptions and Perturbations*,
    ICLR 2019.

    Args:
        images: (N, C, H, W) with 1 or 3 channels and at least 16 x 16 pixels, a tensor or an array; floating point in
            [0, 1], or 8 bits. Channels may come last.
        name: ``fog``, ``gaussian_noise``, ``jpeg_compression``, ...
        severity: 1 to 5.
        seed: of the random numbers, 0 to 2^31 - 1.
        index: names each image; 0, 1, 2, ... if not given. The random numbers of an image depend on seed, name,
            severity and its own index alone, so the batch that it comes in does not matter.
        table: constants of ``32`` or ``224`` pixel images; ``auto``: 32 up to a shorter side of 64 pixels.
        frost_root: folder of the official frost pictures; without it frost is laid over generated ice.

    Returns:
        (N, C, H, W) in [0, 1], on 8-bit levels; without a graph.

    Raises:
        ConfigError: a name, severity, table or size that there is not.
        DataError: no batch of images, not one index an image, or ``frost_root`` lacks the pictures.

    >>> images = torch.full((2, 3, 32, 32), 0.5)
    >>> dark = corrupt(images, "contrast", severity=1)
    >>> noisy = corrupt(images, "gaussian_noise", severity=3)
    >>> bool((dark == 127 / 255).all()), round(float(noisy.std()), 3)
    (True, 0.08)
    """
    batch = as_batch(images)
    names = torch.arange(len(batch)) if index is None else as_tensor(index, "index")
    if names.shape != (len(batch),) or names.is_floating_point():
        raise DataError(
            f"index must hold a whole number for each of {len(batch)} images, got {names.dtype} of shape "
            f"{tuple(names.shape)}."
        )
    return apply.corrupt(
        batch,
        word(name, "corruption"),
        whole(severity, "severity"),
        index_N=names,
        seed=whole_seed(seed),
        table=word(table, "table"),
        frost_root=None if frost_root is None else word(frost_root, "frost_root"),
    )


def hybrid(
    low: Tensor, high: Tensor, mixing: float = 0.25, *, mask: str = "sharp", order: int = 4, clip: bool = True
) -> Tensor:
    """Mix the low frequencies of one image with the high frequencies of another, pair by pair, as `hybrid_probe` does.

    Source: Li et al., PLoS Comput Biol 19(3) e1010932 (2023): IDFT(DFT(low) M + DFT(high) (1 - M)). The constant, the
    mean of each channel, comes from ``low``. Differentiable.

    Args:
        low, high: two batches (N, C, H, W) of one shape, floating point in [0, 1], or 8 bits.
        mixing: where M ends, in Nyquist units: 1 is 0.5 cycles per pixel along an axis, 1.414 the corner of the plane.
        mask: ``sharp`` (published), ``gaussian`` or ``butterworth``, one half at ``mixing``.
        order: of the Butterworth mask, 1 to 32.
        clip: bring the hybrids back to [0, 1], as a picture has to be.

    Returns:
        (N, C, H, W).

    Raises:
        ConfigError: a frequency, mask or order that there is not.
        DataError: no batches of images, or of two shapes.

    >>> low, high = torch.rand(2, 4, 3, 32, 32)
    >>> mixed = hybrid(low, high, 0.25)
    >>> torch.testing.assert_close(mixed.mean((2, 3)), low.mean((2, 3)), atol=0.02, rtol=0)
    >>> torch.testing.assert_close(hybrid(low, low, 0.25), low)
    """
    first, second = as_batch(low, "low"), as_batch(high, "high")
    if first.shape != second.shape:
        raise DataError(f"low and high must be of one shape, got {tuple(first.shape)} and {tuple(second.shape)}.")
    mixing, order = number(mixing, "mixing"), whole(order, "order")
    require(
        0 <= mixing <= LARGEST_MIXING + 1e-3,
        f"mixing={mixing:g} must lie between 0 and 1.414 Nyquist (the corner of the plane); 1 is 0.5 cycles/pixel.",
    )
    require(1 <= order <= 32, f"order={order}: the Butterworth mask's order lies between 1 and 32.")
    height, width = first.shape[-2:]
    mask_HF = hybrids.low_pass_mask(word(mask, "mask"), height, width, mixing, order=order).to(first.device)
    mixed = hybrids.mix(hybrids.spectrum(first), hybrids.spectrum(second), mask_HF, (height, width))
    return mixed.clamp(0, 1) if clip else mixed


def band_filter(images: Tensor, low: float = 0.0, high: float = math.inf, *, clip: bool = True) -> Tensor:
    """Keep the radii low < r <= high of each image, and its mean: the filters of `evaluate`.

    Source: IDFT(DFT(x) M) with a sharp mask M, as in Jo & Bengio, *Measuring the Tendency of CNNs to Learn Surface
    Statistical Regularities*, 2017 (radial masks).

    ``high`` alone is a low pass, ``low`` alone a high pass; bands that follow on each other add up to the image.
    Differentiable.

    Args:
        images: (N, C, H, W), floating point in [0, 1], or 8 bits.
        low, high: radii sqrt(f_y^2 + f_x^2) in cycles per image (per the shorter side). The mask is sharp.
        clip: bring the result back to [0, 1].

    Returns:
        (N, C, H, W).

    Raises:
        ConfigError: an empty band, or a negative radius.
        DataError: no batch of images.

    >>> images = torch.rand(4, 3, 32, 32)
    >>> parts = [band_filter(images, high=8, clip=False), band_filter(images, low=8, clip=False)]
    >>> torch.testing.assert_close(sum(parts) - images.mean((2, 3), keepdim=True), images)
    """
    return filters.band_pass(as_batch(images), number(low, "low"), number(high, "high"), clip=clip)


def whole_seed(seed: object) -> int:
    """Return a seed, or raise ConfigError."""
    made = whole(seed, "seed")
    require_seed(made)
    return made
