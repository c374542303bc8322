"""Settings of critical-band masking."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fsens_cli.errors import require, require_one_of
from fsens_cli.fourier.catalog import SPACINGS
from fsens_cli.perturb.catalog import RMS
from fsens_cli.ranges import require_seed
from fsens_cli.typed import require_types

PROCEDURES = ("default", "reference")
CRITERIA = ("half", "absolute")
PREPROCESSINGS = ("none", "gray", "published")
CLIPS = ("none", "clamp", "published")
# More would not move the last digit that is shown of an interval.
MOST_RESAMPLES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Strengths an octave apart, and how often the octave of the threshold is halved.

    Attributes:
        lowest: smallest sigma.
        num_levels: strengths, each twice the one before.
        halvings: of the octave in which accuracy crosses the criterion.
        most: strengths tried in one band at most.
    """

    lowest: float = 0.005
    num_levels: int = 9
    halvings: int = 2
    most: int = 7

    @property
    def octave(self) -> int:
        """Steps in an octave."""
        return int(2**self.halvings)

    @property
    def last(self) -> int:
        """The strongest step."""
        return self.octave * (self.num_levels - 1)

    @property
    def middle(self) -> int:
        """The step where every band begins, so that all bands are known at this one strength."""
        return self.octave * ((self.num_levels - 1) // 2)

    def sigma(self, step: int) -> float:
        """Return the strength of a step.

        >>> Ladder().sigma(0), Ladder().sigma(Ladder().middle), Ladder().sigma(Ladder().last)
        (0.005, 0.08, 1.28)
        """
        return float(self.lowest * 2 ** (step / self.octave))


@dataclass(kw_only=True)
class CriticalBandConfig:
    """How images are masked, and where the threshold lies.

    Attributes:
        procedure: ``default``, or ``reference`` for the published procedure step by step, which takes no other
            setting than ``seed`` and ``batch_size``.
        spacing: ``octave``, ``half-octave``, or ``auto``: half octaves where these are at most ten bands.
        criterion: which threshold leads: ``half`` way from clean accuracy to chance, or ``absolute``, 50 % right.
        preprocess: ``none``, ``gray``, or ``published``: gray, contrast around a mean of 0.449.
        contrast: factor on each image's departure from its mean; published is 0.2.
        clip: ``none``, ``clamp`` to [0, 1], or ``published``: the image is moved where the sum leaves the range.
        rms: noise of ``expected`` strength, or ``exact`` in every field.
        lowest: smallest sigma, on the [0, 1] pixel scale.
        levels: strengths, each twice the one before.
        batch_size: images at a time.
        num_resamples: of the bootstrap over images.
        seed: of noise and bootstrap.
    """

    procedure: str = "default"
    spacing: str = "auto"
    criterion: str = "half"
    preprocess: str = "none"
    contrast: float = 1.0
    clip: str = "none"
    rms: str = "expected"
    lowest: float = 0.005
    levels: int = 9
    batch_size: int = 128
    num_resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        """Check names and ranges."""
        require_types(self)
        require_one_of("procedure", self.procedure, PROCEDURES)
        require_one_of("spacing", self.spacing, ("auto", *SPACINGS))
        require_one_of("criterion", self.criterion, CRITERIA)
        require_one_of("preprocess", self.preprocess, PREPROCESSINGS)
        require_one_of("clip", self.clip, CLIPS)
        require_one_of("rms", self.rms, RMS)
        require(0 < self.contrast <= 1, f"contrast={self.contrast} must lie in (0, 1]; 1 changes nothing.")
        require(0 < self.lowest < math.inf, f"lowest={self.lowest} must be positive: the smallest sigma of the noise.")
        require(3 <= self.levels <= 16, f"levels={self.levels}: 3 to 16 strengths, each twice the one before.")
        require(self.batch_size >= 1, f"batch_size={self.batch_size} must be at least 1.")
        require(
            100 <= self.num_resamples <= MOST_RESAMPLES,
            f"num_resamples={self.num_resamples} must lie between 100 and {MOST_RESAMPLES:,}.",
        )
        require_seed(self.seed)

    @property
    def ladder(self) -> Ladder:
        """The strengths that may be tried."""
        return Ladder(lowest=self.lowest, num_levels=self.levels)
