"""Names of open_clip's networks, and the words for classes that they compare images with."""

import re
from collections.abc import Sequence

from fsens_cli.cache.hub import HubPlace
from fsens_cli.models.hub_network import split_hub

CLIP_PREFIX = "clip:"
WORDNET_ID = re.compile(r"n\d{8}")
WORD = re.compile(r"[^\W\d_]{2}")


def split_clip(name: str) -> HubPlace:
    """Return the place of ``clip:OWNER/NAME[@REVISION]``.

    Raises:
        ModelError: not of that form.
    """
    return split_hub(name, CLIP_PREFIX)


def words_for(class_names: Sequence[str], of_imagenet: Sequence[str]) -> list[str]:
    """Return a word for each class, or nothing where one has none.

    Args:
        class_names: of the data; WordNet ids of ImageNet-1k's are known.
        of_imagenet: the words for ImageNet-1k's classes, in their order.

    >>> words_for(["traffic_light", "cat"], []), words_for(["0", "1"], [])
    (['traffic light', 'cat'], [])
    """
    if class_names and all(WORDNET_ID.fullmatch(name) for name in class_names):
        from timm.data import ImageNetInfo

        word_of = dict(zip(ImageNetInfo("imagenet-1k").label_names(), of_imagenet, strict=True))
        return [word_of[name] for name in class_names] if word_of.keys() >= set(class_names) else []
    named = all(WORD.search(name) for name in class_names)
    return [re.sub(r"[_-]+", " ", name) for name in class_names] if named else []
