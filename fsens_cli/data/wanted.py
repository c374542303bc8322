"""Which images of a data set a job asks for.

Shape letters: N images.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.cache.places import Meter, silent
from fsens_cli.data.geometry import Geometry
from fsens_cli.data.images import sampled_rows, stratified_rows
from fsens_cli.data.settings import DataSettings
from fsens_cli.data.trained_on import TrainedImages


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a job asks for beyond the data set's own settings.

    Attributes:
        num_images: at most this many, drawn without replacement from ``seed`` or the first ones, as the settings say;
            None for all.
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
            if config.choice == "first":
                return rows[: self.num_images]
            rows = rows[sampled_rows(len(rows), self.num_images, self.seed)]
        return rows


EVERYTHING = Wanted()
