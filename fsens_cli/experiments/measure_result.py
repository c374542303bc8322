"""What is a measurement of Fourier sensitivity: its settings, its per-image table and what follows from that table.

Shape letters: N images, H, W pixels, K radial bins.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.errors import DataError
from fsens_cli.experiments.measure_settings import MeasureConfig
from fsens_cli.experiments.self_check import SelfCheck
from fsens_cli.fourier.bands import Band, band_mask, frequency_bands
from fsens_cli.fourier.bins import RadialBins
from fsens_cli.short_repr import ShortRepr
from fsens_cli.statistics.intervals import Interval, mean_bounds, mean_intervals, wilson


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PerImage(ShortRepr):
    """What was measured on each image; everything else is computed from this.

    Attributes:
        index_N, label_N, prediction_N: int64.
        value_N: the target (loss, logit or margin), float64.
        gradient_norm_N: L2 norm of the gradient over all channels and pixels, in units of the target per unit of the
            chosen space, float64.
        share_NK: spatial-frequency sensitivity, rows sum to 1 (to 0 where the gradient is zero), float64.
    """

    index_N: Tensor
    label_N: Tensor
    prediction_N: Tensor
    value_N: Tensor
    gradient_norm_N: Tensor
    share_NK: Tensor

    @property
    def has_gradient_N(self) -> Tensor:
        """Whether an image's gradient has any power outside the constant."""
        return self.share_NK.sum(dim=1) > 0


@dataclass(frozen=True, slots=True)
class BandShare:
    """The sensitivity inside one band, beside what a white spectrum would have there."""

    band: Band
    share: Interval
    white_share: float

    @property
    def density(self) -> float | None:
        """The share beside a white spectrum's; None where that has nothing in the band."""
        return self.share.value / self.white_share if self.white_share > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Spectrum(ShortRepr):
    """Mean sensitivity for each radius with its 95 % interval; float64 tensors of shape (K,), bin 0 the constant."""

    mean_K: Tensor
    sd_K: Tensor
    low_K: Tensor
    high_K: Tensor


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MeasureResult(ShortRepr):
    """A model's Fourier sensitivity on a set of images."""

    config: MeasureConfig
    bins: RadialBins
    per_image: PerImage
    power_map_HW: Tensor
    spectrum: Spectrum
    bands: tuple[BandShare, ...]
    centroid: Interval
    accuracy: Interval
    num_classes: int
    self_check: SelfCheck

    @property
    def num_images(self) -> int:
        """Images measured, those without a gradient included."""
        return len(self.per_image.label_N)

    @property
    def num_zero_gradient(self) -> int:
        """Images whose gradient is zero, or the same in every pixel; they count in no average."""
        return int((~self.per_image.has_gradient_N).sum())

    @property
    def peak_bin(self) -> int:
        """The bin with the largest mean share."""
        return int(self.spectrum.mean_K.argmax())

    def band_share(self, name: str) -> float:
        """Return the mean share of the band called ``name``."""
        return next(b.share.value for b in self.bands if b.band.name == name)


def summarise(
    per_image: PerImage,
    *,
    bins: RadialBins,
    config: MeasureConfig,
    power_map_HW: Tensor,
    num_classes: int,
    self_check: SelfCheck,
) -> MeasureResult:
    """Compute every number that is shown from the per-image table; images without a gradient count in no average.

    Raises:
        DataError: no image has a gradient.
    """
    share_NK = per_image.share_NK[per_image.has_gradient_N]
    if len(share_NK) == 0:
        raise DataError(
            f"the gradient is zero, or the same in every pixel, on all {len(per_image.label_N)} images: "
            "the output depends on no spatial frequency."
        )
    low_K, high_K = mean_bounds(share_NK)
    bands = frequency_bands(bins, config.bands)
    masks = torch.stack([band_mask(bins, band) for band in bands]).double()
    shares = mean_intervals(share_NK @ masks.T)
    cycles_K = bins.cycles_per_image_K[1:]
    (centre,) = mean_intervals(centroid(share_NK, bins)[:, None], (float(cycles_K.min()), float(cycles_K.max())))
    white = (masks @ bins.white_share_K).tolist()
    correct = int((per_image.prediction_N == per_image.label_N).sum())
    return MeasureResult(
        config=config,
        bins=bins,
        per_image=per_image,
        power_map_HW=power_map_HW,
        spectrum=Spectrum(mean_K=share_NK.mean(0), sd_K=share_NK.std(0, correction=0), low_K=low_K, high_K=high_K),
        bands=tuple(BandShare(*triple) for triple in zip(bands, shares, white, strict=True)),
        centroid=centre,
        accuracy=wilson(correct, len(per_image.label_N)),
        num_classes=num_classes,
        self_check=self_check,
    )


def centroid(share_NK: Tensor, bins: RadialBins) -> Tensor:
    """Return the mean frequency of each image's sensitivity in cycles per image, shape (N,)."""
    return share_NK @ bins.cycles_per_image_K.to(share_NK)
