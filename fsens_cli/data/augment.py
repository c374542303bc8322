"""Random shifts and mirror images of training images, whole batches at a time.

Random numbers come from a CPU generator, so a seed gives the same batches on every device.
Shape letters: N images, C channels, H, W pixels.
"""

from typing import Literal

import torch
from torch import Tensor

from fsens_cli.data.augment_settings import AugmentConfig

Border = Literal["zero", "reflect"]


def shift_randomly(images_NCHW: Tensor, pad: int, generator: torch.Generator, *, border: Border = "zero") -> Tensor:
    """Move each image by up to ``pad`` pixels each way; what comes in from outside is 0, or its mirror image."""
    num_images, _, height, width = images_NCHW.shape
    top, left = torch.randint(2 * pad + 1, (2, num_images), generator=generator).to(images_NCHW.device)
    rows_NH = top[:, None] + torch.arange(height, device=images_NCHW.device)
    columns_NW = left[:, None] + torch.arange(width, device=images_NCHW.device)
    if border == "reflect":
        padded = images_NCHW
        rows_NH, columns_NW = _mirrored(rows_NH - pad, height), _mirrored(columns_NW - pad, width)
    else:
        padded = torch.nn.functional.pad(images_NCHW, (pad, pad, pad, pad))
    image_N = torch.arange(num_images, device=images_NCHW.device)
    cropped_NHWC = padded.permute(0, 2, 3, 1)[image_N[:, None, None], rows_NH[:, :, None], columns_NW[:, None, :]]
    # In memory again as it is in shape: the network's weights, not the crop, choose the layout of what follows.
    return cropped_NHWC.permute(0, 3, 1, 2).contiguous()


def _mirrored(places: Tensor, size: int) -> Tensor:
    """Return places outside 0 .. size - 1 mirrored about the first and the last one, which are not repeated."""
    period = max(1, 2 * (size - 1))
    folded = places.remainder(period)
    return torch.minimum(folded, period - folded).clamp_max(size - 1)


def flip_where(images_NCHW: Tensor, flipped_N: Tensor) -> Tensor:
    """Mirror the images at which ``flipped_N`` is True from left to right."""
    mask = flipped_N.to(images_NCHW.device)[:, None, None, None]
    return torch.where(mask, images_NCHW.flip(-1), images_NCHW)


def flips_of(config: AugmentConfig, rows_N: Tensor, *, epoch: int, seed: int, generator: torch.Generator) -> Tensor:
    """Return which images of a batch are mirrored, shape (N,); ``rows_N`` are their rows in the training set."""
    if config.flip == "none":
        return torch.zeros(len(rows_N), dtype=torch.bool)
    if config.flip == "random":
        return torch.rand(len(rows_N), generator=generator) < 0.5
    # A fixed coin for each image (multiplicative hashing), turned over in every epoch.
    coin = ((rows_N + 1) * 2654435761 + seed * 40503) >> 7
    return (coin + epoch) % 2 == 0


def augment(
    images_NCHW: Tensor,
    rows_N: Tensor,
    config: AugmentConfig,
    *,
    epoch: int,
    seed: int,
    generator: torch.Generator,
    border: Border = "zero",
) -> Tensor:
    """Return the varied images, same shape and type."""
    flipped_N = flips_of(config, rows_N, epoch=epoch, seed=seed, generator=generator)
    if config.flip != "none":
        images_NCHW = flip_where(images_NCHW, flipped_N)
    if config.pad:
        images_NCHW = shift_randomly(images_NCHW, config.pad, generator, border=border)
    return images_NCHW
