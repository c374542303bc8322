"""Single-frequency noise and the plane it spans: the Fourier heat map.

Definition: Yin et al., *A Fourier Perspective on Model Robustness in Computer Vision*, NeurIPS 2019. For each frequency
(i, j) a real picture U of unit L2 norm whose transform is zero except at (i, j) and at its mirror image (-i, -j); the
perturbed image is x + r eps U with r = -1 or 1 drawn for each image and channel, clipped to [0, 1]. So every channel is
moved by eps in L2. The phase, which the definition leaves open, is that of the cosine.

(i, j) and (-i, -j) give the same U, so half of the plane is measured and unfolded afterwards.

Shape letters: N images, C channels, H, W pixels, K frequencies.
"""

import torch
from torch import Tensor

from fsens_cli.errors import require
from fsens_cli.perturb.keyed_random import ImageDraws


def heat_map_frequencies(height: int, width: int) -> Tensor:
    """Return one (i, j) of each mirrored pair, whole cycles down and across, int64, shape (K, 2), (0, 0) first.

    j runs from 0 to W / 2 and i over -H / 2 .. H / 2; where j is its own mirror image, i runs over 0 .. H / 2 only.

    >>> heat_map_frequencies(4, 3).tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1], [-1, 1]]
    >>> len(heat_map_frequencies(32, 32))
    514
    """
    i = torch.arange(height)
    i = torch.where(i > height // 2, i - height, i)
    j = torch.arange(width // 2 + 1)
    down, across = torch.meshgrid(i, j, indexing="ij")
    own_mirror = (across == 0) | (2 * across == width)
    kept = ~own_mirror | (down >= 0)
    return torch.stack([down[kept], across[kept]], dim=1)


def fourier_basis_images(frequencies_K2: Tensor, height: int, width: int) -> Tensor:
    """Return the pictures cos(2 pi (i y / H + j x / W)) scaled to L2 norm 1, float32, shape (K, H, W)."""
    down, across = frequencies_K2.cpu().unbind(1)
    # Reduced to one turn in whole numbers, so that no rounding of large angles enters.
    turn_y = (down[:, None] * torch.arange(height)) % height
    turn_x = (across[:, None] * torch.arange(width)) % width
    turns = turn_y[:, :, None].double() / height + turn_x[:, None, :].double() / width
    wave = torch.cos(2 * torch.pi * turns)
    return (wave / wave.flatten(1).norm(dim=1)[:, None, None]).float().to(frequencies_K2.device)


def add_fourier_noise(
    images_NCHW: Tensor, frequencies_K2: Tensor, eps: float, *, index_N: Tensor, seed: int, clip: bool = True
) -> Tensor:
    """Return every image under every frequency, shape (K, N, C, H, W).

    The signs depend on (seed, frequency, the image's index, channel) alone, so frequencies can come in any batches.
    """
    require(eps >= 0, f"eps={eps}: the L2 norm of the noise in each channel, in [0, 1] pixel units, not negative.")
    height, width = images_NCHW.shape[-2:]
    basis_KHW = fourier_basis_images(frequencies_K2, height, width).to(images_NCHW)
    sign_KNC = fourier_signs(frequencies_K2, images_NCHW.shape[1], index_N=index_N, seed=seed).to(images_NCHW)
    noisy = images_NCHW + eps * sign_KNC[..., None, None] * basis_KHW[:, None, None]
    return noisy.clamp_(0, 1) if clip else noisy


def fourier_signs(frequencies_K2: Tensor, channels: int, *, index_N: Tensor, seed: int) -> Tensor:
    """Return r of each frequency, image and channel, -1 or 1, shape (K, N, C)."""
    signs = [
        ImageDraws(f"fourier/{i}/{j}", seed, index_N, index_N.device).sign(channels) for i, j in frequencies_K2.tolist()
    ]
    return torch.stack(signs) if signs else torch.empty(0, len(index_N), channels)
