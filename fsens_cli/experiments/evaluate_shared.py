"""What do all parts of an evaluation share: the model, the images, and how hard things are tried.

Shape letters: N images.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from fsens_cli.data.corrupted import CorruptedSets
from fsens_cli.data.images import ImageSet
from fsens_cli.experiments.evaluate_settings import AttackEffort, CorruptionConfig
from fsens_cli.experiments.part_result import PartResult
from fsens_cli.experiments.suite import Condition, Part
from fsens_cli.guest.hook import Hook
from fsens_cli.models.classifier import Classifier


@runtime_checkable
class PartRecorder(Protocol):
    """Keeps finished parts, so that a killed evaluation goes on where it stopped."""

    def load(self, part: Part) -> PartResult | None:
        """Return the result of a part that is finished, else None."""

    def save(self, result: PartResult) -> None:
        """Keep a finished part."""


class NothingKept:
    """A recorder for evaluations that live in memory alone."""

    def load(self, part: Part) -> PartResult | None:
        """Return None."""
        del part
        return None

    def save(self, result: PartResult) -> None:
        """Do nothing."""
        del result


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all parts share.

    ``corrupted`` are the official pictures, where they are read; ``hooks`` the user's functions, by kind and name;
    ``recorder`` keeps what long parts have finished.
    """

    classifier: Classifier
    device: torch.device
    images: ImageSet
    corrupted: CorruptedSets | None
    corruption: CorruptionConfig
    attack: AttackEffort
    heat_map_l2: float
    heat_map_cycles: int
    band_fill: str
    hooks: Mapping[tuple[str, str], Hook]
    batch_size: int
    seed: int
    recorder: PartRecorder

    def is_read(self, condition: Condition) -> bool:
        """Return whether a corruption's pictures are read rather than made."""
        return self.corrupted is not None and ("corruptions", condition.probe) not in self.hooks

    def metrics(self) -> list[Hook]:
        """Return the user's numbers of each answer, in the order in which they were given."""
        return [hook for (kind, _), hook in self.hooks.items() if kind == "metrics"]

    def chosen(self, part: Part) -> ImageSet:
        """Return the images that a part uses: the same ones for parts of the same size."""
        return self.images.sample(part.num_images, self.seed)

    def generator(self) -> torch.Generator:
        """Return a generator on the CPU, the same for every part."""
        return torch.Generator().manual_seed(self.seed)

    def batches(self, images: ImageSet) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield ([0, 1] images, labels, index), the first two on the device."""
        start = 0
        for batch, labels in images.batches(self.batch_size, self.device):
            yield batch, labels, images.index_N[start : start + len(labels)]
            start += len(labels)
