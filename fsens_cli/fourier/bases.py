"""Unitary bases in which a gradient is described, and the frequency of each basis vector.

For unitary U and z = U x, the gradient with respect to z is U grad_x (Krishnamachari et al., TMLR 2022, section 3),
so any of these bases describes the same model without touching it.

Shape letters: N planes, H, W pixels, F columns of the half plane, K bins.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from fsens_cli.errors import ConfigError, require_one_of
from fsens_cli.fourier.bins import RadialBins, fourier_bins, nearest_integer
from fsens_cli.fourier.catalog import BASES
from fsens_cli.fourier.layout import unrepeated
from fsens_cli.short_repr import ShortRepr


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Basis(ShortRepr):
    """A unitary transform of H x W planes, with the radial bins of its coefficients.

    ``power`` maps real planes (N, H, W) to squared coefficient magnitudes with the shape of ``bins.index_HF``;
    ``bins.weight_HF`` restores what a half plane leaves out, so that the weighted sum is the sum of squares of the
    plane (Parseval).
    """

    name: str
    power: Callable[[Tensor], Tensor]
    bins: RadialBins


def fourier_power(plane_NHW: Tensor) -> Tensor:
    """Return |DFT|^2 of the unitary 2-D transform (``norm="ortho"``) on the half plane, shape (N, H, F)."""
    coefficient = torch.fft.rfft2(unrepeated(plane_NHW), norm="ortho")
    return coefficient.real.square() + coefficient.imag.square()


def cosine_matrix(size: int) -> Tensor:
    """Return the orthonormal DCT-II matrix, shape (size, size), row k a cosine of k half-cycles."""
    k = torch.arange(size, dtype=torch.float64)[:, None]
    x = torch.arange(size, dtype=torch.float64)[None, :]
    matrix = torch.cos(math.pi * (x + 0.5) * k / size) * math.sqrt(2.0 / size)
    matrix[0] /= math.sqrt(2.0)
    return matrix


def haar_matrix(size: int, levels: int) -> Tensor:
    """Return the orthonormal Haar matrix of ``levels`` levels: averages first, then details from coarse to fine."""
    matrix = torch.eye(size, dtype=torch.float64)
    length = size
    for _ in range(levels):
        pairs = matrix[:length].reshape(length // 2, 2, size)
        average = (pairs[:, 0] + pairs[:, 1]) / math.sqrt(2.0)
        detail = (pairs[:, 0] - pairs[:, 1]) / math.sqrt(2.0)
        matrix = torch.cat([average, detail, matrix[length:]])
        length //= 2
    return matrix


def haar_levels(height: int, width: int) -> int:
    """Return how often both sides can be halved.

    >>> haar_levels(32, 32), haar_levels(224, 224), haar_levels(31, 32)
    (5, 5, 0)
    """
    both = math.gcd(height, width)
    return (both & -both).bit_length() - 1


def _separable_power(rows: Tensor, columns: Tensor) -> Callable[[Tensor], Tensor]:
    def power(plane_NHW: Tensor) -> Tensor:
        left = rows.to(plane_NHW)
        right = columns.to(plane_NHW)
        return (left @ plane_NHW @ right.mT).square()

    return power


@lru_cache(maxsize=8)
def fourier_basis(height: int, width: int) -> Basis:
    """Return the unitary discrete Fourier basis with integer radii."""
    return Basis(name="fourier", power=fourier_power, bins=fourier_bins(height, width))


@lru_cache(maxsize=8)
def dct_basis(height: int, width: int) -> Basis:
    """Return the orthonormal DCT-II basis; coefficient k is k/2 cycles per side, radii rounded half up."""
    f_y = torch.arange(height, dtype=torch.float64)[:, None] / (2 * height)
    f_x = torch.arange(width, dtype=torch.float64)[None, :] / (2 * width)
    index = nearest_integer(min(height, width) * torch.sqrt(f_y**2 + f_x**2)).clamp_(min=1)
    index[0, 0] = 0
    bins = RadialBins(
        index_HF=index,
        weight_HF=torch.ones(height, width),
        cycles_per_image_K=torch.arange(int(index.max()) + 1, dtype=torch.float64),
        image_size=(height, width),
    )
    return Basis(name="dct", power=_separable_power(cosine_matrix(height), cosine_matrix(width)), bins=bins)


@lru_cache(maxsize=8)
def haar_basis(height: int, width: int) -> Basis:
    """Return the orthonormal Haar wavelet basis, one bin per level, coarse to fine.

    Level j (1 the finest) covers the octave [N / 2^(j+1), N / 2^j] cycles per image; its nominal frequency is the
    octave's geometric mean. The averages left at the coarsest level form the first bin after the constant, which is
    taken out of the plane beforehand, so no bin holds any of it.

    Raises:
        ConfigError: a side is odd.
    """
    levels = haar_levels(height, width)
    if levels == 0:
        raise ConfigError(
            f"basis=haar halves both sides at least once, and {height}x{width} has an odd one: "
            "use even sides, basis=fourier or basis=dct."
        )
    shorter = min(height, width)
    level_HW = torch.maximum(_haar_row_level(height, levels)[:, None], _haar_row_level(width, levels)[None, :])
    has_averages = (height >> levels) * (width >> levels) > 1
    octave_top = [shorter / 2 ** (levels - i) for i in range(levels)]
    nominal = [0.0, *([octave_top[0] / 4] if has_averages else []), *(top / math.sqrt(2.0) for top in octave_top)]
    # Bin 0 stays empty where averages exist: the constant is spread over them and has been subtracted.
    index = level_HW + 1 if has_averages else level_HW
    bins = RadialBins(
        index_HF=index,
        weight_HF=torch.ones(height, width),
        cycles_per_image_K=torch.tensor(nominal, dtype=torch.float64),
        image_size=(height, width),
    )
    transform = _separable_power(haar_matrix(height, levels), haar_matrix(width, levels))

    def power(plane_NHW: Tensor) -> Tensor:
        return transform(plane_NHW - plane_NHW.mean(dim=(-2, -1), keepdim=True))

    return Basis(name="haar", power=power, bins=bins)


def _haar_row_level(size: int, levels: int) -> Tensor:
    """Return the level of each row of ``haar_matrix``: 0 the averages, 1 the coarsest detail, ``levels`` the finest."""
    level = torch.zeros(size, dtype=torch.long)
    for j in range(levels):
        level[size >> (j + 1) : size >> j] = levels - j
    return level


def build_basis(name: str, height: int, width: int) -> Basis:
    """Return the basis called ``name`` for H x W planes.

    Raises:
        ConfigError: the name is unknown or the size does not suit the basis.
    """
    require_one_of("basis", name, BASES)
    return BASES[name](height, width)
