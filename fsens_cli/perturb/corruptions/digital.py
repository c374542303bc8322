"""What a computer does to pictures: pixelation and JPEG.

Shape letters: N images, H, W pixels; three channels.
"""

from functools import lru_cache
from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fsens_cli.perturb.corruptions.constants import Constant
from fsens_cli.perturb.corruptions.levels import nearest_level
from fsens_cli.perturb.keyed_random import ImageDraws


def pixelate(images_N3HW: Tensor, constant: Constant, draws: ImageDraws) -> Tensor:
    """Shrink by box averages and enlarge again, 8-bit after every pass; constant: (factor of the sides,)."""
    del draws
    height, width = images_N3HW.shape[-2:]
    small = (max(1, int(height * constant[0])), max(1, int(width * constant[0])))
    level = nearest_level(images_N3HW)
    level = torch.floor(level @ box_matrix(width, small[1]).to(level).mT + 0.5)
    level = torch.floor(box_matrix(height, small[0]).to(level) @ level + 0.5)
    # Enlarged by the same filter, every pixel has one source.
    row = box_matrix(small[0], height).argmax(dim=1).to(level.device)
    column = box_matrix(small[1], width).argmax(dim=1).to(level.device)
    return level.index_select(2, row).index_select(3, column) / 255.0


@lru_cache(maxsize=32)
def box_matrix(size: int, new_size: int) -> Tensor:
    """Return the matrix (new_size, size) of Pillow's BOX filter: equal weights for the whole pixels in reach.

    >>> (6 * box_matrix(5, 2)).round().int().tolist()
    [[2, 2, 2, 0, 0], [0, 0, 0, 3, 3]]
    """
    scale = size / new_size
    reach = max(scale, 1.0) / 2
    matrix = np.zeros((new_size, size))
    for row in range(new_size):
        center = (row + 0.5) * scale
        first = max(0, int(center - reach + 0.5))
        last = min(size, int(center + reach + 0.5))
        distance = (np.arange(first, last) - center + 0.5) / (2 * reach)
        matrix[row, first:last] = (distance > -0.5) & (distance <= 0.5)
    return torch.from_numpy(matrix / matrix.sum(axis=1, keepdims=True)).float()


def jpeg_compression(images_N3HW: Tensor, constant: Constant, draws: ImageDraws) -> Tensor:
    """Encode and decode; constant: (quality,). On the host, picture by picture: the codec is Pillow's libjpeg."""
    del draws
    quality = int(constant[0])
    pixels = nearest_level(images_N3HW).to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    decoded = np.empty_like(pixels)
    for picture, out in zip(pixels, decoded, strict=True):
        stream = BytesIO()
        Image.fromarray(picture).save(stream, "JPEG", quality=quality)
        out[:] = np.asarray(Image.open(stream))
    return torch.from_numpy(decoded).permute(0, 3, 1, 2).to(images_N3HW) / 255.0
