"""Labelled images in whatever form a Python user has them.

Shape letters: N images, C channels, H, W pixels.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, SupportsInt, TypeGuard, cast

import numpy as np
import torch
from torch import Tensor

from fsens_cli.data.images import ImageSet, to_unit
from fsens_cli.errors import DataError

CHANNELS = (1, 3)
FORMS = "a DataLoader, another iterable of (images, labels), a Dataset of pairs, (X, Y), or an ImageSet"


def batches_of(data: object, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield ([0, 1] images (N, C, H, W), int64 labels (N,)) of anything that holds labelled images, once.

    Args:
        data: a DataLoader or another iterable of batches (images, labels); a Dataset of pairs (image, label), images as
            tensors, arrays or pictures; ``(X, Y)``, tensors or arrays; or an ImageSet. Images are floating point in
            [0, 1] or 8 bits, (N, C, H, W) or (N, H, W, C).
        batch_size: of the batches that are made here; a loader's own stay as they are.

    Raises:
        DataError: what was given is none of these; says what it is and what is taken.
    """
    if isinstance(data, ImageSet):
        yield from data.batches(batch_size, torch.device("cpu"))
    elif _is_pair_of_arrays(data):
        images = as_images(as_tensor(data[0], "images"))
        labels = as_labels(as_tensor(data[1], "labels"), len(images))
        for start in range(0, len(labels), batch_size):
            part = images[start : start + batch_size]
            yield in_unit(part), labels[start : start + batch_size]
    elif _is_dataset(data):
        yield from _collated(data, batch_size)
    else:
        yield from _own_batches(data)


def in_memory(data: object, *, title: str = "given images") -> ImageSet:
    """Return all images as an ImageSet of 8-bit levels, to which floating-point ones are rounded.

    Corruptions and attacks are defined on these levels.

    Raises:
        DataError: as for `batches_of`, or there are no images.
    """
    if isinstance(data, ImageSet):
        return data
    parts = list(batches_of(data, 512))
    if not parts:
        raise DataError("there are no images.")
    label_N = torch.cat([labels for _, labels in parts])
    pixels = torch.cat([(255 * images).round().to(torch.uint8).cpu() for images, _ in parts])
    count = max(2, int(label_N.max()) + 1)
    return ImageSet(
        images_NCHW=pixels,
        label_N=label_N.cpu(),
        index_N=torch.arange(len(label_N)),
        class_names=tuple(str(i) for i in range(count)),
        title=title,
        split="all",
    )


def as_batch(images: object, what: str = "images") -> Tensor:
    """Return a batch as floating point in [0, 1], (N, C, H, W), on its own device and with its graph.

    Raises:
        DataError: it is no batch of images: of one image give ``X[None]``.
    """
    batch = as_tensor(images, what)
    if batch.ndim != 4:
        hint = " One image: give X[None]." if batch.ndim == 3 else ""
        raise DataError(f"{what} must be (N, C, H, W) or (N, H, W, C), got shape {tuple(batch.shape)}.{hint}")
    return in_unit(as_images(batch))


def as_images(images: Tensor) -> Tensor:
    """Return images as (N, C, H, W), channels moved to the front where they come last.

    Raises:
        DataError: no such shape or type.
    """
    if images.ndim == 3 and images.shape[-1] not in CHANNELS:
        images = images[:, None]  # gray without a channel axis
    if images.ndim != 4:
        raise DataError(f"images must be (N, C, H, W) or (N, H, W, C), got shape {tuple(images.shape)}.")
    if images.shape[1] not in CHANNELS and images.shape[-1] in CHANNELS:
        images = images.permute(0, 3, 1, 2)
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise DataError(f"images must be floating point in [0, 1] or 8 bits (uint8), got {images.dtype}.")
    return images


def in_unit(images: Tensor) -> Tensor:
    """Return images as floating point in [0, 1].

    Raises:
        DataError: values outside, as of images that were normalised already.
    """
    if images.dtype == torch.uint8:
        return to_unit(images)
    if images.numel():
        low, high = (float(v) for v in images.detach().aminmax())
        # NaN fails both comparisons, so write the condition for what is allowed.
        if not (low >= -1e-6 and high <= 1 + 1e-6):
            way = "divide by 255" if low >= 0 else "give them unnormalised, and mean=, std= for the model"
            way = "some value is not a number" if low != low else way
            raise DataError(f"images must lie in [0, 1], got {low:.3g} to {high:.3g}: {way}.")
    return images


def as_labels(labels: Tensor, count: int) -> Tensor:
    """Return labels as int64 (N,).

    Raises:
        DataError: another shape or type, or negative.
    """
    if labels.is_floating_point() or labels.shape != (count,):
        hints = {0: " One image and its label: give X[None] and [label].", 2: " One-hot: give labels.argmax(1)."}
        hint = hints.get(labels.ndim, "")
        raise DataError(f"labels must be integers of shape ({count},), got {labels.dtype} {tuple(labels.shape)}.{hint}")
    if len(labels) and int(labels.min()) < 0:
        raise DataError(f"labels must not be negative, got {int(labels.min())}.")
    return labels.long()


def as_tensor(part: object, what: str) -> Tensor:
    """Return numbers in any form as a tensor, of the axes that they have.

    Raises:
        DataError: they are no numbers, or rows of unequal length.
    """
    if isinstance(part, Tensor):
        return part
    try:
        array = np.asarray(part)
        return torch.from_numpy(np.ascontiguousarray(array).reshape(array.shape))
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} must be numbers, a tensor or an array; got {type(part).__name__}.") from error


def _is_pair_of_arrays(data: object) -> TypeGuard[Sequence[object]]:
    if not isinstance(data, tuple | list) or len(data) != 2:
        return False
    first, second = data
    if not isinstance(first, Tensor | np.ndarray) or not isinstance(second, Tensor | np.ndarray | list | tuple):
        return False
    # A list of two batches holds pairs; here the second part holds labels.
    return first.ndim >= 3 and not (isinstance(second, list | tuple) and len(second) == 2 and first.shape[0] != 2)


class Rows(Protocol):
    """A map-style data set."""

    def __getitem__(self, row: int) -> object: ...

    def __len__(self) -> int: ...


def _is_dataset(data: object) -> TypeGuard[Rows]:
    """Return whether items are single pairs: a map-style data set, not a loader."""
    return (
        hasattr(data, "__getitem__")
        and hasattr(data, "__len__")
        and not isinstance(data, tuple | list | Tensor | np.ndarray | dict | str)
    )


def _collated(data: Rows, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    for start in range(0, len(data), batch_size):
        rows = [_pair(data[i], i) for i in range(start, min(start + batch_size, len(data)))]
        shapes = {tuple(image.shape) for image, _ in rows}
        if len(shapes) > 1:
            raise DataError(f"the data set has images of {' and '.join(map(str, sorted(shapes)[:2]))}: give one size.")
        images = as_images(torch.stack([image for image, _ in rows]))
        yield in_unit(images), as_labels(torch.tensor([label for _, label in rows]), len(rows))


def _pair(item: object, number: int) -> tuple[Tensor, int]:
    try:
        image, label = cast(tuple[object, SupportsInt], item)
        # Pictures of Pillow become arrays (H, W, C) of 8 bits.
        return as_tensor(image, "images"), int(label)
    except (TypeError, ValueError) as error:
        raise DataError(f"item {number} of the data set is no (image, label): got {type(item).__name__}.") from error


def _own_batches(data: object) -> Iterator[tuple[Tensor, Tensor]]:
    if isinstance(data, Tensor | np.ndarray):
        raise DataError(f"images without labels: give (X, Y), or {FORMS}.")
    if isinstance(data, str | bytes | dict):
        raise DataError(f"data must be {FORMS}; got {type(data).__name__}.")
    if isinstance(data, tuple) and not all(isinstance(part, tuple | list) for part in data):
        parts = ", ".join(type(part).__name__ for part in data)
        raise DataError(f"(X, Y) must be images (N, C, H, W) and their labels (N,); got ({parts}).")
    try:
        batches = iter(cast(Iterable[object], data))
    except TypeError as error:
        raise DataError(f"data must be {FORMS}; got {type(data).__name__}.") from error
    for batch in batches:
        if not isinstance(batch, tuple | list) or len(batch) < 2:
            raise DataError(f"each batch must be (images, labels), got {type(batch).__name__}: give {FORMS}.")
        images = as_images(as_tensor(batch[0], "images"))
        yield in_unit(images), as_labels(as_tensor(batch[1], "labels"), len(images))
