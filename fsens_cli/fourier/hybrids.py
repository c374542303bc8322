"""What is a hybrid image: the low frequencies of one image and the high frequencies of another, in one picture.

Method: Li et al., *Robust deep learning object recognition models rely on low frequency information in natural images*,
PLoS Comput Biol 19(3) e1010932 (2023). A mixing frequency is a fraction of the Nyquist frequency: 1 is 0.5 cycles per
pixel along an axis, and sqrt(2) the corner of the plane.
Shape letters: N images, C channels, H, W pixels, F = W // 2 + 1 columns of the real transform's half plane.
"""

import math

import torch
from torch import Tensor

from fsens_cli.errors import require_one_of
from fsens_cli.fourier.bins import radius_grid
from fsens_cli.fourier.catalog import MASKS, NYQUIST
from fsens_cli.fourier.layout import unrepeated

# A radius that equals the cutoff on paper differs from it in the last digit; such ties belong to the low image.
TIE = 1e-9


def sharp_mask(radius_HF: Tensor, cutoff: float, order: int) -> Tensor:
    """Return 1 up to and including the cutoff, 0 beyond (the published mask); ``order`` plays no part."""
    del order
    return (radius_HF <= cutoff + TIE).to(radius_HF.dtype)


def gaussian_mask(radius_HF: Tensor, cutoff: float, order: int) -> Tensor:
    """Return 2^-(f / cutoff)^2: one half at the cutoff, as high for the low image as for the other one."""
    del order
    return torch.exp2(-_relative(radius_HF, cutoff).square())


def butterworth_mask(radius_HF: Tensor, cutoff: float, order: int) -> Tensor:
    """Return 1 / (1 + (f / cutoff)^(2 order)): one half at the cutoff, steeper with the order."""
    return 1.0 / (1.0 + _relative(radius_HF, cutoff) ** (2 * order))


def _relative(radius_HF: Tensor, cutoff: float) -> Tensor:
    """Return f / cutoff; at cutoff 0 everything but the constant is infinitely far above it."""
    return torch.where(radius_HF > 0, radius_HF / cutoff if cutoff > 0 else math.inf, 0.0)


def low_pass_mask(name: str, height: int, width: int, mixing: float, *, order: int = 4) -> Tensor:
    """Return the share of each frequency that comes from the low image, shape (H, F), float64, values 0 to 1.

    The cutoff is 0.5 * ``mixing`` cycles per pixel, measured along the radius sqrt(f_y^2 + f_x^2). The constant always
    comes from the low image; with the sharp mask and ``mixing`` 1 the corners of the plane still come from the other.

    >>> low_pass_mask("sharp", 4, 4, 0.5).int().tolist()
    [[1, 1, 0], [1, 0, 0], [0, 0, 0], [1, 0, 0]]
    """
    require_one_of("mask", name, MASKS)
    return MASKS[name](radius_grid(height, width, half=True), NYQUIST * mixing, order)


def spectrum(images_NCHW: Tensor) -> Tensor:
    """Return the transform of every channel on the half plane, shape (N, C, H, F), complex."""
    coefficient: Tensor = torch.fft.rfft2(unrepeated(images_NCHW))
    return coefficient


def mix(low_NCHF: Tensor, high_NCHF: Tensor, mask_HF: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the hybrids IDFT(low * M + high * (1 - M)), shape (N, C, H, W), not yet clipped.

    Args:
        low_NCHF, high_NCHF: ``spectrum`` of the two images of each pair.
        mask_HF: M, from ``low_pass_mask``; 1 - M is the exact complement, so that equal images give themselves.
        size: (H, W) in pixels; the half plane alone does not tell an odd width from an even one.
    """
    mask = mask_HF.to(low_NCHF.real.dtype)
    hybrid: Tensor = torch.fft.irfft2(low_NCHF * mask + high_NCHF * (1.0 - mask), s=size)
    return hybrid


def split_image(image_CHW: Tensor, mask_HF: Tensor) -> tuple[Tensor, Tensor]:
    """Return the low-pass and the high-pass part of one image, shapes (C, H, W); they add up to the image."""
    transform = spectrum(image_CHW[None])
    nothing = torch.zeros_like(transform)
    size = (image_CHW.shape[-2], image_CHW.shape[-1])
    return mix(transform, nothing, mask_HF, size)[0], mix(nothing, transform, mask_HF, size)[0]
