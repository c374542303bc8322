"""Images and labels of NumPy files, read into memory.

Images are (N, H, W), (N, H, W, C) or (N, C, H, W), 8-bit or floating point in [0, 1].
"""

import contextlib
from pathlib import Path

import numpy as np
import torch

from fsens_cli.cache.places import Meter
from fsens_cli.data.array_files import ArrayFiles, open_arrays
from fsens_cli.data.array_names import IMAGES, LABELS, Found, find_array
from fsens_cli.data.arrays import ArraysConfig
from fsens_cli.data.geometry import Geometry
from fsens_cli.data.images import ImageSet
from fsens_cli.data.labels import count_label_classes, flat_labels
from fsens_cli.errors import DataError
from fsens_cli.home import expanded


def load_arrays(config: ArraysConfig, split: str, meter: Meter) -> ImageSet:
    """Read one split.

    Raises:
        DataError: no such file, no such array, or values that are no images or labels.
    """
    del meter
    arrays = open_arrays(expanded(config.root))
    found_images, found_labels = _images_of(arrays, split, config), _labels_of(arrays, split, config)
    where = f"{config.root}: labels"
    label = flat_labels(arrays.read(found_labels.name), where)
    images = arrays.read(found_images.name)
    if len(images) != len(label) or len(label) == 0:
        raise DataError(f"{config.root} has {len(images)} images and {len(label)} labels in its {split} split.")
    others = _labels_beside(arrays, config, found_labels.name)
    num_classes = count_label_classes(np.concatenate([label, *others]), config.num_classes, where)
    return ImageSet(
        images_NCHW=_as_images(images, config),
        label_N=torch.from_numpy(label),
        index_N=torch.arange(len(label)),
        class_names=tuple(str(i) for i in range(num_classes)),
        title=config.title or Path(config.root).stem,
        split=split if found_images.is_split else "all",
        notes=tuple(
            f"{kind} are the array {found.name}"
            for kind, found in (("images", found_images), ("labels", found_labels))
            if found.is_guess
        ),
    )


def _images_of(arrays: ArrayFiles, split: str, config: ArraysConfig) -> Found:
    return find_array(arrays, split, IMAGES, config.images, setting="images")


def _labels_of(arrays: ArrayFiles, split: str, config: ArraysConfig) -> Found:
    return find_array(arrays, split, LABELS, config.labels, setting="labels")


def _labels_beside(arrays: ArrayFiles, config: ArraysConfig, own: str) -> list[np.ndarray]:
    """Return the labels of the other split, so that both count the same classes."""
    names = set()
    for split in ("train", "test"):
        with contextlib.suppress(DataError):  # a split that is not there
            names.add(_labels_of(arrays, split, config).name)
    return [flat_labels(arrays.read(name), f"{config.root}: {name}") for name in sorted(names - {own})]


def peek_arrays(config: ArraysConfig, split: str, native: Geometry | None = None) -> tuple[int, int] | None:
    """Return height and width of the images from the array's header alone; None where loading says what is wrong."""
    del native
    try:
        arrays = open_arrays(expanded(config.root))
        header = arrays.headers[_images_of(arrays, split, config).name]
        height, width, _ = _height_width_axis(header.shape, header.dtype, config)
    except (DataError, OSError):
        return None
    return height, width


def _height_width_axis(shape: tuple[int, ...], dtype: np.dtype, config: ArraysConfig) -> tuple[int, int, int | None]:
    """Return height, width and the axis of the channels (None where there is none)."""
    kind = np.issubdtype(dtype, np.floating) or dtype == np.uint8
    if len(shape) == 3 and kind:
        return shape[1], shape[2], None
    if len(shape) == 4 and kind and shape[3] in (1, 3):
        return shape[1], shape[2], 3
    if len(shape) == 4 and kind and shape[1] in (1, 3):
        return shape[2], shape[3], 1
    raise DataError(
        f"{config.root}: images must be (N, H, W), (N, H, W, C) or (N, C, H, W) with 1 or 3 channels, 8-bit or "
        f"floating point in [0, 1]; got {dtype} {shape}."
    )


def _as_images(images: np.ndarray, config: ArraysConfig) -> torch.Tensor:
    *_, axis = _height_width_axis(images.shape, images.dtype, config)
    if images.dtype != np.uint8:
        # NaN fails both comparisons, so write the condition for what is allowed.
        if not (images.min() >= 0 and images.max() <= 1):
            raise DataError(
                f"{config.root}: floating-point images must lie in [0, 1], got {images.min():.3g} to "
                f"{images.max():.3g}: store them as 8-bit integers or divide them."
            )
        images = np.round(images * 255).astype(np.uint8)
    tensor = torch.from_numpy(np.ascontiguousarray(images))
    if axis is None:
        return tensor[:, None]
    return tensor.permute(0, 3, 1, 2).contiguous() if axis == 3 else tensor
