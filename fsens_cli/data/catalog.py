"""The data sets that can be named."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsens_cli.data.arrays import ARRAYS, ArraysConfig
from fsens_cli.data.cifar import CIFAR10, CIFAR100
from fsens_cli.data.dualband import DUALBAND
from fsens_cli.data.fashion_mnist import FASHION_MNIST
from fsens_cli.data.folder import FOLDER, IMAGENET, FolderConfig
from fsens_cli.data.hub_data import HUB_DATA
from fsens_cli.data.record import DataSet
from fsens_cli.data.settings import DataSettings
from fsens_cli.data.svhn import SVHN
from fsens_cli.errors import DataError
from fsens_cli.home import closest_beside, expanded

if TYPE_CHECKING:
    from fsens_cli.data.geometry import Geometry
    from fsens_cli.data.images import ImageSet
    from fsens_cli.data.wanted import Wanted

DataConfig = DataSettings
CATALOG: dict[str, DataSet[Any]] = {
    entry.name: entry
    for entry in (DUALBAND, CIFAR10, CIFAR100, SVHN, FASHION_MNIST, IMAGENET, FOLDER, ARRAYS, HUB_DATA)
}


def own_name(config: DataConfig) -> str:
    """Return what data that are known by their place alone are called: by title, else by place; empty for others."""
    if config.name == HUB_DATA.name:
        return config.title or str(getattr(config, "repo", "")).partition("@")[0].rpartition("/")[2]
    if config.name not in (FOLDER.name, ARRAYS.name):
        return ""
    root = expanded(str(getattr(config, "root", ""))).resolve()
    return config.title or (root.stem if root.is_file() else root.name)


def require_there(config: DataConfig) -> None:
    """Refuse pictures or arrays of the user's own that are not there.

    Raises:
        DataError: names what lies beside and looks like it.
    """
    if not isinstance(config, FolderConfig | ArraysConfig):
        return
    root = expanded(config.root)
    if not root.exists():
        raise DataError(f"data.root={config.root}: there is no such file or folder.{closest_beside(root)}")


def load_images(config: DataConfig, split: str, wanted: "Wanted | None" = None) -> "ImageSet":
    """Return the wanted images, without a wish all, of the ``train`` or ``test`` split of the configured data set."""
    from fsens_cli.data.wanted import EVERYTHING

    return CATALOG[config.name].load(config, split, wanted or EVERYTHING)


def peek_size(config: DataConfig, split: str, native: "Geometry | None" = None) -> tuple[int, int] | None:
    """Return height and width of the images without loading them; None where that cannot be told.

    Nor is a size without a pixel told of: loading says what is wrong with such images.
    """
    if config.size:
        return config.size[0], config.size[1]
    entry = CATALOG[config.name]
    size = entry.size if entry.peek is None else entry.peek.size(config, split, native)
    return size if size is not None and min(size) > 0 else None


def peek_classes(config: DataConfig, split: str, *, imagenet: bool) -> int | None:
    """Return the number of classes without loading anything; None where that cannot be told.

    Args:
        imagenet: whether the weights are ImageNet's.
    """
    entry = CATALOG[config.name]
    if entry.num_classes is not None or entry.peek is None:
        return entry.num_classes
    return entry.peek.classes(config, split, imagenet)


def may_be_imagenet(config: DataConfig, split: str = "test") -> bool:
    """Return whether models of ImageNet-1k fit the data: ImageNet itself, or folders named by its WordNet ids."""
    pictures = CATALOG[config.name].pictures
    return pictures is not None and pictures.may_be_imagenet(config, split)


def imagenet_hint(config: DataConfig, split: str = "test") -> str:
    """Return a sentence for folders of which nobody said that they are ImageNet's; empty for all other data."""
    pictures = CATALOG[config.name].pictures
    return "" if pictures is None else pictures.imagenet_hint(config, split)


def takes_pictures(config: DataConfig) -> bool:
    """Return whether the data are pictures of any size, which become what the weights were made for."""
    return CATALOG[config.name].pictures is not None


def place_of(config: DataConfig) -> Path | None:
    """Return where a published data set is on this disk; None where it is not, or is none."""
    place = CATALOG[config.name].place
    return None if place is None else place(config)


def channels_of(config: DataConfig) -> int | None:
    """Return the number of channels of the images where it is always the same; None where the files decide."""
    return CATALOG[config.name].channels


def mirror_keeps_class(config: DataConfig) -> bool:
    """Return whether a left-right mirror image has the class of its original."""
    return CATALOG[config.name].mirror_keeps_class
