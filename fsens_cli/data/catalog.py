"""Which data sets can be named, and how is each loaded?"""

from collections.abc import Callable
from typing import Any

from fsens_cli.data.cifar10 import Cifar10Config, load_cifar10
from fsens_cli.data.dualband import DualbandConfig, load_dualband
from fsens_cli.data.folder import FolderConfig, load_folder
from fsens_cli.data.images import ImageSet

DataConfig = DualbandConfig | Cifar10Config | FolderConfig

CONFIGS: dict[str, type[Any]] = {"dualband": DualbandConfig, "cifar10": Cifar10Config, "folder": FolderConfig}
LOADERS: dict[str, Callable[[Any, str], ImageSet]] = {
    "dualband": load_dualband,
    "cifar10": load_cifar10,
    "folder": load_folder,
}


def load_images(config: DataConfig, split: str) -> ImageSet:
    """Return the ``train`` or ``test`` split of the configured data set."""
    return LOADERS[config.name](config, split)


def mirror_keeps_class(config: DataConfig) -> bool:
    """Return whether a left-right mirror image has the class of its original; dualband's classes are orientations."""
    return config.name != "dualband"
