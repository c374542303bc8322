"""The record of a data set: all that the rest of fsens knows of it.

Records are read at every start: a file that holds one imports torch and numpy where it uses them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from fsens_cli.cache.places import Meter
from fsens_cli.data.settings import DataSettings
from fsens_cli.memory import require_memory

if TYPE_CHECKING:
    from fsens_cli.data.geometry import Geometry
    from fsens_cli.data.images import ImageSet
    from fsens_cli.data.wanted import Wanted

Config = TypeVar("Config", bound=DataSettings)
Size = tuple[int, int]
Load = Callable[[Config, str, "Wanted"], "ImageSet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peek(Generic[Config]):
    """What can be told of images without loading them; None where that cannot be told.

    Attributes:
        size: height and width, of the settings, the split and what the weights were made for.
        classes: their number, of the settings, the split and whether the weights are ImageNet's.
    """

    size: "Callable[[Config, str, Geometry | None], Size | None]"
    classes: Callable[[Config, str, bool], int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures(Generic[Config]):
    """What is special about pictures in class folders: they become what the weights were made for.

    Attributes:
        may_be_imagenet: whether ImageNet's weights fit, of the settings and the split.
        imagenet_hint: what to give where they fit and the settings do not say so; or empty.
    """

    may_be_imagenet: Callable[[Config, str], bool]
    imagenet_hint: Callable[[Config, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet(Generic[Config]):
    """A data set that can be named.

    Attributes:
        config: its settings, whose ``name`` is its own.
        load: returns the wanted images of the ``train`` or ``test`` split.
        needs: what it takes, in words.
        size, num_classes, channels: of its images where these are always the same.
        mirror_keeps_class: whether a left-right mirror image has the class of its original.
        place: where a published one is on this disk; a mirror is named by ``data.mirror`` or ``FSENS_NAME_URL``.
        peek: for sets whose size and classes depend on the user's files.
        pictures: for pictures in class folders.
    """

    config: type[Config]
    load: Load[Config]
    needs: str
    size: Size | None = None
    num_classes: int | None = None
    channels: int | None = None
    mirror_keeps_class: bool = True
    place: Callable[[Config], Path | None] | None = None
    peek: Peek[Config] | None = None
    pictures: Pictures[Config] | None = None

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self.config.name


def from_whole_split(load: "Callable[[Config, str, Meter], ImageSet]") -> Load[Config]:
    """Return a loader of the wanted images that reads the whole split, takes rows of it and scales these."""

    def load_wanted(config: Config, split: str, wanted: "Wanted") -> "ImageSet":
        from fsens_cli.data.images import resized

        images = load(config, split, wanted.meter)
        rows = wanted.rows(images.label_N, config)
        if len(rows) < len(images):
            images = images.select(rows)
        if config.size and tuple(config.size) != tuple(images.images_NCHW.shape[-2:]):
            height, width = config.size
            require_memory(
                len(images) * images.images_NCHW.shape[1] * height * width,
                f"{len(images):,} images of {height}x{width} pixels",
                "give fewer (num_images, data.subset) or a smaller data.size=[HEIGHT,WIDTH]",
            )
            images = images.with_pixels(resized(images.images_NCHW, height, width))
        return images

    return load_wanted
