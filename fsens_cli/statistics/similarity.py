"""Similarity matrices of images: how they are made of features or of repeated responses, and what is none.

Shape letters: N images, F features, R repeats, U units.
"""

import torch
from torch import Tensor

from fsens_cli.errors import DataError

TOLERANCE, SYMMETRY = 1e-6, 1e-4
FEWEST = 32


def cosine_matrix(features_NF: Tensor, source: str = "the similarity target") -> Tensor:
    """Return the cosine similarity of all images' features, each feature centred over the images first, shape (N, N).

    Raises:
        DataError: an image's features are the mean's, so that it has no direction.
    """
    centred = features_NF - features_NF.mean(dim=0)
    norm_N1 = centred.norm(dim=1, keepdim=True)
    # What is left of equal features is rounding.
    smallest = 1e-6 * features_NF.abs().amax().clamp_min(torch.finfo(features_NF.dtype).tiny)
    if not bool((norm_N1 > smallest).all()):
        raise DataError(f"{source}: image {int(norm_N1.argmin())} has the mean image's features: leave it out.")
    unit = centred / norm_N1
    return (unit @ unit.T).clamp(-1, 1).fill_diagonal_(1)


def upper_triangle(matrix_NN: Tensor) -> Tensor:
    """Return the entries of all pairs i < j, shape (N (N - 1) / 2,)."""
    rows, columns = torch.triu_indices(len(matrix_NN), len(matrix_NN), offset=1, device=matrix_NN.device)
    return matrix_NN[rows, columns]


def correlation(one: Tensor, other: Tensor) -> float:
    """Return Pearson's correlation of two rows of numbers; 0 where either is constant.

    >>> round(correlation(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0, 4.0, 6.0])), 6)
    1.0
    """
    a, b = (each.double() - each.double().mean() for each in (one, other))
    size = float(a.norm() * b.norm())
    return float(a @ b) / size if size > 0 else 0.0


def reliability(responses_NRU: Tensor) -> Tensor:
    """Return ``sqrt(variance of repeat means / mean variance within an image)`` of each unit, shape (U,).

    NaN is missing. Li et al., *Learning from brains how to regularize machines*, 2019. A unit whose repeats are all
    equal counts as the most reliable one does.
    """
    between_U = responses_NRU.nanmean(dim=1).var(dim=0)
    count_NU = (~responses_NRU.isnan()).sum(dim=1)
    spread_NU = (responses_NRU - responses_NRU.nanmean(dim=1, keepdim=True)).square().nansum(dim=1)
    repeated_NU = count_NU >= 2
    within_NU = torch.where(repeated_NU, spread_NU / (count_NU - 1).clamp_min(1), 0.0)
    within_U = within_NU.sum(dim=0) / repeated_NU.sum(dim=0).clamp_min(1)
    ratio_U = (between_U / within_U).sqrt()
    finite = ratio_U[ratio_U.isfinite()]
    largest = float(finite.max()) if len(finite) else 1.0
    return torch.nan_to_num(ratio_U, nan=0.0, posinf=largest)


def repeats_agree(responses_NRU: Tensor, weight_U: Tensor) -> float | None:
    """Return the correlation of the similarities of odd and even repeats over all pairs: a noise ceiling.

    None where a half has no response of some unit to some image.
    """
    halves = [responses_NRU[:, start::2].nanmean(dim=1) for start in (0, 1)]
    if any(bool(half.isnan().any()) for half in halves):
        return None
    try:
        one, other = (upper_triangle(cosine_matrix(weight_U * half)) for half in halves)
    except DataError:  # a half in which an image has the mean responses
        return None
    return correlation(one, other)


def check_similarity(similarity_NN: Tensor, source: str) -> None:
    """Refuse what is no matrix of similarities.

    Raises:
        DataError: not square, fewer than 32 images, not symmetric within 1e-4, a diagonal that is not 1, or entries
            beyond 1 in magnitude; names the first entry that is wrong.
    """
    if similarity_NN.ndim != 2 or similarity_NN.shape[0] != similarity_NN.shape[1]:
        raise DataError(f"{source}: similarity must be (N, N), got {tuple(similarity_NN.shape)}.")
    if len(similarity_NN) < FEWEST:
        raise DataError(f"{source}: {len(similarity_NN)} images are too few for a similarity: give at least {FEWEST}.")
    faults = (
        ("is not finite", ~similarity_NN.isfinite()),
        ("lies beyond 1", similarity_NN.abs() > 1 + TOLERANCE),
        ("differs from its mirror entry by more than 1e-4", (similarity_NN - similarity_NN.T).abs() > SYMMETRY),
        ("is not 1, as the diagonal must be", torch.diag((similarity_NN.diagonal() - 1).abs() > SYMMETRY)),
    )
    for what, wrong in faults:
        if bool(wrong.any()):
            row, column = (int(i) for i in wrong.nonzero()[0])
            raise DataError(f"{source}: similarity[{row}, {column}] = {float(similarity_NN[row, column]):.4g} {what}.")
