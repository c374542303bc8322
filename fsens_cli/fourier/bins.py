"""The frequency of each coefficient of a plane, and its radial bin.

Shape letters: H, W pixels; F = W // 2 + 1 columns of the real transform's half plane; K radial bins.
Frequencies are cycles per pixel inside, and are shown as cycles per image too:
cycles per image = cycles per pixel x the shorter side.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from fsens_cli.short_repr import ShortRepr


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RadialBins(ShortRepr):
    """The radial bin of every coefficient of a plane; bin 0 holds the constant (DC) alone.

    Attributes:
        index_HF: bin number of each coefficient, int64.
        weight_HF: cells of the full plane that a coefficient stands for: 1, or 2 where its mirror image is left out.
        cycles_per_image_K: nominal frequency of each bin, in cycles per the image's shorter side.
        image_size: (height, width) in pixels.
    """

    index_HF: Tensor
    weight_HF: Tensor
    cycles_per_image_K: Tensor
    image_size: tuple[int, int]

    @property
    def num_bins(self) -> int:
        """K, the constant's bin included."""
        return self.cycles_per_image_K.numel()

    @property
    def shorter_side(self) -> int:
        """The N of "cycles per image", in pixels."""
        return min(self.image_size)

    @property
    def cycles_per_pixel_K(self) -> Tensor:
        """Nominal frequency of each bin in cycles per pixel; 0.5 is Nyquist along an axis."""
        return self.cycles_per_image_K / self.shorter_side

    @property
    def cells_K(self) -> Tensor:
        """Number of cells of the full plane in each bin; they add up to H * W."""
        cells = torch.zeros(self.num_bins, dtype=torch.float64)
        return cells.index_add_(0, self.index_HF.flatten().cpu(), self.weight_HF.flatten().double().cpu())

    @property
    def white_share_K(self) -> Tensor:
        """Share of each bin in a flat (white) spectrum, the constant left out: cells / (H W - 1), and 0 for bin 0."""
        cells = self.cells_K
        # Where no coefficient is the constant alone (coarse Haar averages), it is one dimension of the first bin.
        cells[0 if cells[0] > 0 else 1] -= 1.0
        return cells / cells.sum()

    def to(self, device: torch.device) -> "RadialBins":
        """Return the same bins with their index and weights on ``device``."""
        return RadialBins(
            index_HF=self.index_HF.to(device),
            weight_HF=self.weight_HF.to(device),
            cycles_per_image_K=self.cycles_per_image_K,
            image_size=self.image_size,
        )


def frequency_grid(height: int, width: int, *, half: bool = False) -> tuple[Tensor, Tensor]:
    """Return (f_y, f_x) in cycles per pixel for an H x W transform, shapes (H, 1) and (1, W), or (1, F) if ``half``.

    >>> frequency_grid(4, 4)[0].flatten().tolist()
    [0.0, 0.25, -0.5, -0.25]
    """
    f_y = torch.fft.fftfreq(height, dtype=torch.float64)
    f_x = (torch.fft.rfftfreq if half else torch.fft.fftfreq)(width, dtype=torch.float64)
    return f_y[:, None], f_x[None, :]


def radius_grid(height: int, width: int, *, half: bool = False) -> Tensor:
    """Return the radial frequency sqrt(f_y^2 + f_x^2) in cycles per pixel, shape (H, W), or (H, F) if ``half``."""
    f_y, f_x = frequency_grid(height, width, half=half)
    return torch.sqrt(f_y**2 + f_x**2)


def hermitian_weight(height: int, width: int) -> Tensor:
    """Return how many cells of the full plane each cell of the half plane stands for, shape (H, F), values 1 or 2.

    A real image has power(-u, -v) = power(u, v), so the half plane holds everything. Its first column, and for even
    W its last, contain their own mirror images and count once.

    >>> int(hermitian_weight(31, 48).sum()) == 31 * 48
    True
    """
    weight = torch.full((height, width // 2 + 1), 2.0)
    weight[:, 0] = 1.0
    if width % 2 == 0:
        weight[:, -1] = 1.0
    return weight


def nearest_integer(radius: Tensor) -> Tensor:
    """Round half up. A rounding error in the last digit cannot move a tie, so mirror cells always share a bin."""
    return torch.floor(radius + 0.5 + 1e-9).long()


@lru_cache(maxsize=32)
def fourier_bins(height: int, width: int) -> RadialBins:
    """Return bins of integer radius in cycles per image for the half plane of an H x W transform.

    r = round(N sqrt(f_y^2 + f_x^2)), f in cycles per pixel and N the shorter side; for a square image that is
    round(sqrt(u^2 + v^2)) of Krishnamachari et al. (TMLR 2022). Corners stay: r_max = round(N / sqrt 2).

    >>> fourier_bins(32, 32).cells_K[:6].int().tolist()
    [1, 8, 12, 16, 32, 28]
    """
    index = nearest_integer(min(height, width) * radius_grid(height, width, half=True))
    # A long thin image has cells closer to 0 than half a cycle per shorter side; only the constant is the constant.
    index.clamp_(min=1)
    index[0, 0] = 0
    return RadialBins(
        index_HF=index,
        weight_HF=hermitian_weight(height, width),
        cycles_per_image_K=torch.arange(int(index.max()) + 1, dtype=torch.float64),
        image_size=(height, width),
    )


def radial_sum(power_NHF: Tensor, bins: RadialBins) -> Tensor:
    """Sum (not average) the power in each radial bin over the full plane, shape (N, K), bin 0 the constant.

    Differentiable; keeps the input's dtype. ``bins`` must lie on the input's device.
    """
    weighted = (power_NHF * bins.weight_HF.to(power_NHF.dtype)).flatten(1)
    energy = weighted.new_zeros(weighted.shape[0], bins.num_bins)
    return energy.index_add(1, bins.index_HF.flatten(), weighted)


def spectral_share(energy_NK: Tensor) -> Tensor:
    """Divide the energy of each bin by the image's total, the constant left out first: rows sum to 1, bin 0 is 0.

    A row without any energy stays 0 in all bins (there is nothing to share); callers count such rows.
    """
    energy = torch.cat([torch.zeros_like(energy_NK[:, :1]), energy_NK[:, 1:]], dim=1)
    total = energy.sum(dim=1, keepdim=True)
    return energy / torch.where(total > 0, total, torch.ones_like(total))
