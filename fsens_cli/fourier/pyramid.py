"""The Laplacian pyramid: octave bands of an image that are neither sharp nor disjoint.

Burt and Adelson, *The Laplacian Pyramid as a Compact Image Code*, IEEE Trans. Commun. 31, 532 (1983), with the filter
(1, 4, 6, 4, 1) / 16 and edges reflected about the outer pixels: the defaults of the library pyrtools.
Shape letters: N planes, H, W pixels.
"""

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

TAPS = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def num_levels(height: int, width: int) -> int:
    """Return the number of levels, the low-pass residual included: halved while five taps fit.

    >>> num_levels(224, 224), num_levels(32, 32)
    (7, 4)
    """
    count, shorter = 1, min(height, width)
    while shorter >= len(TAPS):
        shorter = (shorter + 1) // 2
        count += 1
    return count


def one_level(planes_NHW: Tensor, level: int) -> Tensor:
    """Return the planes rebuilt from one level alone, shape (N, H, W); 0 is the finest, the last one the residual.

    All levels add up to the planes.
    """
    sizes = []
    below = planes_NHW
    last = num_levels(*planes_NHW.shape[-2:]) - 1
    assert 0 <= level <= last, "the caller knows how many levels there are"
    for _ in range(level):
        sizes.append(below.shape[-2:])
        below = _halved(below)
    if level < last:
        below = below - _doubled(_halved(below), below.shape[-2:])
    for size in reversed(sizes):
        below = _doubled(below, size)
    return below


def _filtered(planes_NHW: Tensor, scale: float) -> Tensor:
    taps = scale * torch.tensor(TAPS, dtype=planes_NHW.dtype, device=planes_NHW.device)
    padded = pad(planes_NHW[:, None], (2, 2, 2, 2), mode="reflect")
    return conv2d(conv2d(padded, taps.reshape(1, 1, 1, 5)), taps.reshape(1, 1, 5, 1))[:, 0]


def _halved(planes_NHW: Tensor) -> Tensor:
    return _filtered(planes_NHW, 1.0)[:, ::2, ::2]


def _doubled(planes_NHW: Tensor, size: torch.Size) -> Tensor:
    spread = planes_NHW.new_zeros(len(planes_NHW), *size)
    spread[:, ::2, ::2] = planes_NHW
    return _filtered(spread, 2.0)
