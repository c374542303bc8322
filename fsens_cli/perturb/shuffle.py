"""Patch shuffling: the pieces of an image in random order, which keeps texture and destroys shape.

Shape letters: N images, C channels, H, W pixels; k patches along each side.
"""

import torch
from torch import Tensor

from fsens_cli.errors import require
from fsens_cli.perturb.keyed_random import ImageDraws


def shuffle_patches(images_NCHW: Tensor, k: int, *, index_N: Tensor, seed: int) -> Tensor:
    """Cut each image into k x k equal patches and put them back in a random order of its own.

    Patches are floor(H / k) x floor(W / k) pixels. Where k does not divide a side, the grid is centred and the rows and
    columns left over at the edges stay where they are. k = 1 changes nothing.

    Raises:
        ConfigError: k is below 1 or above the shorter side.
    """
    num_images, channels, height, width = images_NCHW.shape
    require(
        1 <= k <= min(height, width),
        f"k={k} patches along each side: give 1 (unchanged) to {min(height, width)} for {height}x{width} images.",
    )
    tall, wide = height // k, width // k
    top, left = (height - k * tall) // 2, (width - k * wide) // 2
    order = ImageDraws(f"shuffle/{k}", seed, index_N, images_NCHW.device).permutation(k * k)
    middle = images_NCHW[..., top : top + k * tall, left : left + k * wide]
    patches = middle.reshape(num_images, channels, k, tall, k, wide).permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
    rows = torch.arange(num_images, device=images_NCHW.device)[:, None]
    shuffled = patches[rows, order].reshape(num_images, k, k, channels, tall, wide).permute(0, 3, 1, 4, 2, 5)
    result = images_NCHW.clone()
    result[..., top : top + k * tall, left : left + k * wide] = shuffled.reshape(middle.shape)
    return result
