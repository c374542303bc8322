"""The names by which networks are called, and the closest ones to a wrong name."""

from fsens_cli.models.catalog import PACKAGED
from fsens_cli.models.library_names import torchvision_names
from fsens_cli.models.sources import TIMM, source_of
from fsens_cli.models.user_file import is_factory


def check_model_name(name: str) -> None:
    """Raise ModelError, with the closest names, unless ``name`` can be built."""
    source_of(name).check(name)


def is_of_a_library(name: str) -> bool:
    """Return whether a network is packaged here, torchvision's or timm's, and so is built without anybody's code."""
    return name in PACKAGED or name.startswith(TIMM) or name in torchvision_names()


def same_network(name: str, other: str) -> bool:
    """Return whether two names mean one network: a file may be typed from another folder.

    >>> same_network("net.py:make", "/home/me/net.py:make"), same_network("resnet8", "resnet20")
    (True, False)
    """
    if is_factory(name) and is_factory(other):
        return name.rpartition("/")[2] == other.rpartition("/")[2]
    return name == other
