"""Settings of a hybrid probe."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from fsens_cli.errors import require, require_one_of
from fsens_cli.fourier.catalog import LARGEST_MIXING, MASKS
from fsens_cli.ranges import require_seed
from fsens_cli.typed import require_types

# Nyquist units; Li et al. 2023, the figures on CIFAR-10.
PUBLISHED_GRID = (0.0, 0.07, 0.12, 0.16, 0.19, 0.22, 0.25, 0.32, 0.42, 0.57, 0.70, 0.85, 1.0)
PAIRING_SEEDS = 1000  # seeds set aside for the pairings of one run
PAIR_CHOICES = ("all", "both_correct")


@dataclass(kw_only=True)
class HybridConfig:
    """How hybrids are made, from how many pairs, and which pairs count.

    The defaults are the published definition with two pairings of all images instead of six: a first look.

    Attributes:
        grid: mixing frequencies in Nyquist units (1 is 0.5 cycles per pixel), ascending.
        num: that many equally spaced mixing frequencies from 0 to 1 instead of ``grid``; 0 keeps ``grid``.
        pairings: how often all images are paired anew.
        mask: ``sharp``, ``gaussian`` or ``butterworth``.
        order: of the Butterworth mask.
        clip: bring hybrids back to [0, 1], as a picture has to be.
        pairs: ``all``, or ``both_correct``: only pairs whose two images are classified correctly on their own.
        batch_size: hybrids at a time; does not change results.
        seed: of the pairings.
    """

    grid: list[float] = field(default_factory=lambda: list(PUBLISHED_GRID))
    num: int = 0
    pairings: int = 2
    mask: str = "sharp"
    order: int = 4
    clip: bool = True
    pairs: str = "all"
    batch_size: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        """Check names and ranges."""
        require_types(self)
        require_one_of("mask", self.mask, MASKS)
        require_one_of("pairs", self.pairs, PAIR_CHOICES)
        require(self.num == 0 or 2 <= self.num <= 1000, f"num={self.num}: give 2 to 1000 frequencies, or 0 for grid.")
        require(
            self.num == 0 or tuple(self.grid) == PUBLISHED_GRID,
            f"num={self.num} and grid={self.grid} both choose the mixing frequencies: give one of them.",
        )
        ascending = all(a < b for a, b in pairwise(self.grid))
        require(len(self.grid) >= 2 and ascending, f"grid={self.grid}: give at least two frequencies, ascending.")
        # NaN fails the comparisons, so they say what is allowed.
        require(
            all(0 <= a <= LARGEST_MIXING + 1e-3 for a in self.grid),
            f"grid={self.grid}: mixing frequencies lie between 0 and 1.414 Nyquist (the corner of the plane); 1 is 0.5 "
            "cycles/pixel.",
        )
        require(
            1 <= self.pairings <= PAIRING_SEEDS, f"pairings={self.pairings} must lie between 1 and {PAIRING_SEEDS}."
        )
        require(1 <= self.order <= 32, f"order={self.order}: the Butterworth mask's order lies between 1 and 32.")
        require(self.batch_size >= 1, f"batch_size={self.batch_size} must be at least 1.")
        require_seed(self.seed)

    def frequencies(self) -> list[float]:
        """Return the mixing frequencies in Nyquist units."""
        import torch

        return torch.linspace(0, 1, self.num, dtype=torch.float64).tolist() if self.num else list(self.grid)

    def num_hybrids(self, num_images: int) -> int:
        """Return how many hybrids are classified."""
        return num_images * self.pairings * len(self.frequencies())
