"""Regularizers of a spectrum: one band kept (lsf, msf, hsf), all radii alike (asf), a given one (target).

Krishnamachari, Ng, Foo, *Fourier Sensitivity and Regularization of Computer Vision Models*, TMLR 2022; ``target`` is
our generalisation. Shape letters: N images, K radial bins.
"""

import torch
from torch import Tensor

from fsens_cli.errors import ConfigError, require
from fsens_cli.fourier.bands import band_mask, frequency_bands
from fsens_cli.fourier.bins import RadialBins
from fsens_cli.objectives.batch_shares import BatchShares
from fsens_cli.objectives.regularizer import RegularizerSettings

SMALLEST_SHARE = 1e-12


def negative_entropy(share: Tensor) -> Tensor:
    """Return the sum of p log2 p over the last dimension, p the share divided by its sum; 0 log 0 is 0.

    Ranges from -log2(length) (flat) to 0 (all in one place).

    >>> float(negative_entropy(torch.tensor([0.25, 0.25, 0.25, 0.25])))
    -2.0
    """
    p = share / share.sum(dim=-1, keepdim=True).clamp_min(SMALLEST_SHARE)
    return (p * torch.log2(p.clamp_min(SMALLEST_SHARE))).sum(dim=-1)


def divergence(target: Tensor, share: Tensor) -> Tensor:
    """Return the Kullback-Leibler divergence of ``share`` from ``target`` in bits: 0 where equal; 0 log 0 is 0.

    >>> round(float(divergence(torch.tensor([0.5, 0.5]), torch.tensor([0.25, 0.75]))), 4)
    0.2075
    """
    return (target * (torch.log2(target.clamp_min(SMALLEST_SHARE)) - torch.log2(share.clamp_min(SMALLEST_SHARE)))).sum(
        -1
    )


def share_outside(shares: BatchShares, outside_K: Tensor, settings: RegularizerSettings) -> Tensor:
    """Return the mean share outside the band that is kept, 0 .. 1."""
    del settings
    return (shares.mean_K() * outside_K).sum()


def cells_outside(band: str, settings: RegularizerSettings, bins: RadialBins) -> Tensor:
    """Return 1 for the radial bins outside the band that is kept, else 0, shape (K,)."""
    del settings
    kept = next(b for b in frequency_bands(bins) if b.name == band)
    return (~band_mask(bins, kept)).double()


def radii_to_nyquist(settings: RegularizerSettings, bins: RadialBins) -> Tensor:
    """Return 1 for the radii 1 .. floor(N / 2), else 0, shape (K,)."""
    del settings
    height, width = bins.image_size
    last = min(height, width) // 2
    require(last >= 2, f"regularizer=asf needs images of at least 4x4 pixels, got {height}x{width}.")
    radius_K = bins.cycles_per_image_K
    return ((radius_K >= 1) & (radius_K <= last)).double()


def minus_entropy(shares: BatchShares, counted_K: Tensor, settings: RegularizerSettings) -> Tensor:
    """Return minus the entropy over the radii 1 .. floor(N / 2), renormalised, in bits, -log2(floor(N / 2)) .. 0."""
    if settings.entropy == "per_image":
        return shares.mean_of(negative_entropy(shares.share_NK * counted_K))
    return negative_entropy(shares.mean_K() * counted_K)


def target_spectrum(settings: RegularizerSettings, bins: RadialBins) -> Tensor:
    """Return the target as shares of all K bins, bin 0 the constant with 0."""
    expected = bins.num_bins - 1
    if len(settings.target) != expected:
        size = "x".join(str(s) for s in bins.image_size)
        source = f"regularizer.file={settings.file}" if settings.file else "the target spectrum"
        raise ConfigError(
            f"{source} has {len(settings.target)} radii and {size} images have {expected}: "
            f"give a share for every radius from 1 to {expected}."
        )
    return torch.tensor([0.0, *settings.target], dtype=torch.float64)


def divergence_from(shares: BatchShares, target_K: Tensor, settings: RegularizerSettings) -> Tensor:
    """Return the Kullback-Leibler divergence of the batch's mean from the target, in bits, 0 and up."""
    del settings
    return divergence(target_K, shares.mean_K()) * shares.any_used
