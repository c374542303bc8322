"""Pictures in folders, one folder a class: ``ROOT/{train,test}/CLASS/*`` or flat ``ROOT/CLASS/*``."""

from dataclasses import dataclass
from typing import Any

from fsens_cli.data.numbering import check_classes_setting
from fsens_cli.data.record import DataSet, Peek, Pictures
from fsens_cli.data.settings import DataSettings
from fsens_cli.deferred import deferred
from fsens_cli.errors import require
from fsens_cli.ranges import require_seed


@dataclass(kw_only=True)
class FolderConfig(DataSettings):
    """Where the pictures lie and how they become equally sized images.

    Attributes:
        root: the folder.
        title: for tables and figures; the folder's name if empty.
        channels: 3 (RGB) or 1 (gray).
        classes: how folders become labels: ``own`` counts them in order of their names, ``numeric`` in order of their
            numbers, a list in its own order; ``imagenet`` reads folders named by WordNet id or by 0 to 999 as
            ImageNet-1k's classes; ``auto`` is ``imagenet`` where the weights are ImageNet's and the folders are all
            named by WordNet ids or are 0 to 999, else ``own``.
        test_fraction: for a flat folder, the part of every class kept apart from training as the test split; 0 tells
            no split from the other.
        seed: of that split.
        list: a file that names the pictures that count, one ``CLASS/FILE`` a line; empty is all.
    """

    name: str = "folder"
    root: str = ""
    channels: int = 3
    classes: Any = "auto"  # a name or a list: OmegaConf knows no such type
    test_fraction: float = 0.0
    seed: int = 0
    list: str = ""

    def __post_init__(self) -> None:
        """Check the ranges."""
        DataSettings.__post_init__(self)
        require(self.root != "", "data=folder needs data.root=FOLDER with one sub-folder of pictures a class.")
        require(self.channels in (1, 3), f"data.channels={self.channels}: 3 is RGB, 1 is gray.")
        check_classes_setting(self.classes)
        require(0 <= self.test_fraction < 1, f"data.test_fraction={self.test_fraction} must lie in [0, 1).")
        require_seed(self.seed, "data.seed")


@dataclass(kw_only=True)
class ImageNetConfig(FolderConfig):
    """A copy of ImageNet-1k in the usual layout: ``ROOT/val/n01440764/*.JPEG``."""

    name: str = "imagenet"
    title: str = "ImageNet"
    classes: Any = "imagenet"

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(self.root != "", "data=imagenet needs data.root=FOLDER with val/n01440764/*.JPEG and so on.")
        FolderConfig.__post_init__(self)


READER = "fsens_cli.data.folder_images"
_LOAD = deferred(f"{READER}:load_folder")
_PEEK: Peek[FolderConfig] = Peek(size=deferred(f"{READER}:peek_folder"), classes=deferred(f"{READER}:count_classes"))
_PICTURES: Pictures[FolderConfig] = Pictures(
    may_be_imagenet=deferred(f"{READER}:has_imagenet_classes"), imagenet_hint=deferred(f"{READER}:imagenet_hint")
)
FOLDER = DataSet(
    config=FolderConfig,
    load=_LOAD,
    needs="data.root=FOLDER with {train,test}/CLASS/* or CLASS/*",
    peek=_PEEK,
    pictures=_PICTURES,
)
IMAGENET = DataSet(
    config=ImageNetConfig,
    load=_LOAD,
    needs="data.root=FOLDER with val/n01440764/*.JPEG",
    num_classes=1000,
    peek=_PEEK,
    pictures=_PICTURES,
)
