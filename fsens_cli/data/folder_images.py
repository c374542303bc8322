"""Pictures of class folders, read into memory, and what can be told of them before that.

Shape letters: N images.
"""

import contextlib
from pathlib import Path

import torch

from fsens_cli.data.class_folders import ClassFolders, find_class_folders
from fsens_cli.data.file_list import listed_rows
from fsens_cli.data.folder import FolderConfig
from fsens_cli.data.geometry import Geometry
from fsens_cli.data.images import ImageSet, split_off
from fsens_cli.data.numbering import Numbering, are_imagenet_names, may_be_imagenet, numbered
from fsens_cli.data.picture_file import RULES, size_of
from fsens_cli.data.pictures import decoded
from fsens_cli.data.trained_on import FILES, TrainedImages, file_prints
from fsens_cli.data.wanted import EVERYTHING, Wanted
from fsens_cli.errors import DataError
from fsens_cli.home import expanded


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
    root = expanded(config.root)
    folders = find_class_folders(root, split)
    numbering = _numbering(folders, config, imagenet=wanted.imagenet)
    folders.check_known(list(numbering.label_of))
    files, label_N, notes = _listed(folders, numbering)
    rows, split, note = _split_rows(folders, files, label_N, split, config, wanted.trained_on)
    if config.list:
        rows = rows[listed_rows([files[row] for row in rows.tolist()], config.list)]
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
        class_names=numbering.class_names,
        title=config.title or root.name,
        split=split,
        rules=RULES,
        notes=(*notes, note) if note else notes,
        files=tuple(files[row] for row in rows.tolist()),
    )


def _listed(folders: ClassFolders, numbering: Numbering) -> tuple[list[Path], torch.Tensor, tuple[str, ...]]:
    """Return all pictures with their labels, and what there is to say of how they were found."""
    files: list[Path] = []
    labels: list[int] = []
    for name in folders.names:
        pictures = folders.pictures(name)
        files += pictures
        labels += [numbering.label_of[name]] * len(pictures)
    notes = [numbering.note] if numbering.note else []
    deeper = next((p for p in files if p.parent.parent != folders.folder), None)
    if deeper is not None:
        notes.append(
            f"pictures below class folders ({deeper.relative_to(folders.folder)}, ...) belong to the class of the "
            "topmost one, as torchvision reads them"
        )
    return files, torch.tensor(labels), tuple(notes)


def _split_rows(
    folders: ClassFolders,
    files: list[Path],
    label_N: torch.Tensor,
    split: str,
    config: FolderConfig,
    trained_on: TrainedImages | None,
) -> tuple[torch.Tensor, str, str]:
    """Return the rows of a split, what they are (``all`` where nothing tells the splits apart), and a note or ""."""
    everything = torch.arange(len(label_N))
    if folders.is_split:
        return everything, split, ""
    if config.test_fraction > 0:
        train, test = split_off(label_N, config.test_fraction, config.seed)
        rows = train if split == "train" else test
        if len(rows) == 0:
            raise DataError(
                f"data.test_fraction={config.test_fraction} leaves no picture for the {split} split of "
                f"{folders.folder}."
            )
        return rows, split, ""
    if trained_on is not None and trained_on.kind == FILES:
        known_N = torch.tensor([p in trained_on.prints for p in file_prints(files)])
        if known_N.any() and split == "train":
            return everything[known_N], split, ""
        if known_N.any() and not known_N.all():
            count = f"{int(known_N.sum()):,} of {len(files):,}"
            return everything[~known_N], split, f"{count} pictures were trained on by these weights and are left out"
    if split == "train":
        raise DataError(
            f"{folders.folder} has no train and test folders: give data.test_fraction=0.2 to keep a part of every "
            "class apart."
        )
    return everything, "all", ""


def _numbering(folders: ClassFolders, config: FolderConfig, *, imagenet: bool) -> Numbering:
    return numbered(folders.training or folders.names, config.classes, imagenet=imagenet)


def has_imagenet_classes(config: FolderConfig, split: str) -> bool:
    """Return whether the folders are numbered as ImageNet-1k numbers its classes, where the weights are ImageNet's."""
    try:
        names = find_class_folders(expanded(config.root), split).names
    except (DataError, OSError):
        names = []  # loading says what is wrong
    return may_be_imagenet(names, config.classes)


def imagenet_hint(config: FolderConfig, split: str) -> str:
    """Return what to give for ImageNet's weights where the folders could be its classes and the settings say less."""
    try:
        names = find_class_folders(expanded(config.root), split).names
    except (DataError, OSError):
        names = []
    if not isinstance(config.classes, str) or config.classes == "imagenet" or not are_imagenet_names(names):
        return ""
    return " The class folders have names of ImageNet-1k's: data.classes=imagenet numbers them as its 1,000 classes."


def count_classes(config: FolderConfig, split: str, imagenet: bool) -> int | None:
    """Return the number of classes from the folders' names alone; None where loading will say what is wrong."""
    try:
        folders = find_class_folders(expanded(config.root), split)
        count = len(_numbering(folders, config, imagenet=imagenet).class_names)
    except (DataError, OSError):
        return None
    return count if count > 1 else None


def peek_folder(config: FolderConfig, split: str, native: Geometry | None) -> tuple[int, int] | None:
    """Return height and width of the images, from the settings or the first picture; None where that cannot be told."""
    geometry = _geometry(config, native)
    if geometry is not None:
        return geometry.size
    with contextlib.suppress(DataError, OSError):
        first = find_class_folders(expanded(config.root), split).first_picture()
        return None if first is None else size_of(first)
    return None


def _geometry(config: FolderConfig, native: Geometry | None) -> Geometry | None:
    return Geometry(height=config.size[0], width=config.size[1]) if config.size else native
