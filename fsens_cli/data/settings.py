"""What can be set for every data set, and which of its images a job asks for."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from fsens_cli.cache.address import parse_address
from fsens_cli.cache.places import Meter, silent
from fsens_cli.data.geometry import Geometry
from fsens_cli.data.images import sampled_rows, stratified_rows
from fsens_cli.data.trained_on import TrainedImages
from fsens_cli.errors import ConfigError, FetchError, require


@dataclass(kw_only=True)
class DataSettings:
    """Settings of every data set.

    Attributes:
        name: of the data set.
        title: for tables and figures.
        size: [height, width] in pixels to scale and crop to; empty keeps the images' own, or for pictures takes what
            the weights were made for.
        subset: the data set itself reduced to at most this many images a split, every class in proportion; 0 for all.
        subset_seed: of that choice.
    """

    name: str = ""
    title: str = ""
    size: list[int] = field(default_factory=list)
    subset: int = 0
    subset_seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(
            len(self.size) in (0, 2) and all(1 <= s <= 4096 for s in self.size),
            f"data.size={self.size}: give [HEIGHT,WIDTH] in pixels.",
        )
        require(self.subset >= 0, f"data.subset={self.subset}: give a number of images, or 0 for all.")
        require(0 <= self.subset_seed < 2**31, f"data.subset_seed={self.subset_seed} must lie in 0..{2**31 - 1}.")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a job asks for beyond the data set's own settings.

    Attributes:
        num_images: at most this many, drawn without replacement from ``seed``; None for all.
        native: how pictures become the images that the weights were made for, where the settings say nothing.
        trained_on: what the weights were trained on, where that is known.
        imagenet: whether the model numbers its classes as ImageNet-1k does.
        meter: is told of downloads (bytes) and of decoding (pictures).
    """

    num_images: int | None = None
    seed: int = 0
    native: Geometry | None = None
    trained_on: TrainedImages | None = None
    imagenet: bool = False
    meter: Meter = silent

    def rows(self, label_N: Tensor, config: DataSettings) -> Tensor:
        """Return the rows of a split, in its order, that the settings and the job leave."""
        rows = torch.arange(len(label_N))
        if config.subset:
            rows = stratified_rows(label_N, config.subset, config.subset_seed)
        if self.num_images is not None:
            rows = rows[sampled_rows(len(rows), self.num_images, self.seed)]
        return rows


EVERYTHING = Wanted()
