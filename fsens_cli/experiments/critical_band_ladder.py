"""Which strength of noise to try next, so that few forward passes find a threshold.

Strengths are counted in whole steps: step u is sigma = lowest * 2^(u / steps an octave).
"""

from collections.abc import Mapping

import torch

from fsens_cli.experiments.critical_band_settings import Ladder
from fsens_cli.statistics.thresholds import falling_fit


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
