"""Band-limited Gaussian noise: the same strength in every band, one field an image.

Shape letters: N images, H, W pixels, B bands.
"""

import torch
from torch import Tensor

from fsens_cli.errors import require_one_of
from fsens_cli.fourier.octaves import BandSet, band_cells
from fsens_cli.perturb.catalog import RMS
from fsens_cli.perturb.keyed_random import ImageDraws


def band_noise(bands: BandSet, *, index_N: Tensor, seed: int, rms: str = "expected") -> Tensor:
    """Return noise of root mean square 1 in each band, shape (N, B, H, W), float32, on the device of ``index_N``.

    White Gaussian noise is cut by ideal masks and multiplied by sqrt(H W / cells), so its expected power is the same
    in every band; ``rms="exact"`` sets it in every field. Disjoint bands of one white field are independent, so all
    bands of an image come from one field. It depends on (seed, the image's index) alone.
    """
    require_one_of("rms", rms, RMS)
    height, width = bands.bins.image_size
    white_NHW = ImageDraws("band-noise", seed, index_N, index_N.device).normal(height, width)
    masks = [band_cells(bands.bins, band) / share**0.5 for band, share in zip(bands.bands, bands.density, strict=True)]
    masks_BHF = torch.stack(masks)
    spectrum_NHF = torch.fft.rfft2(white_NHW)
    noise: Tensor = torch.fft.irfft2(
        spectrum_NHF[:, None] * masks_BHF.to(white_NHW.device, white_NHW.dtype), s=(height, width)
    )
    return noise / noise.square().mean(dim=(-2, -1), keepdim=True).sqrt() if rms == "exact" else noise
