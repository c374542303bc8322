"""How far a change of an image moves a model's output, if only the spectra of change and gradient are known.

A change d of the image moves an output of gradient g by <g, d> to first order. Two spectra do not tell the phases, so
take d's direction as random within each radius: then <g, d> has mean 0, and its variance is the sum, over radii, of the
product of the two energies divided by the number of cells. That holds exactly where d's direction is spread evenly.

Brightness and colour are kept apart, because a corruption such as fog moves all channels alike, and a gradient may see
only one of the two.
Shape letters: N images, C channels, H, W pixels, B kinds (brightness, colour), K radial bins, the constant included.
"""

import math

import torch
from torch import Tensor

from fsens_cli.fourier.bins import RadialBins, radial_sum

# Rows are orthonormal: brightness, then two directions of colour.
OPPONENT = torch.tensor(
    [
        [1 / math.sqrt(3), 1 / math.sqrt(3), 1 / math.sqrt(3)],
        [1 / math.sqrt(2), -1 / math.sqrt(2), 0.0],
        [1 / math.sqrt(6), 1 / math.sqrt(6), -2 / math.sqrt(6)],
    ],
    dtype=torch.float64,
)


def energy_of_kinds(image_NCHW: Tensor, bins: RadialBins) -> Tensor:
    """Return the energy of brightness and of colour in each radial bin, shape (N, B, K), float64.

    The transforms are unitary, so a row adds up to the image's squared L2 norm. B is 2 for RGB, else 1: every channel
    then counts as brightness.
    """
    values = image_NCHW.double()
    channels = values.shape[1]
    if channels == len(OPPONENT):
        values = torch.einsum("oc,nchw->nohw", OPPONENT.to(values.device), values)
    power = torch.fft.rfft2(values, norm="ortho").abs().square()
    energy_NCK = radial_sum(power.flatten(0, 1), bins).unflatten(0, (-1, channels))
    if channels != len(OPPONENT):
        return energy_NCK.sum(dim=1, keepdim=True)
    return torch.stack([energy_NCK[:, 0], energy_NCK[:, 1:].sum(dim=1)], dim=1)


def dimensions_of_kinds(channels: int, bins: RadialBins) -> Tensor:
    """Return how many real dimensions each kind has in each radial bin, shape (B, K), float64; adds up to C H W."""
    if channels != len(OPPONENT):
        return channels * bins.cells_K[None]
    return torch.stack([bins.cells_K, (channels - 1) * bins.cells_K])


def random_phase_change(gradient_NBK: Tensor, change_NBK: Tensor, dimensions_BK: Tensor) -> Tensor:
    """Return the root mean square of <g, d> over directions of d that keep its energies, shape (N,).

    Args:
        gradient_NBK, change_NBK: energies of g and d from ``energy_of_kinds``.
        dimensions_BK: from ``dimensions_of_kinds``.

    >>> from fsens_cli.fourier.bins import fourier_bins
    >>> bins = fourier_bins(8, 8)
    >>> wave = torch.cos(2 * torch.pi * torch.arange(8) / 8).expand(1, 1, 8, 8)
    >>> energy = energy_of_kinds(wave, bins)
    >>> round(float(random_phase_change(energy, energy, dimensions_of_kinds(1, bins))), 3)  # 32 / sqrt(8 cells)
    11.314
    """
    occupied = torch.where(dimensions_BK > 0, dimensions_BK, torch.ones_like(dimensions_BK)).to(gradient_NBK.device)
    return (gradient_NBK * change_NBK / occupied).sum(dim=(1, 2)).sqrt()


def flat_change(gradient_NBK: Tensor, change_NBK: Tensor, dimensions_BK: Tensor) -> Tensor:
    """Return the same for a gradient of the same norm that listens to everything alike, shape (N,).

    Only the sizes of g and d are left in it, so it says what the spectra add.
    """
    sizes = gradient_NBK.sum(dim=(1, 2)) * change_NBK.sum(dim=(1, 2))
    return (sizes / float(dimensions_BK.sum())).sqrt()
