"""Which strength of noise to try next, so that few forward passes find a threshold.

Strengths are counted in whole steps: step u is sigma = lowest * 2^(u / steps an octave).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from fsens_cli.statistics.thresholds import falling_fit


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


def next_step(accuracy: Mapping[int, float], criterion: float, ladder: Ladder, *, finest: int = 1) -> int | None:
    """Return the step to try next, None where the crossing is known to ``finest`` steps or lies outside the ladder.

    The falling fit through what is known says between which two steps accuracy crosses ``criterion``; whole octaves
    come first, then halves.

    >>> next_step({16: 0.9}, 0.5, Ladder()), next_step({16: 0.9, 24: 0.9, 28: 0.3}, 0.5, Ladder())
    (24, 26)
    """
    if len(accuracy) >= ladder.most:
        return None
    if not accuracy:
        return ladder.middle
    steps = sorted(accuracy)
    fit = falling_fit(torch.tensor([[accuracy[s] for s in steps]]))[0].tolist()
    # One octave beyond each end stands for "outside".
    low = max((s for s, a in zip(steps, fit, strict=True) if a >= criterion), default=-ladder.octave)
    high = min((s for s, a in zip(steps, fit, strict=True) if a < criterion), default=ladder.last + ladder.octave)
    gap = high - low
    if gap <= finest or (gap <= ladder.octave and (low < 0 or high > ladder.last)):
        return None
    if gap > ladder.octave:
        return low + ladder.octave * (gap // ladder.octave // 2)
    return low + gap // 2
