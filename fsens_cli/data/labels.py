"""Labels as they are found in arrays: checked, and named where they are something else."""

import numpy as np

from fsens_cli.data.arrays import MAX_CLASSES
from fsens_cli.errors import DataError

# PyTorch's cross-entropy leaves out -100, segmentation masks 255, and -1 often means unlabelled.
IGNORED = (-100, -1, 255)


def flat_labels(label: np.ndarray, where: str) -> np.ndarray:
    """Return labels as int64 of shape (N,).

    Raises:
        DataError: words, one-hot rows, or any other shape or type.
    """
    if label.ndim == 2 and label.shape[1] == 1:
        label = label[:, 0]
    if _is_one_hot(label):
        raise DataError(
            f"{where} are one-hot, {label.shape[1]} numbers an image: save labels.argmax(axis=1), one number an image."
        )
    if label.dtype.kind in "US":
        raise DataError(f"{where} are words ({label.dtype}): number the classes from 0 and save these numbers.")
    if label.ndim != 1 or not np.issubdtype(label.dtype, np.integer):
        raise DataError(f"{where} must be integers of shape (N,), got {label.dtype} {label.shape}.")
    if label.dtype == np.uint64:  # whose largest numbers would turn negative
        label = np.minimum(label, np.uint64(np.iinfo(np.int64).max))
    return label.astype(np.int64)


def _is_one_hot(label: np.ndarray) -> bool:
    if label.ndim != 2 or label.shape[1] < 2 or label.dtype.kind not in "biuf" or label.size == 0:
        return False
    return bool(((label == 0) | (label == 1)).all() and (label.sum(axis=1, dtype=np.float64) == 1).all())


def count_label_classes(labels: np.ndarray, num_classes: int, where: str) -> int:
    """Return the number of classes of labels that count from 0: the given one, or the largest label plus one.

    Args:
        labels: whole numbers of all splits.
        num_classes: as the user says; 0 where he does not.

    Raises:
        DataError: labels that mean "leave out", that count from 1, or that are too large; each is named.
    """
    values, counts = np.unique(labels, return_counts=True)
    lowest, highest = int(values[0]), int(values[-1])
    for value in IGNORED:
        here = values == value
        below = values[values < value]
        stands_out = value < 0 or (value == highest >= num_classes and len(below) and below[-1] < value - 1)
        if here.any() and stands_out:
            raise DataError(
                f"{where} are {value} for {int(counts[here][0]):,} of {len(labels):,} images, which usually means "
                "unlabelled or ignore: leave these images out."
            )
    if lowest < 0:
        raise DataError(f"{where} must lie in 0..{max(num_classes - 1, highest, 0)}, got {lowest}.")
    if max(num_classes, highest + 1) > MAX_CLASSES:
        raise DataError(f"{where} reach {highest:,}, and at most {MAX_CLASSES:,} classes are taken: are these labels?")
    if lowest == 1 and 1 < highest == len(values) and num_classes in (0, highest):
        raise DataError(
            f"{where} count from 1 to {highest}, and labels here count from 0: save labels - 1, or give "
            f"data.num_classes={highest + 1} if class 0 only has no image."
        )
    return num_classes or highest + 1
