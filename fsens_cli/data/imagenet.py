"""ImageNet-1k (Russakovsky et al. 2015): its classes and the names of folders that stand for them.

The pictures are the user's own copy in the usual layout: one folder a WordNet id, in ``val`` or at the top.
"""

from collections.abc import Sequence
from functools import lru_cache

# Of a folder's name that is read as a number.
MAX_DIGITS = 18


@lru_cache(maxsize=1)
def wordnet_ids() -> tuple[str, ...]:
    """Return the WordNet ids of the 1,000 classes in the order that all models number them.

    >>> wordnet_ids()[0], len(wordnet_ids())
    ('n01440764', 1000)
    """
    from timm.data import ImageNetInfo

    return tuple(ImageNetInfo("imagenet-1k").label_names())


def are_wordnet_ids(names: Sequence[str]) -> bool:
    """Return whether all names are classes of ImageNet-1k."""
    return bool(names) and all(n[:1] == "n" and n[1:].isdigit() for n in names) and set(names) <= set(wordnet_ids())


def are_numbers(names: Sequence[str]) -> bool:
    """Return whether all names are whole numbers.

    >>> are_numbers(["0", "12"]), are_numbers(["1", "two"])
    (True, False)
    """
    return bool(names) and all(n.isascii() and n.isdigit() and len(n) <= MAX_DIGITS for n in names)


def imagenet_numbers() -> tuple[str, ...]:
    """Return the names of class folders that are ImageNet-1k's labels: ``0`` to ``999``."""
    return tuple(str(i) for i in range(1000))
