"""Class folders of pictures: which belong to a split, and which pictures lie in them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fsens_cli.data.picture_file import EXTENSIONS, is_picture
from fsens_cli.errors import DataError

# In order of preference, in any case.
SPLIT_FOLDERS = {"train": ("train", "training"), "test": ("test", "val", "valid", "validation")}
# Tiny-ImageNet's list of the classes of its unsorted pictures.
UNSORTED_LIST = "val_annotations.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFolders:
    """The folder whose sub-folders are classes.

    Attributes:
        folder: the folder.
        is_split: whether it belongs to one split alone, rather than holding all images there are.
        training: the classes of the training folder beside it, which number the labels of every split; or empty.
    """

    folder: Path
    is_split: bool
    training: list[str]

    @property
    def names(self) -> list[str]:
        """The classes that have a folder here, in order of their names."""
        return _class_names(self.folder)

    def check_known(self, classes: list[str]) -> None:
        """Raise DataError if a folder here is none of the classes that count, or if there are too few of those."""
        listed = ", ".join(classes)
        source = "the training folder has" if self.training else "data.classes has"
        for name in self.names:
            if name not in classes:
                raise DataError(
                    f"{self.folder} has the class {name}, which {source} not: {listed}.{self._about_unsorted(name)}"
                )
        if len(classes) < 2 or not self.names:
            if any(is_picture(p) for p in self.folder.iterdir()):
                raise DataError(
                    f"{self.folder} holds pictures but no class folders: sort them into one folder a class."
                )
            held = f"only {self.names[0]}" if self.names else "no sub-folder"
            raise DataError(f"{self.folder} holds {held}: expected one sub-folder of pictures a class, at least two.")

    def pictures(self, name: str) -> list[Path]:
        """Return the pictures of a class, those of its sub-folders too, in torchvision's order.

        Raises:
            DataError: there is none.
        """
        found = list(_pictures_below(self.folder / name))
        if not found:
            raise DataError(f"{self.folder / name} holds no pictures ({', '.join(sorted(EXTENSIONS))}).")
        return found

    def first_picture(self) -> Path | None:
        """Return the first picture of the first class."""
        return next((p for name in self.names for p in _pictures_below(self.folder / name)), None)

    def _about_unsorted(self, name: str) -> str:
        """Return a sentence on a folder of unsorted pictures, whose name is no class."""
        if name == "images" and (self.folder / UNSORTED_LIST).is_file():
            return f" {UNSORTED_LIST} says which picture is of which class: sort them into one folder a class."
        return ""


def find_class_folders(root: Path, split: str) -> ClassFolders:
    """Return the class folders of a split of ``ROOT/{train,test}/CLASS``, or of ``ROOT/CLASS`` for all images.

    Raises:
        DataError: no such folder, or none for the split while there is one for the other.
        OSError: a folder cannot be read.
    """
    if not root.is_dir():
        raise DataError(f"data.root={root} is not a folder.")
    own = {each: _own_folder(root, each) for each in SPLIT_FOLDERS}
    training = [] if own["train"] is None else _class_names(own["train"])
    found = own[split]
    if found is not None:
        return ClassFolders(folder=found, is_split=True, training=training)
    others = [f.name for f in own.values() if f is not None]
    if others:
        raise DataError(
            f"{root} has {', '.join(others)} but no {split} folder (one of {', '.join(SPLIT_FOLDERS[split])})."
        )
    return ClassFolders(folder=root, is_split=False, training=[])


def _own_folder(root: Path, split: str) -> Path | None:
    """Return the folder of a split; its name may be written in any case.

    Raises:
        DataError: two folders differ in case alone.
    """
    there = sorted(p for p in root.iterdir() if p.is_dir())
    for wanted in SPLIT_FOLDERS[split]:
        fitting = [p for p in there if p.name.lower() == wanted]
        if len(fitting) > 1:
            raise DataError(f"{root} has {' and '.join(p.name for p in fitting)}: keep one of them.")
        if fitting:
            return fitting[0]
    return None


def _class_names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _pictures_below(folder: Path) -> Iterator[Path]:
    """Yield the pictures of a folder and of all below it, in torchvision's order; a link back up is not followed."""
    seen: set[str] = set()
    found: list[tuple[str, list[str]]] = []
    for place, folders, names in os.walk(folder, followlinks=True):
        seen.add(os.path.realpath(place))
        folders[:] = [
            f
            for f in folders
            if not f.startswith(".") and os.path.realpath(os.path.join(place, f)) not in seen  # noqa: PTH118 a hundred thousand times
        ]
        found.append((place, names))
    for place, names in sorted(found):
        yield from (path for path in (Path(place, name) for name in sorted(names)) if is_picture(path))
