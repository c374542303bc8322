"""The sensitivity of each class: the per-image table of a measurement, class by class.

Shape letters: N images, K radial bins, B bands.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.experiments.measure_result import MeasureResult
from fsens_cli.fourier.bands import Band, band_mask
from fsens_cli.fourier.octaves import octave_bands
from fsens_cli.short_repr import ShortRepr
from fsens_cli.statistics.intervals import mean_bounds


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ClassSpectrum(ShortRepr):
    """Mean share of the sensitivity in each bin over the images of one class, with bounds; float64, shape (K,)."""

    label: int
    n: int
    mean_K: Tensor
    low_K: Tensor
    high_K: Tensor


def class_spectra(result: MeasureResult) -> list[ClassSpectrum]:
    """Return the spectrum of each class that has an image with a gradient, in order of the labels."""
    table = result.per_image
    found = []
    for label in table.label_N[table.has_gradient_N].unique(sorted=True).tolist():
        share_NK = table.share_NK[table.has_gradient_N & (table.label_N == label)].double()
        low_K, high_K = mean_bounds(share_NK)
        found.append(
            ClassSpectrum(label=label, n=len(share_NK), mean_K=share_NK.mean(dim=0), low_K=low_K, high_K=high_K)
        )
    return found


def band_shares(result: MeasureResult, spectra: list[ClassSpectrum]) -> tuple[tuple[Band, ...], Tensor]:
    """Return half octaves, and the share of each class in each, shape (classes, B).

    Wavelet bins are octaves already, so their bands are the three of the measurement.
    """
    whole = result.config.basis != "haar"
    bands = octave_bands(result.bins) if whole else tuple(b.band for b in result.bands)
    masks_KB = torch.stack([band_mask(result.bins, band) for band in bands], dim=1).double()
    return bands, torch.stack([spectrum.mean_K for spectrum in spectra]) @ masks_KB
