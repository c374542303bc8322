"""Images that lie in NumPy files: one ``.npz``, or a folder with ``images.npy`` and ``labels.npy``.

A file of both splits names its arrays with ``train`` and ``test`` in them (``x_train``, ``test_labels``, ...); one
without them is the test split. Images are (N, H, W), (N, H, W, C) or (N, C, H, W), 8-bit or floating point in [0, 1].
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from fsens_cli.cache.places import Meter, shown
from fsens_cli.data.images import ImageSet
from fsens_cli.data.settings import DataSettings
from fsens_cli.errors import DataError, require

IMAGES = ("images", "image", "x", "data", "pixels")
LABELS = ("labels", "label", "y", "targets", "fine_labels")
LAYOUT = "an .npz with images and labels, or a folder with images.npy and labels.npy"


@dataclass(kw_only=True)
class ArraysConfig(DataSettings):
    """Where the arrays lie.

    Attributes:
        root: the ``.npz`` file or the folder.
        num_classes: 0 takes the largest label of all splits plus one.
    """

    name: str = "arrays"
    root: str = ""
    num_classes: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        DataSettings.__post_init__(self)
        require(self.root != "", f"data=arrays needs data.root=PATH of {LAYOUT}.")
        require(self.num_classes >= 0, f"data.num_classes={self.num_classes} must not be negative.")


def load_arrays(config: ArraysConfig, split: str, meter: Meter) -> ImageSet:
    """Read one split.

    Raises:
        DataError: no such file, no such array, or values that are no images or labels.
    """
    del meter
    arrays = _open(Path(config.root).expanduser())
    images, label = arrays[_named(arrays, split, IMAGES, config)], arrays[_named(arrays, split, LABELS, config)]
    label = label.reshape(-1) if label.ndim == 2 and label.shape[1] == 1 else label
    if label.ndim != 1 or not np.issubdtype(label.dtype, np.integer):
        raise DataError(f"{config.root}: labels must be integers of shape (N,), got {label.dtype} {label.shape}.")
    if len(images) != len(label) or len(label) == 0:
        raise DataError(f"{config.root} has {len(images)} images and {len(label)} labels in its {split} split.")
    others = [arrays[n] for n in arrays if any(word in _words(n) for word in LABELS)]
    highest = max(int(a.max()) for a in others if a.size and np.issubdtype(a.dtype, np.integer))
    num_classes = config.num_classes or highest + 1
    return ImageSet(
        images_NCHW=_as_images(images, config),
        label_N=torch.from_numpy(label.astype(np.int64)),
        index_N=torch.arange(len(label)),
        class_names=tuple(str(i) for i in range(num_classes)),
        title=config.title or Path(config.root).stem,
        split=split,
    )


def peek_arrays(config: ArraysConfig, split: str) -> tuple[int, int]:
    """Return height and width of the images from the array's header alone."""
    path = Path(config.root).expanduser()
    if path.is_dir():
        arrays = _open(path)
        shape, dtype = (a := arrays[_named(arrays, split, IMAGES, config)]).shape, a.dtype
    else:
        names = _members(path)
        with zipfile.ZipFile(path) as archive, archive.open(f"{_named(names, split, IMAGES, config)}.npy") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
    height, width, _ = _height_width_axis(shape, dtype, config)
    return height, width


def _open(path: Path) -> Mapping[str, np.ndarray]:
    """Return the arrays by name, of a folder memory-mapped; nothing in them is ever unpickled."""
    try:
        if path.is_dir():
            return {f.stem: np.load(f, mmap_mode="c", allow_pickle=False) for f in sorted(path.glob("*.npy"))}
        if not path.is_file():
            raise DataError(f"data.root={path}: there is no such file or folder; give {LAYOUT}.")
        if path.suffix != ".npz":
            raise DataError(f"data.root={path}: give {LAYOUT}.")
        with np.load(path, allow_pickle=False) as opened:
            return {name: opened[name] for name in opened.files}
    except (ValueError, OSError, zipfile.BadZipFile, EOFError, KeyError) as error:
        if isinstance(error, DataError):
            raise
        hint = " (arrays of Python objects are refused: they could run code)" if "pickle" in str(error) else ""
        raise DataError(f"data.root={path} cannot be read as NumPy arrays{hint}: give {LAYOUT}.") from error


def _members(path: Path) -> dict[str, None]:
    with zipfile.ZipFile(path) as archive:
        return {name.removesuffix(".npy"): None for name in archive.namelist()}


def _words(name: str) -> list[str]:
    return name.lower().replace("-", "_").split("_")


def _named(arrays: Mapping[str, object], split: str, kinds: tuple[str, ...], config: ArraysConfig) -> str:
    """Return the array of a split whose name holds one of the words."""
    fitting = [n for n in arrays if n.lower() in kinds or any(k in _words(n) for k in kinds)]
    own = [n for n in fitting if split in _words(n) or (split == "test" and {"val", "valid"} & set(_words(n)))]
    neutral = [n for n in fitting if not {"train", "test", "val", "valid"} & set(_words(n))]
    if own:
        return own[0]
    if neutral and split == "test":
        return neutral[0]
    there = ", ".join(arrays) or "no array"
    wanted = f"{split}_{kinds[0]}" if split == "train" else kinds[0]
    raise DataError(f"data.root={shown(Path(config.root))} holds {there}: expected an array named {wanted}.")


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
