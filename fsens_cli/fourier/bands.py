"""The radii that are low, mid and high."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.errors import ConfigError
from fsens_cli.fourier.bins import RadialBins


@dataclass(frozen=True, slots=True)
class Band:
    """Radii ``first`` to ``last``, both included, in cycles per image."""

    name: str
    first: int
    last: int


def frequency_bands(bins: RadialBins, edges: Sequence[float] = ()) -> tuple[Band, Band, Band]:
    """Split the radii into low, mid and high.

    Low is r <= floor(N / 6), mid up to floor(N / 3), high all the rest, corners included (the bands of
    Krishnamachari et al., TMLR 2022); N is the shorter side. ``edges`` replaces the two by (last low, last mid) in
    cycles per image.

    Raises:
        ConfigError: the edges do not leave at least one radius for every band.

    >>> from fsens_cli.fourier.bins import fourier_bins
    >>> [(b.first, b.last) for b in frequency_bands(fourier_bins(32, 32))]
    [(1, 5), (6, 10), (11, 23)]
    """
    radius_max = int(_whole_cycles(bins).max())
    last_low, last_mid = (int(e) for e in edges) if edges else (bins.shorter_side // 6, bins.shorter_side // 3)
    if not 1 <= last_low < last_mid < radius_max:
        size = "x".join(str(s) for s in bins.image_size)
        asked = f"bands=[LOW,MID] with 1 <= LOW < MID < {radius_max} cycles/image"
        if edges:
            source, way_on = f"bands=[{last_low},{last_mid}]", f"give {asked}, or larger images"
        else:
            # Only measuring takes other edges, and under 3 radii there are none.
            source = "the default N/6 and N/3"
            way_on = "give larger images" + (f" (`measure` also takes {asked})" if radius_max >= 3 else "")
        raise ConfigError(f"{size} images cannot be split into three bands by {source}: {way_on}.")
    return Band("low", 1, last_low), Band("mid", last_low + 1, last_mid), Band("high", last_mid + 1, radius_max)


def band_mask(bins: RadialBins, band: Band) -> Tensor:
    """Return True for the bins whose frequency, rounded to whole cycles per image, lies in the band, shape (K,)."""
    radius_K = _whole_cycles(bins)
    mask = (radius_K >= band.first) & (radius_K <= band.last)
    mask[0] = False
    return mask


def _whole_cycles(bins: RadialBins) -> Tensor:
    """Return the frequency of each bin rounded to whole cycles per image, at least 1; only Haar bins lie between."""
    return torch.floor(bins.cycles_per_image_K + 0.5).clamp_min(1)
