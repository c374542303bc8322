"""Which of several named arrays are the images and the labels of a split."""

import re
from dataclasses import dataclass

from fsens_cli.data.array_files import ArrayFiles, Header
from fsens_cli.errors import DataError
from fsens_cli.home import shown

IMAGES = ("images", "image", "x", "data", "pixels")
LABELS = ("labels", "label", "y", "targets", "target", "fine_labels")
# In order of preference.
SPLIT_WORDS = {"train": ("train", "training"), "test": ("test", "val", "valid", "validation")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An array that was looked for.

    Attributes:
        name: of the array.
        is_split: whether its name says which split it belongs to.
        is_guess: whether its name only contains one of the expected words.
    """

    name: str
    is_split: bool
    is_guess: bool


def find_array(arrays: ArrayFiles, split: str, kinds: tuple[str, ...], given: str, *, setting: str) -> Found:
    """Return the array of a split: one with an expected name, else one whose name contains an expected word.

    Args:
        kinds: expected names, without the words that name a split.
        given: the name that the user gives instead; empty for none.
        setting: of the data set, which chooses.

    Raises:
        DataError: none fits, or several fit equally well.
    """
    expected = (_parted(given)[1],) if given else kinds
    split_words = [*SPLIT_WORDS[split], *([""] if split == "test" else [])]
    for is_guess in (False,) if given else (False, True):
        for word in split_words:
            fitting = [n for n in arrays.headers if _fits(n, word, expected, is_guess=is_guess)]
            plausible = [n for n in fitting if _can_be(setting, arrays.headers[n])] or fitting
            if len(plausible) > 1:
                raise DataError(
                    f"data.root={shown(arrays.path)} holds {' and '.join(plausible)}, which may all be the {setting}: "
                    f"give data.{setting}=NAME."
                )
            if plausible:
                return Found(name=plausible[0], is_split=word != "", is_guess=is_guess)
    there = ", ".join(arrays.headers) or "no array"
    wanted = given or (f"{split}_{kinds[0]}" if split == "train" else kinds[0])
    raise DataError(
        f"data.root={shown(arrays.path)} holds {there}: expected an array named {wanted}, or data.{setting}=NAME."
    )


def _fits(name: str, split_word: str, expected: tuple[str, ...], *, is_guess: bool) -> bool:
    """Return whether an array is of the split and has an expected name, or for a guess contains a word of one."""
    word, rest = _parted(name)
    if word != split_word:
        return False
    return any(kind in rest.split("_") for kind in expected) if is_guess else rest in expected


def _parted(name: str) -> tuple[str, str]:
    """Return the word of a name that names a split, and the rest in small letters.

    >>> _parted("x_train"), _parted("testLabels"), _parted("fine-labels")
    (('train', 'x'), ('test', 'labels'), ('', 'fine_labels'))
    """
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    words = [w for w in re.split(r"[^a-z0-9]+", apart) if w]
    known = [w for names in SPLIT_WORDS.values() for w in names]
    split_word = next((w for w in words if w in known), "")
    return split_word, "_".join(w for w in words if w != split_word)


def _can_be(setting: str, header: Header) -> bool:
    """Return whether an array has the form of images or of labels."""
    if setting == "images":
        return len(header.shape) in (3, 4)
    return len(header.shape) in (1, 2) and header.dtype.kind in "biuf"
