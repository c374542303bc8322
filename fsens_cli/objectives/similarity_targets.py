"""Targets of representational similarity: pixels, a Gabor bank, and the controls that a claim needs.

Each is a symmetric matrix over N images with ones on its diagonal. Shape letters: N images, C channels, H, W pixels.
"""

import torch
from torch import Tensor

from fsens_cli.errors import require
from fsens_cli.fourier.gabor import FREQUENCIES, gabor_features
from fsens_cli.statistics.similarity import cosine_matrix

# From this many pixels a side on, a lower frequency is taken too.
LARGE = 128


def pixel_similarity(images_NCHW: Tensor) -> Tensor:
    """Return the similarity of gray pixels, shape (N, N): channel mean, less the mean image, unit norm."""
    return cosine_matrix(images_NCHW.mean(dim=1).flatten(1))


def thresholded(similarity_NN: Tensor, threshold: float) -> Tensor:
    """Return 1 above ``threshold``, -1 below ``-threshold``, 0 between; the diagonal stays 1.

    >>> thresholded(torch.tensor([[1.0, 0.9], [0.9, 1.0]]), 0.8)
    tensor([[1., 1.],
            [1., 1.]])
    """
    require(0 <= threshold <= 1, f"regularizer.threshold={threshold} must lie in [0, 1].")
    signs = torch.sign(similarity_NN) * (similarity_NN.abs() > threshold)
    return signs.fill_diagonal_(1)


def rows_permuted(similarity_NN: Tensor, generator: torch.Generator) -> Tensor:
    """Return the matrix with rows and columns permuted together: another assignment, the same eigenvalues."""
    order = torch.randperm(len(similarity_NN), generator=generator)
    return similarity_NN[order][:, order]


def off_diagonal_shuffled(similarity_NN: Tensor, generator: torch.Generator) -> Tensor:
    """Return the matrix with its off-diagonal values shuffled among the pairs: the same values, no structure."""
    upper = torch.triu_indices(len(similarity_NN), len(similarity_NN), offset=1)
    values = similarity_NN[upper[0], upper[1]]
    shuffled = torch.ones_like(similarity_NN)
    shuffled[upper[0], upper[1]] = values[torch.randperm(len(values), generator=generator)]
    lower = shuffled.T.clone()
    return torch.where(torch.ones_like(shuffled).tril(-1).bool(), lower, shuffled)


def same_class(label_N: Tensor) -> Tensor:
    """Return 1 for images of one class, else 0."""
    return (label_N[:, None] == label_N[None, :]).float()


def stand_in(images_NCHW: Tensor, towards: str) -> Tensor:
    """Return a target that is made of the images, before any threshold: ``pixel``, ``gabor``, ``gabor-low``, ..."""
    if towards.startswith("gabor"):
        return gabor_similarity(images_NCHW, towards.removeprefix("gabor").removeprefix("-") or "all")
    return pixel_similarity(images_NCHW)


def gabor_similarity(images_NCHW: Tensor, which: str = "all") -> Tensor:
    """Return the similarity of Gabor energies after divisive normalisation, shape (N, N): a stand-in for V1.

    Args:
        images_NCHW: in [0, 1].
        which: ``all`` frequencies, the ``low`` one alone or the ``high`` one alone.
    """
    large = min(images_NCHW.shape[-2:]) >= LARGE
    frequencies = (1 / 32, *FREQUENCIES) if large else FREQUENCIES
    chosen = {"all": frequencies, "low": frequencies[:1], "high": frequencies[-1:]}[which]
    return cosine_matrix(gabor_features(images_NCHW.mean(dim=1), chosen))
