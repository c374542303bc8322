"""Pictures in folders, one folder a class: ``ROOT/{train,test}/CLASS/*`` or flat ``ROOT/CLASS/*``."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from fsens_cli.data.images import ImageSet, split_off
from fsens_cli.errors import DataError, require

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp"})
# Pillow clips these at 255 when it converts them, which would turn most pictures white.
WIDE_MODES = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
SPLIT_FOLDERS = {"train": ("train", "training"), "test": ("test", "val", "valid", "validation")}


@dataclass(kw_only=True)
class FolderConfig:
    """Where the pictures lie and how they become equally sized images.

    Attributes:
        root: the folder.
        title: for tables and figures; the folder's name if empty.
        size: [height, width] in pixels to crop and scale to; empty keeps the pictures' own, which must then agree.
        channels: 3 (RGB) or 1 (gray).
        test_fraction: for a flat folder, the part of every class kept apart from training as the test split; 0 uses all
            pictures as the test split.
        seed: of that split.
    """

    name: str = "folder"
    title: str = ""
    root: str = ""
    size: list[int] = field(default_factory=list)
    channels: int = 3
    test_fraction: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(self.root != "", "data=folder needs data.root=FOLDER with one sub-folder of pictures a class.")
        require(
            len(self.size) in (0, 2) and all(s >= 1 for s in self.size),
            f"data.size={self.size}: give [HEIGHT,WIDTH] in pixels.",
        )
        require(self.channels in (1, 3), f"data.channels={self.channels}: 3 is RGB, 1 is gray.")
        require(0 <= self.test_fraction < 1, f"data.test_fraction={self.test_fraction} must lie in [0, 1).")


def load_folder(config: FolderConfig, split: str) -> ImageSet:
    """Read one split into memory.

    Raises:
        DataError: no such folder, no pictures, or a picture that cannot be read or has another size (named).
    """
    root = Path(config.root).expanduser()
    folder, is_split = _split_folder(root, split)
    classes, files, labels = _list_pictures(folder, _training_classes(root) if is_split else [])
    label_N = torch.tensor(labels)
    rows = torch.arange(len(files))
    if not is_split and config.test_fraction > 0:
        train, test = split_off(label_N, config.test_fraction, config.seed)
        rows = train if split == "train" else test
    elif not is_split and split == "train":
        raise DataError(
            f"{root} has no train and test folders: give data.test_fraction=0.2 to keep a part of every class apart."
        )
    if len(rows) == 0:
        raise DataError(f"data.test_fraction={config.test_fraction} leaves no picture for the {split} split of {root}.")
    images = _decode([files[i] for i in rows.tolist()], config)
    return ImageSet(
        images_NCHW=images,
        label_N=label_N[rows],
        index_N=rows,
        class_names=tuple(classes),
        title=config.title or root.name,
        split=split,
    )


def _split_folder(root: Path, split: str) -> tuple[Path, bool]:
    """Return the folder of class folders, and whether it belongs to ``split`` alone."""
    if not root.is_dir():
        raise DataError(f"data.root={root} is not a folder.")
    own = _own_folder(root, split)
    if own is not None:
        return own, True
    present = [n for names in SPLIT_FOLDERS.values() for n in names if (root / n).is_dir()]
    if present:
        raise DataError(
            f"{root} has {', '.join(present)} but no {split} folder (one of {', '.join(SPLIT_FOLDERS[split])})."
        )
    return root, False


def _own_folder(root: Path, split: str) -> Path | None:
    return next((root / name for name in SPLIT_FOLDERS[split] if (root / name).is_dir()), None)


def _class_folders(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _training_classes(root: Path) -> list[str]:
    """Return the classes of the training folder, which number the labels of every split; empty if there is none."""
    training = _own_folder(root, "train")
    return [] if training is None else _class_folders(training)


def _list_pictures(folder: Path, known: list[str]) -> tuple[list[str], list[Path], list[int]]:
    """Return (classes, files, labels); labels count through ``known``, or the folder's own classes."""
    found = _class_folders(folder)
    classes = known or found
    files: list[Path] = []
    labels: list[int] = []
    for name in found:
        if name not in classes:
            raise DataError(f"{folder} has the class {name}, which the training folder has not: {', '.join(classes)}.")
        pictures = sorted(p for p in (folder / name).iterdir() if _is_picture(p))
        if not pictures:
            raise DataError(f"{folder / name} holds no pictures ({', '.join(sorted(EXTENSIONS))}).")
        files += pictures
        labels += [classes.index(name)] * len(pictures)
    if len(classes) < 2 or not files:
        held = f"only {found[0]}" if found else "no sub-folder"
        raise DataError(f"{folder} holds {held}: expected one sub-folder of pictures a class, at least two.")
    return classes, files, labels


def _is_picture(path: Path) -> bool:
    """Return whether the name says so; names with a leading dot are a file system's own notes."""
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")


def _decode(files: list[Path], config: FolderConfig) -> torch.Tensor:
    """Return all pictures, uint8 (N, C, H, W); decoding runs in threads because Pillow releases the lock."""
    first = _read(files[0], config)
    pixels = np.empty((len(files), *first.shape), dtype=np.uint8)

    def fill(row: int) -> None:
        picture = _read(files[row], config)
        if picture.shape != first.shape:
            raise DataError(
                f"{files[row]} is {picture.shape[0]}x{picture.shape[1]} pixels and {files[0]} is "
                f"{first.shape[0]}x{first.shape[1]} (height x width): give data.size=[HEIGHT,WIDTH] to make them alike."
            )
        pixels[row] = picture

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for _ in pool.map(fill, range(len(files)), chunksize=64):
            pass
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()


def _read(file: Path, config: FolderConfig) -> np.ndarray:
    try:
        with Image.open(file) as opened:
            if opened.mode in WIDE_MODES:
                raise DataError(f"{file} has more than 8 bits a channel: convert it to 8 bits, scaled as you mean it.")
            picture: Image.Image = opened.convert("RGB" if config.channels == 3 else "L")
    except DataError:
        raise
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{file} cannot be read as a picture ({type(error).__name__}). Replace or remove it."
        ) from error
    if config.size:
        height, width = config.size
        picture = ImageOps.fit(picture, (width, height), Image.Resampling.BICUBIC)
    pixels = np.asarray(picture, dtype=np.uint8)
    return pixels if pixels.ndim == 3 else pixels[:, :, None]
