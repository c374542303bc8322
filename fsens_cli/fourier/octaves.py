"""Octave and half-octave bands of radii, and what an image has in each.

Shape letters: N images, C channels, H, W pixels, F columns of the half plane, K radial bins, B bands.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.errors import ConfigError, require_one_of
from fsens_cli.fourier.bands import Band, band_mask
from fsens_cli.fourier.bins import RadialBins, fourier_bins, nearest_integer, radius_grid
from fsens_cli.fourier.catalog import SPACINGS
from fsens_cli.fourier.layout import unrepeated


@dataclass(frozen=True, slots=True)
class BandSet:
    """The bands of images of one size, in ascending order of frequency."""

    bins: RadialBins
    bands: tuple[Band, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The radii of each band in words."""
        return tuple(band.name for band in self.bands)

    @property
    def centres(self) -> tuple[float, ...]:
        """The frequency of each band in cycles per image."""
        return tuple(band_centre(self.bins, band) for band in self.bands)

    @property
    def cells(self) -> tuple[int, ...]:
        """How many cells of the plane each band has."""
        return tuple(num_cells(self.bins, band) for band in self.bands)

    @property
    def density(self) -> tuple[float, ...]:
        """The share of all cells of the plane that each band has."""
        height, width = self.bins.image_size
        return tuple(cells / (height * width) for cells in self.cells)


def bands_of(image_size: tuple[int, int], spacing: str = "auto", *, most: int = 10) -> BandSet:
    """Return the bands of images (height, width); ``auto`` is half octaves where these are at most ``most``.

    Raises:
        ConfigError: an unknown spacing, or images too small for two bands.
    """
    bins = fourier_bins(*image_size)
    return BandSet(bins, octave_bands(bins, spacing_for(bins, most) if spacing == "auto" else spacing))


def octave_bands(bins: RadialBins, spacing: str = "half-octave") -> tuple[Band, ...]:
    """Split the radii from 1 cycle/image up into bands that start at 2^k, or at the nearest integer to 2^(k/2).

    Every band starts at or below Nyquist along an axis (N/2); the last one takes the corners. Radius 0 is in none.

    Raises:
        ConfigError: an unknown spacing, or images too small for two bands.

    >>> from fsens_cli.fourier.bins import fourier_bins
    >>> [b.name for b in octave_bands(fourier_bins(32, 32))]
    ['1', '2', '3', '4-5', '6-7', '8-10', '11-15', '16-23']
    >>> [b.name for b in octave_bands(fourier_bins(224, 224), "octave")]
    ['1', '2-3', '4-7', '8-15', '16-31', '32-63', '64-158']
    """
    require_one_of("spacing", spacing, SPACINGS)
    highest = int(bins.cycles_per_image_K.max() + 0.5)
    nyquist = bins.shorter_side // 2
    steps = range(SPACINGS[spacing] * max(nyquist, 1).bit_length() + 1)
    starts = sorted({start for k in steps if (start := int(2 ** (k / SPACINGS[spacing]) + 0.5)) <= nyquist})
    if len(starts) < 2:
        size = "x".join(str(s) for s in bins.image_size)
        raise ConfigError(f"{size} images have no band above the smallest radius: give images of at least 4x4 pixels.")
    ends = [*(s - 1 for s in starts[1:]), highest]
    return tuple(Band(str(a) if a == b else f"{a}-{b}", a, b) for a, b in zip(starts, ends, strict=True))


def spacing_for(bins: RadialBins, most: int) -> str:
    """Return the finest spacing with at most ``most`` bands; octaves where none has so few.

    >>> from fsens_cli.fourier.bins import fourier_bins
    >>> spacing_for(fourier_bins(32, 32), 10), spacing_for(fourier_bins(224, 224), 10)
    ('half-octave', 'octave')
    """
    return "half-octave" if len(octave_bands(bins, "half-octave")) <= most else "octave"


def radius_in_cycles(frequency_M2: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Return the radial bin of frequencies (v, u) in cycles per image side, shape (M,), int64."""
    height, width = image_size
    v, u = frequency_M2.double().unbind(1)
    return nearest_integer(min(image_size) * torch.sqrt((v / height) ** 2 + (u / width) ** 2)).clamp_min(1)


def band_cells(bins: RadialBins, band: Band) -> Tensor:
    """Return True for the cells of the half plane that lie in the band, shape (H, F)."""
    return band_mask(bins, band)[bins.index_HF]


def num_cells(bins: RadialBins, band: Band) -> int:
    """Return how many cells of the full plane the band has.

    >>> from fsens_cli.fourier.bins import fourier_bins
    >>> bins = fourier_bins(32, 32)
    >>> [num_cells(bins, b) for b in octave_bands(bins)]
    [8, 12, 16, 60, 80, 172, 400, 275]
    """
    return int(bins.weight_HF[band_cells(bins, band)].sum())


def band_centre(bins: RadialBins, band: Band) -> float:
    """Return 2^(mean log2 of the exact radius of the band's cells), in cycles per image."""
    cells_HF = band_cells(bins, band)
    radius_HF = bins.shorter_side * radius_grid(*bins.image_size, half=True)
    weight = bins.weight_HF[cells_HF].double()
    return float(torch.exp2((weight * radius_HF[cells_HF].log2()).sum() / weight.sum()))


def split_into_bands(images_NCHW: Tensor, bands: BandSet) -> Tensor:
    """Return what each image has in each band, shape (N, B, C, H, W); with the channels' means they add up to it."""
    masks_BHF = torch.stack([band_cells(bands.bins, band) for band in bands.bands]).to(images_NCHW.device)
    spectrum_NCHF = torch.fft.rfft2(unrepeated(images_NCHW))
    parts: Tensor = torch.fft.irfft2(spectrum_NCHF[:, None] * masks_BHF[None, :, None], s=images_NCHW.shape[-2:])
    return parts
