"""Spectra of feature maps: power over radii, constant channels, and the published log amplitude.

Shape letters: N images, C channels, h, w of the map, f columns of its half plane, K radial bins.
"""

import torch
from torch import Tensor

from fsens_cli.errors import ConfigError
from fsens_cli.fourier.bands import frequency_bands
from fsens_cli.fourier.bins import RadialBins, fourier_bins, radial_sum
from fsens_cli.fourier.layout import unrepeated

EPSILON = 1e-6  # of the published logarithm


def map_energy(features_NChw: Tensor) -> Tensor:
    """Return the power of each map in each radial bin, averaged over channels, shape (N, K), float64; unitary DFT.

    Bin r is r cycles over the map, which is r cycles/image where the map spans the image.

    >>> from fsens_cli.fourier.bins import fourier_bins
    >>> white = torch.randn(400, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> density = map_energy(white).mean(dim=0) / fourier_bins(8, 8).cells_K
    >>> bool(((density - 1).abs() < 0.1).all())
    True
    """
    height, width = features_NChw.shape[-2:]
    transform = torch.fft.rfft2(_wide(unrepeated(features_NChw)), norm="ortho")
    # Squared in place and reduced over one long axis: beside the transform itself this costs little.
    squares_NCx = torch.view_as_real(transform).flatten(2).square_()
    power_NhF = squares_NCx.mean(dim=1).unflatten(1, (*transform.shape[2:], 2)).sum(dim=3)
    return radial_sum(power_NhF, fourier_bins(height, width).to(power_NhF.device)).double()


def is_constant(features_NChw: Tensor) -> Tensor:
    """Return whether each channel has one value all over each map, up to rounding, shape (N, C)."""
    flat = features_NChw.flatten(2)
    low, high = flat.amin(dim=2), flat.amax(dim=2)
    return high - low <= 1e-6 * torch.maximum(high.abs(), low.abs())


def published_log_amplitude(features_NChw: Tensor) -> Tensor:
    """Return the published curve of one batch, shape (ceil(h / 2),), float64: not yet relative to its first entry.

    Park and Kim, *How Do Vision Transformers Work?*, ICLR 2022, by their public notebook: ln(|F| + 1e-6) of the plain
    DFT, averaged over images and channels (the mean of logarithms), along the diagonal (u, u) from the constant on.
    """
    side = features_NChw.shape[-1]
    if features_NChw.shape[-2] != side:
        raise ConfigError("procedure=reference reads the diagonal of square maps: give square images.")
    transform = torch.fft.rfft2(_wide(unrepeated(features_NChw)))
    along = torch.arange((side + 1) // 2, device=features_NChw.device)
    diagonal = transform[..., along, along].abs()
    return torch.log(diagonal + EPSILON).double().mean(dim=(0, 1))


def band_energy(energy_NK: Tensor, bins: RadialBins, edges: tuple[int, int] | None = None) -> Tensor | None:
    """Return the energy of each map in low, mid and high, without the constant, shape (N, 3).

    ``edges`` are the last radii of low and mid; without them N/6 and N/3 of the map. None where the map has no such
    bands: it is too small for its own, or ends below the last of the given ones.
    """
    highest = bins.num_bins - 1
    if edges is None:
        if bins.shorter_side < 6:
            return None
        bands = frequency_bands(bins)
        edges = (bands[0].last, bands[1].last)
    if edges[1] >= highest:
        return None
    low, mid = edges
    return torch.stack(
        [energy_NK[:, 1 : low + 1].sum(1), energy_NK[:, low + 1 : mid + 1].sum(1), energy_NK[:, mid + 1 :].sum(1)],
        dim=1,
    )


def _wide(features: Tensor) -> Tensor:
    return features if features.dtype == torch.float64 else features.float()
