"""The embedded data set: pictures in which the class is written twice, in low and in high frequencies."""

from dataclasses import dataclass

from fsens_cli.data.record import DataSet, from_whole_split
from fsens_cli.data.settings import DataSettings
from fsens_cli.deferred import deferred
from fsens_cli.errors import require
from fsens_cli.ranges import require_seed

NUM_ORIENTATIONS = 5
SIZE = 32


@dataclass(kw_only=True)
class DualbandConfig(DataSettings):
    """Sizes, seed and cue strengths of the generated data.

    Attributes:
        train_size, test_size: number of images.
        seed: of the pictures; independent of the seed of a training.
        low_cue, high_cue: factors on the amplitude of the low and the high grating; 0 removes the cue.
    """

    name: str = "dualband"
    title: str = "dualband"
    train_size: int = 8000
    test_size: int = 1000
    seed: int = 0
    low_cue: float = 1.0
    high_cue: float = 1.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        DataSettings.__post_init__(self)
        for option in ("train_size", "test_size"):
            value = getattr(self, option)
            require(value >= 10, f"data.{option}={value}: dualband has 10 classes, so give at least 10.")
        for option in ("low_cue", "high_cue"):
            value = getattr(self, option)
            require(0 <= value <= 3, f"data.{option}={value}: a factor on the cue's amplitude, from 0 (removed) to 3.")
        require_seed(self.seed, "data.seed")


DUALBAND = DataSet(
    config=DualbandConfig,
    load=from_whole_split(deferred("fsens_cli.data.dualband_images:load_dualband")),
    needs="nothing: generated from a seed",
    size=(SIZE, SIZE),
    num_classes=2 * NUM_ORIENTATIONS,
    channels=3,
    mirror_keeps_class=False,  # classes are orientations
)
