"""Linear filters that the corruptions share, one batched operation each.

Shape letters: N images, C channels, H, W pixels, T taps of a motion.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad


@lru_cache(maxsize=64)
def gaussian_matrix(size: int, sigma: float, truncate: float, boundary: str) -> Tensor:
    """Return the matrix that blurs a line of ``size`` pixels: sampled Gaussian, half-width round(truncate sigma).

    ``boundary``: ``nearest`` repeats the last pixel, ``reflect`` mirrors at the edge of the last pixel.

    >>> (1000 * gaussian_matrix(3, 0.5, 2.0, "nearest")).round().int().tolist()
    [[893, 107, 0], [107, 787, 107], [0, 107, 893]]
    """
    half = int(truncate * sigma + 0.5)
    offset = np.arange(-half, half + 1)
    weight = np.exp(-0.5 * (offset / sigma) ** 2) if half else np.ones(1)
    weight /= weight.sum()
    source = np.arange(size)[:, None] + offset[None, :]
    if boundary == "nearest":
        source = source.clip(0, size - 1)
    else:
        source = source % (2 * size)
        source = np.minimum(source, 2 * size - 1 - source)
    matrix = np.zeros((size, size))
    np.add.at(matrix, (np.arange(size)[:, None].repeat(len(offset), 1), source), weight)
    return torch.from_numpy(matrix).float()


def gaussian_blur(images: Tensor, sigma: float, *, truncate: float = 4.0, boundary: str = "nearest") -> Tensor:
    """Blur the last two axes, ``sigma`` in pixels."""
    height, width = images.shape[-2:]
    down = gaussian_matrix(height, sigma, truncate, boundary).to(images)
    across = gaussian_matrix(width, sigma, truncate, boundary).to(images)
    return down @ images @ across.mT


def correlate(images_NCHW: Tensor, kernel: Tensor) -> Tensor:
    """Filter each channel by a symmetric kernel with odd sides; the picture goes on as its mirror image (reflect 101).

    By Fourier transform where the kernel is large, which takes the same time for every size.
    """
    half = kernel.shape[0] // 2
    if half == 0:
        return images_NCHW * kernel[0, 0].to(images_NCHW)
    padded = pad(images_NCHW, (half, half, half, half), mode="reflect")
    height, width = images_NCHW.shape[-2:]
    if half <= 1:
        out = torch.zeros_like(images_NCHW)
        for y in range(2 * half + 1):
            for x in range(2 * half + 1):
                out.add_(padded[..., y : y + height, x : x + width], alpha=float(kernel[y, x]))
        return out
    size = (padded.shape[-2], padded.shape[-1])
    transfer = torch.fft.rfft2(kernel.to(images_NCHW), s=size)
    filtered: Tensor = torch.fft.irfft2(torch.fft.rfft2(padded) * transfer, s=size)
    # A transform wraps round: what the kernel's full length has reached is right, the rest is cut off.
    return filtered[..., 2 * half : 2 * half + height, 2 * half : 2 * half + width]


def motion_blur(images_NCHW: Tensor, radius: float, sigma: float, angle_N: Tensor) -> Tensor:
    """Smear each image in its own direction: half a Gaussian of 2 radius + 1 whole-pixel steps along the angle.

    Args:
        angle_N: degrees; 0 smears towards the left, 90 upwards. Steps round to whole pixels, edge pixels repeat.
    """
    num_taps = 2 * int(radius) + 1
    step_T = torch.arange(num_taps, dtype=torch.float64)
    weight_T = torch.exp(-0.5 * (step_T / sigma).square())
    weight_T /= weight_T.sum()
    radian_N = torch.deg2rad(angle_N.double().cpu())
    device = images_NCHW.device
    down_NT = torch.ceil(step_T * torch.sin(radian_N)[:, None] - 0.5).long().to(device)
    right_NT = torch.ceil(step_T * torch.cos(radian_N)[:, None] - 0.5).long().to(device)
    num_images, channels, height, width = images_NCHW.shape
    row = torch.arange(height, device=device)
    column = torch.arange(width, device=device)
    flat = images_NCHW.reshape(num_images, channels, height * width)
    out = torch.zeros_like(flat)
    for t in range(num_taps):
        from_row = (row + down_NT[:, t, None]).clamp(0, height - 1)
        from_column = (column + right_NT[:, t, None]).clamp(0, width - 1)
        source = (from_row[:, :, None] * width + from_column[:, None, :]).reshape(num_images, 1, -1)
        out.add_(flat.gather(2, source.expand(-1, channels, -1)), alpha=float(weight_T[t]))
    return out.reshape(images_NCHW.shape)
