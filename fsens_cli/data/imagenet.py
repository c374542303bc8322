"""ImageNet-1k (Russakovsky et al. 2015): which class does a WordNet id mean, and where are its pictures?

The pictures are the user's own copy in the usual layout: one folder a WordNet id, in ``val`` or at the top.
"""

from functools import lru_cache


@lru_cache(maxsize=1)
def wordnet_ids() -> tuple[str, ...]:
    """Return the WordNet ids of the 1,000 classes in the order that all models number them.

    >>> wordnet_ids()[0], len(wordnet_ids())
    ('n01440764', 1000)
    """
    from timm.data import ImageNetInfo

    return tuple(ImageNetInfo("imagenet-1k").label_names())


def are_wordnet_ids(names: list[str]) -> bool:
    """Return whether all names are classes of ImageNet-1k."""
    return bool(names) and all(n[:1] == "n" and n[1:].isdigit() for n in names) and set(names) <= set(wordnet_ids())
