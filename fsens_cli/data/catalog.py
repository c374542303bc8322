"""Which data sets can be named, and how is each loaded?"""

import contextlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsens_cli.cache.places import Meter
from fsens_cli.data import cifar, fashion_mnist, svhn
from fsens_cli.data.arrays import ArraysConfig, load_arrays, peek_arrays
from fsens_cli.data.cifar import Cifar10Config, Cifar100Config, find_archive, find_cifar, load_cifar
from fsens_cli.data.dualband import SIZE as DUALBAND_SIZE
from fsens_cli.data.dualband import DualbandConfig, load_dualband
from fsens_cli.data.fashion_mnist import FashionMnistConfig, find_fashion_mnist, load_fashion_mnist
from fsens_cli.data.folder import (
    FolderConfig,
    ImageNetConfig,
    could_be_imagenet,
    count_classes,
    has_imagenet_classes,
    load_folder,
    peek_folder,
)
from fsens_cli.data.geometry import Geometry, resized
from fsens_cli.data.images import ImageSet
from fsens_cli.data.official import root_of
from fsens_cli.data.settings import EVERYTHING, DataSettings, FetchedSettings, Wanted
from fsens_cli.data.svhn import SvhnConfig, load_svhn
from fsens_cli.errors import FsensError

DataConfig = DataSettings
Loader = Callable[[Any, str, Meter], ImageSet]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataEntry:
    """A data set that can be named.

    Attributes:
        config: its settings.
        load: reads a whole split; None for pictures in folders, of which only the wanted ones are read.
        size, num_classes: of its images where these are always the same.
        needs: what it takes, in words.
    """

    config: type[Any]
    load: Loader | None = None
    size: tuple[int, int] | None = None
    num_classes: int | None = None
    needs: str


CATALOG: dict[str, DataEntry] = {
    "dualband": DataEntry(
        config=DualbandConfig,
        load=load_dualband,
        size=(DUALBAND_SIZE, DUALBAND_SIZE),
        num_classes=10,
        needs="nothing: generated from a seed",
    ),
    "cifar10": DataEntry(
        config=Cifar10Config,
        load=load_cifar,
        size=cifar.SIZE,
        num_classes=10,
        needs="the network once (170 MB), or data.root=FOLDER",
    ),
    "cifar100": DataEntry(
        config=Cifar100Config,
        load=load_cifar,
        size=cifar.SIZE,
        num_classes=100,
        needs="the network once (169 MB), or data.root=FOLDER",
    ),
    "svhn": DataEntry(
        config=SvhnConfig,
        load=load_svhn,
        size=svhn.SIZE,
        num_classes=10,
        needs="the network once (64 MB a split or more), or data.root=FOLDER",
    ),
    "fashion-mnist": DataEntry(
        config=FashionMnistConfig,
        load=load_fashion_mnist,
        size=fashion_mnist.SIZE,
        num_classes=10,
        needs="the network once (31 MB), data.root=FOLDER, or Debian's dataset-fashion-mnist",
    ),
    "imagenet": DataEntry(config=ImageNetConfig, num_classes=1000, needs="data.root=FOLDER with val/n01440764/*.JPEG"),
    "folder": DataEntry(config=FolderConfig, needs="data.root=FOLDER with {train,test}/CLASS/* or CLASS/*"),
    "arrays": DataEntry(config=ArraysConfig, load=load_arrays, needs="data.root=FILE.npz or a folder of .npy files"),
}
CONFIGS: dict[str, type[Any]] = {name: entry.config for name, entry in CATALOG.items()}


def load_images(config: DataConfig, split: str, wanted: Wanted = EVERYTHING) -> ImageSet:
    """Return the wanted images of the ``train`` or ``test`` split of the configured data set."""
    load = CATALOG[config.name].load
    if load is None:
        assert isinstance(config, FolderConfig), "pictures in folders are read one by one"
        return load_folder(config, split, wanted)
    images = load(config, split, wanted.meter)
    rows = wanted.rows(images.label_N, config)
    if len(rows) < len(images):
        images = images.select(rows)
    if config.size and tuple(config.size) != tuple(images.images_NCHW.shape[-2:]):
        images = images.with_pixels(resized(images.images_NCHW, *config.size))
    return images


def peek_size(config: DataConfig, split: str, native: Geometry | None = None) -> tuple[int, int] | None:
    """Return height and width of the images without loading them; None where that cannot be told."""
    if config.size:
        return config.size[0], config.size[1]
    if isinstance(config, FolderConfig):
        return peek_folder(config, split, native)
    if isinstance(config, ArraysConfig):
        with contextlib.suppress(
            FsensError, OSError, ValueError, KeyError, zipfile.BadZipFile
        ):  # loading says what is wrong
            return peek_arrays(config, split)
        return None
    return CATALOG[config.name].size


def peek_classes(config: DataConfig, split: str, *, imagenet: bool) -> int | None:
    """Return the number of classes without loading anything; None where that cannot be told.

    Args:
        imagenet: whether the weights are ImageNet's.
    """
    known = CATALOG[config.name].num_classes
    if known is None and isinstance(config, FolderConfig):
        return count_classes(config, split, imagenet=imagenet)
    return known


def may_be_imagenet(config: DataConfig, split: str = "test") -> bool:
    """Return whether models of ImageNet-1k fit the data: ImageNet itself, or folders named by its WordNet ids."""
    return isinstance(config, FolderConfig) and has_imagenet_classes(config, split)


def imagenet_hint(config: DataConfig, split: str = "test") -> str:
    """Return a sentence for folders of which nobody said that they are ImageNet's; empty for all other data."""
    if not (isinstance(config, FolderConfig) and could_be_imagenet(config, split)):
        return ""
    return " The class folders have names of ImageNet-1k's: data.classes=imagenet numbers them as its 1,000 classes."


def takes_pictures(config: DataConfig) -> bool:
    """Return whether the data are pictures of any size, which become what the weights were made for."""
    return isinstance(config, FolderConfig)


def place_of(config: FetchedSettings) -> Path | None:
    """Return where a published data set is on this disk; None where it is not."""
    if config.name in cifar.LAYOUTS:
        return find_cifar(config) or find_archive(config)
    if isinstance(config, FashionMnistConfig):
        return find_fashion_mnist("t10k-images-idx3-ubyte", config)
    file = root_of(config) / svhn.FILES["test"].name
    return file if file.is_file() else None


def mirror_keeps_class(config: DataConfig) -> bool:
    """Return whether a left-right mirror image has the class of its original.

    Not so for dualband, whose classes are orientations, and for digits.
    """
    return config.name not in ("dualband", "svhn")
