"""A user's recordings: images with responses of neurons, or with the similarity of each pair, from an ``.npz``.

Shape letters: N images, R repeats, U units, C channels, H, W pixels.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fsens_cli.data.array_files import open_arrays
from fsens_cli.errors import DataError
from fsens_cli.statistics.similarity import check_similarity, cosine_matrix, reliability, repeats_agree

FEWEST = 32
LAYOUT = "an .npz with images and responses, or images and similarity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recordings:
    """What was shown, and how alike the answers were.

    Attributes:
        images_NCHW: uint8.
        similarity_NN: float32, ones on the diagonal.
        agreement: correlation of the similarities of odd and even repeats over all pairs; None without repeats.
    """

    images_NCHW: Tensor
    similarity_NN: Tensor
    agreement: float | None = None


def read_recordings(path: Path) -> Recordings:
    """Return checked recordings.

    Raises:
        DataError: says what is wrong with the file.
    """
    arrays = open_arrays(path, setting="regularizer.file", layout=LAYOUT)
    names = arrays.headers
    if "images" not in names or not {"responses", "similarity"} & names.keys():
        raise DataError(f"{path} holds {', '.join(sorted(names)) or 'nothing'}: give {LAYOUT}.")
    images = _as_images(arrays.read("images"), path)
    if len(images) < FEWEST:
        raise DataError(f"{path} has {len(images)} images, too few for a similarity target: give at least {FEWEST}.")
    if "similarity" in names:
        similarity = _numbers(arrays.read("similarity"), "similarity", path)
        agreement = None
    else:
        responses = _numbers(arrays.read("responses"), "responses", path)
        given = _numbers(arrays.read("reliability"), "reliability", path) if "reliability" in names else None
        similarity, agreement = _similarity_of(responses, given, path)
    if similarity.shape[:1] != images.shape[:1]:
        raise DataError(f"{path}: {len(images)} images and a similarity or responses of {len(similarity)}.")
    check_similarity(similarity, str(path))
    return Recordings(images_NCHW=images, similarity_NN=similarity.float(), agreement=agreement)


def _numbers(values: np.ndarray, name: str, path: Path) -> Tensor:
    if values.dtype.kind not in "fiu":
        raise DataError(f"{path}: {name} must be numbers, got {values.dtype}.")
    return torch.from_numpy(values.astype(np.float64))


def _as_images(values: np.ndarray, path: Path) -> Tensor:
    """Return (N, C, H, W) bytes of (N, H, W) or (N, H, W, C), bytes or numbers in [0, 1]."""
    if values.ndim not in (3, 4) or (values.ndim == 4 and values.shape[3] not in (1, 3)):
        raise DataError(f"{path}: images must be (N, H, W) or (N, H, W, 1 or 3), got {values.shape}.")
    if values.dtype != np.uint8:
        if values.dtype.kind != "f" or not bool(np.isfinite(values).all()) or values.min() < 0 or values.max() > 1:
            raise DataError(f"{path}: images must be bytes, or floating point in [0, 1].")
        values = np.rint(values * 255).astype(np.uint8)
    images = torch.from_numpy(values)
    return images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2).contiguous()


def _similarity_of(responses: Tensor, given: Tensor | None, path: Path) -> tuple[Tensor, float | None]:
    """Return the similarity of mean responses, and how far two halves of the repeats agree on it."""
    if responses.ndim not in (2, 3) or responses.shape[-1] == 0:
        raise DataError(f"{path}: responses must be (N, units) or (N, repeats, units), got {tuple(responses.shape)}.")
    units = responses.shape[-1]
    if given is not None and given.shape != (units,):
        raise DataError(f"{path}: reliability must be one number a unit, ({units},), got {tuple(given.shape)}.")
    single = responses[:, None] if responses.ndim == 2 else responses
    if bool(responses.isinf().any()):
        raise DataError(f"{path}: responses hold infinite numbers; a missing one is NaN.")
    empty = single.isnan().all(dim=1).nonzero()
    if len(empty):
        image, unit = (int(i) for i in empty[0])
        raise DataError(f"{path}: unit {unit} has no response to image {image}: leave out the unit or the image.")
    weight_U = torch.ones(units, dtype=torch.float64) if given is None else given
    repeated = single.shape[1] >= 2
    if repeated:
        weight_U = weight_U * reliability(single)
    similarity = cosine_matrix(weight_U * single.nanmean(dim=1), str(path))
    return similarity, repeats_agree(single, weight_U) if repeated else None
