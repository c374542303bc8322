"""Labels of class folders: in order of their names, of their numbers, of a given list, or as ImageNet-1k has them."""

from collections.abc import Sequence
from dataclasses import dataclass

from fsens_cli.data.imagenet import are_numbers, are_wordnet_ids, imagenet_numbers, wordnet_ids
from fsens_cli.errors import ConfigError, DataError, require, require_one_of

NUMBERINGS = ("auto", "own", "numeric", "imagenet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbering:
    """Which label a class folder has.

    Attributes:
        class_names: one a label.
        label_of: the label of each folder.
        note: what a user may not expect, or empty.
    """

    class_names: tuple[str, ...]
    label_of: dict[str, int]
    note: str = ""


def check_classes_setting(classes: object) -> None:
    """Raise ConfigError unless ``data.classes`` is a numbering's name or a list of different folder names."""
    if isinstance(classes, str):
        require_one_of("data.classes", classes, NUMBERINGS)
        return
    if not isinstance(classes, list | tuple):
        raise ConfigError(f"data.classes={classes}: give {', '.join(NUMBERINGS)} or a list of the class folders.")
    names = [str(name) for name in classes]
    twice = sorted({name for name in names if names.count(name) > 1})
    require(not twice, f"data.classes has {', '.join(twice)} twice.")
    require(len(names) > 1, f"data.classes={names}: give at least two class folders.")


def numbered(folders: Sequence[str], classes: str | Sequence[str], *, imagenet: bool) -> Numbering:
    """Return the labels of class folders.

    Args:
        folders: the classes that count, in order of their names.
        classes: a numbering's name or the folders in the order of their labels.
        imagenet: whether the model numbers its classes as ImageNet-1k does.

    Raises:
        DataError: the folders are not named as the numbering needs it.

    >>> numbered(["0", "1", "10", "2"], "numeric", imagenet=False).class_names
    ('0', '1', '2', '10')
    """
    if not isinstance(classes, str):
        return _in_order([str(name) for name in classes])
    if classes == "imagenet" or (imagenet and classes != "own" and _mean_imagenet(folders, classes)):
        return _as_imagenet(folders)
    if classes == "numeric":
        return _in_order(_by_number(folders))
    numeric = are_numbers(folders)
    if classes == "auto" and numeric and list(folders) != sorted(folders, key=int):
        first = ", ".join(folders[:4])
        return _in_order(
            folders,
            f"class folders are labelled in order of their names ({first}, ...), as torchvision does; "
            "data.classes=numeric takes the order of their numbers",
        )
    return _in_order(folders)


def may_be_imagenet(folders: Sequence[str], classes: str | Sequence[str]) -> bool:
    """Return whether the folders are labelled as ImageNet-1k does where the weights are ImageNet's."""
    if not isinstance(classes, str):
        return False
    return classes == "imagenet" or (classes != "own" and _mean_imagenet(folders, classes))


def are_imagenet_names(folders: Sequence[str]) -> bool:
    """Return whether the names can stand for classes of ImageNet-1k: WordNet ids, or numbers from 0 to 999."""
    return are_wordnet_ids(folders) or (bool(folders) and set(folders) <= set(imagenet_numbers()))


def _mean_imagenet(folders: Sequence[str], classes: str) -> bool:
    """Return whether ImageNet's order is meant: WordNet ids, or numbers that are all of 0 to 999 or asked for."""
    if are_wordnet_ids(folders):
        return classes == "auto"
    return set(folders) == set(imagenet_numbers()) or (classes == "numeric" and set(folders) <= set(imagenet_numbers()))


def _in_order(names: Sequence[str], note: str = "") -> Numbering:
    return Numbering(class_names=tuple(names), label_of={name: i for i, name in enumerate(names)}, note=note)


def _by_number(folders: Sequence[str]) -> list[str]:
    wrong = next((name for name in folders if not are_numbers([name])), None)
    if wrong is not None:
        raise DataError(f"data.classes=numeric: the class folder {wrong} is named by no number; give data.classes=own.")
    if len({int(name) for name in folders}) < len(folders):
        raise DataError("data.classes=numeric: two class folders have the same number; name the folders in a list.")
    return sorted(folders, key=int)


def _as_imagenet(folders: Sequence[str]) -> Numbering:
    ids = wordnet_ids()
    place = {name: i for i, name in enumerate(ids)}
    note = ""
    if folders and set(folders) <= set(imagenet_numbers()):
        place = {name: int(name) for name in imagenet_numbers()}
        note = "class folders named 0 to 999 are read as the numbers of ImageNet-1k's classes"
    unknown = next((name for name in folders if name not in place), None)
    if unknown is not None:
        raise DataError(
            f"the class folder {unknown} is named by no WordNet id of ImageNet-1k (such as n01440764): name one folder "
            "a class so, or --data folder with data.classes=own."
        )
    return Numbering(class_names=ids, label_of=place, note=note)
