"""What can be set for every data set, and which of its images a job asks for."""

from dataclasses import dataclass, field

from fsens_cli.cache.address import parse_address
from fsens_cli.errors import ConfigError, FetchError, require, require_one_of
from fsens_cli.ranges import require_seed

CHOICES = ("random", "first")


@dataclass(kw_only=True)
class DataSettings:
    """Settings of every data set.

    Attributes:
        name: of the data set.
        title: for tables and figures.
        size: [height, width] in pixels to scale and crop to, or one number for both; empty keeps the images' own, or
            for pictures takes what the weights were made for.
        choice: which images a job takes: ``random`` ones from its seed, or the ``first`` in file order.
        subset: the data set itself reduced to at most this many images a split, every class in proportion; 0 for all.
        subset_seed: of that choice.
    """

    name: str = ""
    title: str = ""
    size: list[int] = field(default_factory=list)
    choice: str = "random"
    subset: int = 0
    subset_seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if len(self.size) == 1:
            self.size = 2 * self.size
        require(
            len(self.size) in (0, 2) and all(1 <= s <= 4096 for s in self.size),
            f"data.size={self.size}: give [HEIGHT,WIDTH] in pixels, or one number for both.",
        )
        require_one_of("data.choice", self.choice, CHOICES)
        require(self.subset >= 0, f"data.subset={self.subset}: give a number of images, or 0 for all.")
        require_seed(self.subset_seed, "data.subset_seed")


@dataclass(kw_only=True)
class FetchedSettings(DataSettings):
    """Settings of data sets that are found on disk or fetched.

    Attributes:
        root: folder (or archive) with the official files; downloads go here too. Empty is a folder of fsens's cache.
        mirror: address of another copy of the archive, or, ending in ``/``, of a folder with the official files.
    """

    root: str = ""
    mirror: str = ""

    def __post_init__(self) -> None:
        """Check the address."""
        DataSettings.__post_init__(self)
        if self.mirror:
            try:
                parse_address(self.mirror)
            except FetchError as error:
                raise ConfigError(f"data.mirror: {error}; a folder on this disk is data.root.") from error
