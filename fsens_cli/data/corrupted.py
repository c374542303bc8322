"""Official corrupted test sets, read as they are: CIFAR-10-C, CIFAR-100-C and ImageNet-C.

CIFAR: ``ROOT/CORRUPTION.npy``, 50,000 pictures each, five severities in blocks of 10,000 in the order of the test set,
and ``ROOT/labels.npy``. ImageNet: ``ROOT/CORRUPTION/SEVERITY/CLASS/*.JPEG`` (or with one of the archives' own folders
``noise``, ``blur``, ``weather``, ``digital``, ``extra`` in between), 224 x 224 pixels already, so nothing is scaled or
cropped. ImageNet-C-bar (Mintun et al. 2021) has the same layout with five strengths, such as ``0.80``, for the
severities. Names are those of the files.

Shape letters: N images, C channels, H, W pixels.
"""

import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fsens_cli.data.images import ImageSet
from fsens_cli.data.picture_file import is_picture, read_picture
from fsens_cli.errors import ConfigError, DataError, require, suggestion
from fsens_cli.home import expanded

NUM_SEVERITIES = 5
CIFAR_BLOCK = 10_000
CIFAR_PICTURE = (32, 32, 3)
LABELS = "labels.npy"
NUMBER = re.compile(r"\d{1,3}(\.\d{1,3})?")
ARCHIVE_FOLDERS = ("noise", "blur", "weather", "digital", "extra")


@dataclass(frozen=True, slots=True, kw_only=True)
class CorruptedSets:
    """A folder whose layout has been recognised, with the clean images that its pictures belong to.

    Attributes:
        root: the folder.
        names: the corruptions in it.
        clean: the clean test images, all or some; ``index_N`` says which pictures of the corrupted sets are theirs.
        is_cifar: arrays of 32-pixel pictures rather than folders of pictures.
    """

    root: Path
    names: tuple[str, ...]
    clean: ImageSet
    is_cifar: bool

    def load(self, name: str, severity: int) -> ImageSet:
        """Return the corrupted pictures of the clean images, in their order, with the same ``index_N`` and labels.

        Raises:
            ConfigError: no such corruption or severity.
            DataError: the files are not as published, or do not belong to the clean images.
        """
        if name not in self.names:
            raise ConfigError(
                f"corruption={name} is not in {self.root}, which has {', '.join(self.names)}."
                f"{suggestion(name, self.names)}"
            )
        require(
            severity in range(1, NUM_SEVERITIES + 1),
            f"severity={severity}: give a whole number from 1 to {NUM_SEVERITIES}.",
        )
        read = _read_arrays if self.is_cifar else _read_folders
        return replace(
            self.clean,
            images_NCHW=read(self, name, severity),
            title=f"{self.clean.title}, {name} {severity}",
        )


def open_corrupted(root: str, clean: ImageSet) -> CorruptedSets:
    """Recognise the layout of ``corruption.root`` and check that it can belong to ``clean``.

    For CIFAR all files' lengths, shapes and types and the labels are checked here, before anything is measured.

    Raises:
        DataError: what is wrong with which file, and what is expected.
    """
    folder = expanded(root)
    if not folder.is_dir():
        raise DataError(f"corruption.root={root} is not a folder. {_expected()}")
    if clean.split == "train":
        raise DataError(f"corrupted sets belong to the test split, and {clean.title} is its train split.")
    if clean.images_NCHW.shape[1] != 3:
        raise DataError(f"{folder} holds RGB pictures, and {clean.title} has one channel: give data.channels=3.")
    arrays = sorted(p.stem for p in folder.glob("*.npy") if p.name != LABELS)
    if arrays:
        sets = CorruptedSets(root=folder, names=tuple(arrays), clean=clean, is_cifar=True)
        _check_arrays(sets)
        return sets
    names = sorted(p.name for parent in _parents(folder) for p in parent.iterdir() if len(_severities(p)) > 0)
    if not names:
        raise DataError(f"corruption.root={root} holds no corrupted set. {_expected()}")
    return CorruptedSets(root=folder, names=tuple(names), clean=clean, is_cifar=False)


def _expected() -> str:
    return (
        "Expected the official layout: CORRUPTION.npy and labels.npy (CIFAR-10-C, CIFAR-100-C), "
        "or CORRUPTION/SEVERITY/CLASS/*.JPEG (ImageNet-C)."
    )


def _check_arrays(sets: CorruptedSets) -> None:
    """Check every array of the CIFAR layout, and the labels against the clean images'."""
    root, clean = sets.root, sets.clean
    total = NUM_SEVERITIES * CIFAR_BLOCK
    if not (root / LABELS).is_file():
        raise DataError(f"{root / LABELS} is missing: the official folder has it beside the corruptions.")
    label = _open_array(root / LABELS)
    if label.shape != (total,) or label.dtype.kind not in "iu":
        raise DataError(
            f"{root / LABELS} has shape {label.shape} of {label.dtype}: expected ({total},) of whole numbers."
        )
    blocks = np.asarray(label).reshape(NUM_SEVERITIES, CIFAR_BLOCK)
    if not (blocks == blocks[0]).all():
        wrong = int((blocks != blocks[0]).any(axis=1).argmax())
        raise DataError(
            f"{root / LABELS}: the labels of severity {wrong + 1} differ from those of severity 1; the official file "
            f"repeats the test set's {CIFAR_BLOCK} labels five times."
        )
    for name in sets.names:
        array = _open_array(root / f"{name}.npy")
        if array.shape != (total, *CIFAR_PICTURE) or array.dtype != np.uint8:
            raise DataError(
                f"{root / name}.npy has shape {array.shape} of {array.dtype}: expected {(total, *CIFAR_PICTURE)} of "
                f"uint8, five severities of {CIFAR_BLOCK} pictures. Replace it by the official file."
            )
    size = tuple(clean.images_NCHW.shape[2:])
    if size != CIFAR_PICTURE[:2]:
        raise DataError(f"{root} holds 32x32 pictures, and {clean.title} has {size[0]}x{size[1]} pixels.")
    _check_labels(root / LABELS, torch.from_numpy(blocks[0].astype(np.int64)), clean)


def _check_labels(where: Path, label_M: Tensor, clean: ImageSet) -> None:
    """Check that the M pictures in the order of the test set carry the clean images' labels."""
    last = int(clean.index_N.max())
    if last >= len(label_M):
        raise DataError(
            f"{where} has {len(label_M)} pictures a severity, and {clean.title} uses number {last}: "
            "they are not of one test set."
        )
    differs = torch.nonzero(label_M[clean.index_N] != clean.label_N).flatten()
    if len(differs):
        row = int(differs[0])
        index = int(clean.index_N[row])
        raise DataError(
            f"{where}: picture {index} has label {int(label_M[index])}, and in {clean.title} it has "
            f"{int(clean.label_N[row])} ({len(differs)} of {len(clean)} differ): they are not of one test set."
        )


def _open_array(file: Path) -> NDArray[np.generic]:
    if not file.is_file():
        raise DataError(f"{file} is no file (a pipe, a device or a folder): replace it by the official file.")
    try:
        return np.load(file, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{file} is damaged or no array file ({error}). Replace it by the official file.") from error


def _read_arrays(sets: CorruptedSets, name: str, severity: int) -> Tensor:
    """Return the pictures at the clean images' places in one block, uint8 (N, C, H, W)."""
    rows = (severity - 1) * CIFAR_BLOCK + sets.clean.index_N.numpy()
    pixels = np.asarray(_open_array(sets.root / f"{name}.npy")[rows])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()


def _parents(root: Path) -> list[Path]:
    return [root, *(root / name for name in ARCHIVE_FOLDERS if (root / name).is_dir())]


def _severities(folder: Path) -> list[Path]:
    """Return the folders of the severities, weakest first: named 1 to 5, or by a strength as in ImageNet-C-bar."""
    if not folder.is_dir():
        return []
    return sorted((p for p in folder.iterdir() if NUMBER.fullmatch(p.name) and p.is_dir()), key=lambda p: float(p.name))


def _read_folders(sets: CorruptedSets, name: str, severity: int) -> Tensor:
    """Return the pictures at the clean images' places in the folders' order, uint8 (N, C, H, W)."""
    clean = sets.clean
    within = next(parent / name for parent in _parents(sets.root) if (parent / name).is_dir())
    folders = _severities(within)
    if len(folders) != NUM_SEVERITIES:
        raise DataError(
            f"{within / str(severity)} is missing: the official set has severities 1 to {NUM_SEVERITIES}, or as many "
            f"strengths, and this has {', '.join(f.name for f in folders)}."
        )
    folder = folders[severity - 1]
    files, label_M = _list_pictures(folder, clean)
    chosen = _by_name(folder, files, label_M, clean)
    if not chosen:
        _check_labels(folder, label_M, clean)
        chosen = [files[i] for i in clean.index_N.tolist()]
    pixels = np.empty((len(chosen), *clean.images_NCHW.shape[2:], 3), dtype=np.uint8)

    def fill(row: int) -> None:
        picture = read_picture(chosen[row], 3, None)
        if picture.shape != pixels.shape[1:]:
            raise DataError(
                f"{chosen[row]} is {picture.shape[0]}x{picture.shape[1]} pixels and {clean.title} has "
                f"{pixels.shape[1]}x{pixels.shape[2]}: corrupted pictures are not scaled again, so load the clean ones "
                f"with data.size=[{picture.shape[0]},{picture.shape[1]}]."
            )
        pixels[row] = picture

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for _ in pool.map(fill, range(len(chosen)), chunksize=64):
            pass
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()


def _by_name(folder: Path, files: Sequence[Path], label_M: Tensor, clean: ImageSet) -> list[Path]:
    """Return the clean images' pictures by class and file name; empty where names say nothing.

    So a part of the test set finds its pictures in the whole corrupted set, and the other way round.

    Raises:
        DataError: some of the clean images' names are there, and some are not.
    """
    if not clean.files:
        return []
    named = dict(zip(zip(label_M.tolist(), (file.stem for file in files), strict=True), files, strict=True))
    wanted = list(zip(clean.label_N.tolist(), (file.stem for file in clean.files), strict=True))
    found = [named[name] for name in wanted if name in named]
    if not found or len(named) != len(files):
        return []
    if len(found) < len(wanted):
        label, missing = next(name for name in wanted if name not in named)
        raise DataError(
            f"{folder} has pictures of {len(found):,} of {len(wanted):,} clean images by name, and none of "
            f"{clean.class_names[label]}/{missing}: they are not of one test set."
        )
    return found


def _list_pictures(folder: Path, clean: ImageSet) -> tuple[list[Path], Tensor]:
    """Return all pictures with their labels: by the clean set's class names, or where those are words, in order."""
    classes = clean.class_names
    found = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if set(classes) <= set(found):
        found = sorted(classes)
        number = {name: label for label, name in enumerate(classes)}
    elif clean.files and set(found) <= set(classes):
        number = {name: label for label, name in enumerate(classes)}
    elif len(found) == len(classes):
        number = {name: label for label, name in enumerate(found)}
    else:
        raise DataError(
            f"{folder} has {len(found)} class folders, and the clean images have {len(classes)} classes by other names "
            f"(such as {classes[0]}): expected one folder a class, named alike."
        )
    files: list[Path] = []
    labels: list[int] = []
    for name in found:
        pictures = sorted(p for p in (folder / name).iterdir() if is_picture(p))
        files += pictures
        labels += [number[name]] * len(pictures)
    return files, torch.tensor(labels, dtype=torch.int64)
