"""Pictures in folders, one folder a class: ``ROOT/{train,test}/CLASS/*`` or flat ``ROOT/CLASS/*``."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import torch

from fsens_cli.data.geometry import Geometry
from fsens_cli.data.imagenet import are_wordnet_ids, wordnet_ids
from fsens_cli.data.images import ImageSet, split_off
from fsens_cli.data.pictures import EXTENSIONS, decoded, is_picture, size_of
from fsens_cli.data.settings import EVERYTHING, DataSettings, Wanted
from fsens_cli.errors import DataError, require, require_one_of

SPLIT_FOLDERS = {"train": ("train", "training"), "test": ("test", "val", "valid", "validation")}
NUMBERINGS = ("auto", "own", "imagenet")


@dataclass(kw_only=True)
class FolderConfig(DataSettings):
    """Where the pictures lie and how they become equally sized images.

    Attributes:
        root: the folder.
        title: for tables and figures; the folder's name if empty.
        channels: 3 (RGB) or 1 (gray).
        classes: how folders become labels: ``own`` counts them in order of their names; ``imagenet`` numbers folders
            named by WordNet id as ImageNet-1k does; ``auto`` is ``imagenet`` where the weights are ImageNet's and all
            folders are named so, else ``own``.
        test_fraction: for a flat folder, the part of every class kept apart from training as the test split; 0 uses all
            pictures as the test split.
        seed: of that split.
    """

    name: str = "folder"
    root: str = ""
    channels: int = 3
    classes: str = "auto"
    test_fraction: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        DataSettings.__post_init__(self)
        require(self.root != "", "data=folder needs data.root=FOLDER with one sub-folder of pictures a class.")
        require(self.channels in (1, 3), f"data.channels={self.channels}: 3 is RGB, 1 is gray.")
        require_one_of("data.classes", self.classes, NUMBERINGS)
        require(0 <= self.test_fraction < 1, f"data.test_fraction={self.test_fraction} must lie in [0, 1).")


@dataclass(kw_only=True)
class ImageNetConfig(FolderConfig):
    """A copy of ImageNet-1k in the usual layout: ``ROOT/val/n01440764/*.JPEG``."""

    name: str = "imagenet"
    title: str = "ImageNet"
    classes: str = "imagenet"

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(self.root != "", "data=imagenet needs data.root=FOLDER with val/n01440764/*.JPEG and so on.")
        FolderConfig.__post_init__(self)


def load_folder(config: FolderConfig, split: str, wanted: Wanted = EVERYTHING) -> ImageSet:
    """Read the wanted pictures of one split into memory.

    Raises:
        DataError: no such folder, no pictures, or a picture that cannot be read or has another size (named).
    """
    try:
        return _load(config, split, wanted)
    except OSError as error:  # a link to nowhere, a folder of somebody else's
        raise DataError(
            f"{error.filename or config.root} cannot be read ({error.strerror}): look at data.root={config.root}."
        ) from error


def _load(config: FolderConfig, split: str, wanted: Wanted) -> ImageSet:
    root = Path(config.root).expanduser()
    folder, is_split = _split_folder(root, split)
    classes, files, labels = _list_pictures(folder, _training_classes(root) if is_split else [])
    classes, labels = _numbered(classes, labels, config, folder, imagenet=wanted.imagenet)
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
    rows = rows[wanted.rows(label_N[rows], config)]
    return ImageSet(
        images_NCHW=decoded(
            files,
            rows.tolist(),
            channels=config.channels,
            geometry=_geometry(config, wanted.native),
            meter=wanted.meter,
        ),
        label_N=label_N[rows],
        index_N=rows,
        class_names=tuple(classes),
        title=config.title or root.name,
        split=split,
    )


def has_imagenet_classes(config: FolderConfig, split: str) -> bool:
    """Return whether the folders are numbered as ImageNet-1k numbers its classes, where the weights are ImageNet's."""
    if config.classes != "auto":
        return config.classes == "imagenet"
    try:
        return are_wordnet_ids(_class_folders(_split_folder(Path(config.root).expanduser(), split)[0]))
    except (DataError, OSError):
        return False  # loading says what is wrong


def count_classes(config: FolderConfig, split: str, *, imagenet: bool) -> int | None:
    """Return the number of classes from the folders' names alone; None where loading will say what is wrong."""
    root = Path(config.root).expanduser()
    try:
        folder, is_split = _split_folder(root, split)
        names = (_training_classes(root) if is_split else []) or _class_folders(folder)
        names, _ = _numbered(names, [], config, folder, imagenet=imagenet)
    except (DataError, OSError):
        return None
    return len(names) if len(names) > 1 else None


def peek_folder(config: FolderConfig, split: str, native: Geometry | None) -> tuple[int, int] | None:
    """Return height and width of the images, from the settings or the first picture; None where that cannot be told."""
    geometry = _geometry(config, native)
    if geometry is not None:
        return geometry.size
    with contextlib.suppress(DataError, OSError):
        folder, _ = _split_folder(Path(config.root).expanduser(), split)
        for name in _class_folders(folder):
            for picture in sorted(p for p in (folder / name).iterdir() if is_picture(p)):
                return size_of(picture)
    return None


def _geometry(config: FolderConfig, native: Geometry | None) -> Geometry | None:
    return Geometry(height=config.size[0], width=config.size[1]) if config.size else native


def _numbered(
    classes: list[str], labels: list[int], config: FolderConfig, folder: Path, *, imagenet: bool
) -> tuple[list[str], list[int]]:
    """Return class names and labels in the numbering that the settings ask for."""
    if config.classes == "own" or (config.classes == "auto" and not (imagenet and are_wordnet_ids(classes))):
        return classes, labels
    place = {name: i for i, name in enumerate(wordnet_ids())}
    unknown = next((name for name in classes if name not in place), None)
    if unknown is not None:
        raise DataError(
            f"{folder / unknown} is named by no WordNet id of ImageNet-1k (such as n01440764): name one folder a class "
            "so, or --data folder with data.classes=own."
        )
    return list(wordnet_ids()), [place[classes[label]] for label in labels]


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
        pictures = sorted(p for p in (folder / name).iterdir() if is_picture(p))
        if not pictures:
            raise DataError(f"{folder / name} holds no pictures ({', '.join(sorted(EXTENSIONS))}).")
        files += pictures
        labels += [classes.index(name)] * len(pictures)
    if len(classes) < 2 or not files:
        if any(is_picture(p) for p in folder.iterdir()):
            raise DataError(f"{folder} holds pictures but no class folders: sort them into one folder a class.")
        held = f"only {found[0]}" if found else "no sub-folder"
        raise DataError(f"{folder} holds {held}: expected one sub-folder of pictures a class, at least two.")
    return classes, files, labels
