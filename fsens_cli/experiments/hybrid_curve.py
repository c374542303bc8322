"""What is a hybrid probe: its settings, the answer to every hybrid, and what follows from these answers.

Shape letters: N images, P pairings, K mixing frequencies, D pairs that count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fsens_cli.errors import DataError
from fsens_cli.experiments.hybrid_settings import HybridConfig
from fsens_cli.fourier.catalog import NYQUIST
from fsens_cli.short_repr import ShortRepr
from fsens_cli.statistics.chance import NOT_TOLD, told_from_chance
from fsens_cli.statistics.crossings import first_rise
from fsens_cli.statistics.intervals import Interval, wilson
from fsens_cli.statistics.pairs import PairMean, pair_mean, score_bounds

CROSSING, BELOW, ABOVE = "crossing", "no crossing below", "no crossing above"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Answers(ShortRepr):
    """What the model said; everything else is computed from this.

    Attributes:
        index_N: names of the images, int64.
        label_N, clean_prediction_N: of the unmixed images, int64.
        seed_P: of each pairing.
        partner_PN: row of the image that gives the high frequencies, where image n gives the low ones; int64.
        prediction_PNK: class of each hybrid, int64.
        confidence_PNK: its softmax probability, float32.
    """

    index_N: Tensor
    label_N: Tensor
    clean_prediction_N: Tensor
    seed_P: list[int]
    partner_PN: Tensor
    prediction_PNK: Tensor
    confidence_PNK: Tensor

    @property
    def is_correct_N(self) -> Tensor:
        """Whether the unmixed image is classified correctly."""
        return self.clean_prediction_N == self.label_N

    def counts_PN(self, pairs: str) -> Tensor:
        """Return which pairs count under ``pairs``."""
        if pairs == "all":
            return torch.ones_like(self.partner_PN, dtype=torch.bool)
        return self.is_correct_N & self.is_correct_N[self.partner_PN]

    def sides_with(self, label_PN: Tensor) -> Tensor:
        """Return whether each hybrid was given the label of its pair, shape (P, N, K)."""
        return self.prediction_PNK == label_PN[:, :, None]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Curve(ShortRepr):
    """A mean over pairs at each mixing frequency with its 95 % interval, float64 tensors of shape (K,)."""

    mean_K: Tensor
    low_K: Tensor
    high_K: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """The mixing frequency at which the model stops believing the high image: first zero of p_low - p_high.

    Attributes:
        nyquist: in Nyquist units; -inf where the low image wins from the first mixing frequency on (no crossing: it
            lies below the grid), +inf where it never wins (above the grid). NaN where the model's accuracy cannot be
            told from chance: there is nothing that it believes.
        low, high: 95 % interval, infinite where it reaches beyond the grid.
        num_images: n of the interval.
    """

    nyquist: float
    low: float
    high: float
    num_images: int

    @property
    def status(self) -> str:
        """``crossing``, ``no crossing below`` (it lies below the grid), ``no crossing above``, or why there is none."""
        if math.isnan(self.nyquist):
            return NOT_TOLD
        if math.isfinite(self.nyquist):
            return CROSSING
        return BELOW if self.nyquist < 0 else ABOVE


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HybridResult(ShortRepr):
    """Which image a model believes in hybrids, by the mixing frequency.

    Attributes:
        frequency_K: mixing frequencies in Nyquist units, float64.
        p_low, p_high, neither: share of hybrids that get the label of the low image, the high image, or another.
        difference: p_low - p_high.
        confidence: mean softmax probability of the predicted class.
        f_rev: the reversal frequency.
        accuracy: on the unmixed images.
        num_pairs: pairs that count, over all pairings.
    """

    config: HybridConfig
    image_size: tuple[int, int]
    answers: Answers
    frequency_K: Tensor
    p_low: Curve
    p_high: Curve
    neither: Curve
    difference: Curve
    confidence: Curve
    f_rev: Reversal
    accuracy: Interval
    num_classes: int
    num_pairs: int

    @property
    def num_images(self) -> int:
        """Images probed, each once as low and once as high in every pairing."""
        return len(self.answers.label_N)

    @property
    def cycles_per_pixel_K(self) -> Tensor:
        """The mixing frequencies in cycles per pixel."""
        return NYQUIST * self.frequency_K

    @property
    def cycles_per_image_K(self) -> Tensor:
        """The mixing frequencies in cycles per the image's shorter side."""
        return self.cycles_per_pixel_K * min(self.image_size)


def in_words(status: str) -> str:
    """Return what a status other than a crossing means for f_rev; empty for a crossing."""
    return {CROSSING: "", NOT_TOLD: NOT_TOLD}.get(status, f"{status} the grid")


def summarise(answers: Answers, *, config: HybridConfig, image_size: tuple[int, int], num_classes: int) -> HybridResult:
    """Compute every number that is shown from the answers. Intervals: ``fsens_cli.statistics.pairs``.

    Raises:
        DataError: no pair counts.
    """
    counts = answers.counts_PN(config.pairs)
    if not bool(counts.any()):
        correct = int(answers.is_correct_N.sum())
        raise DataError(
            f"pairs=both_correct leaves no pair: {correct} of {len(answers.label_N)} unmixed images are classified "
            "correctly. Check weights and normalisation, or give pairs=all."
        )
    label_low = answers.label_N.expand_as(answers.partner_PN)
    says_low = answers.sides_with(label_low)[counts].double()
    says_high = answers.sides_with(answers.label_N[answers.partner_PN])[counts].double()
    low_D = torch.arange(len(answers.label_N)).expand_as(answers.partner_PN)[counts]
    high_D = answers.partner_PN[counts]

    def mean_of(value_DK: Tensor) -> PairMean:
        return pair_mean(value_DK, low_D, high_D)

    frequency = torch.tensor(config.frequencies(), dtype=torch.float64)
    difference = mean_of(says_low - says_high)
    # Wilson's interval is for values in [0, 1]: the difference goes there and back.
    unit = mean_of((1 + says_low - says_high) / 2)
    low, high = score_bounds(unit)
    accuracy = wilson(int(answers.is_correct_N.sum()), len(answers.label_N))
    f_rev = reversal(frequency, unit)
    if not told_from_chance(accuracy, num_classes):
        f_rev = Reversal(nyquist=math.nan, low=math.nan, high=math.nan, num_images=difference.num_images)
    return HybridResult(
        config=config,
        image_size=image_size,
        answers=answers,
        frequency_K=frequency,
        p_low=_curve(mean_of(says_low)),
        p_high=_curve(mean_of(says_high)),
        neither=_curve(mean_of(1 - says_low - says_high)),
        difference=Curve(mean_K=difference.mean_K, low_K=2 * low - 1, high_K=2 * high - 1),
        confidence=_curve(mean_of(answers.confidence_PNK[counts])),
        f_rev=f_rev,
        accuracy=accuracy,
        num_classes=num_classes,
        num_pairs=difference.num_pairs,
    )


def _curve(estimate: PairMean) -> Curve:
    low, high = score_bounds(estimate)
    return Curve(mean_K=estimate.mean_K, low_K=low, high_K=high)


def reversal(frequency_K: Tensor, unit: PairMean) -> Reversal:
    """Return where the mean difference first rises through zero, with its interval over images and pairings.

    The interval holds all frequencies at which that of the curve, drawn straight from point to point, holds zero. Where
    an end of the curve's interval does not cross, it is open on that side.

    Args:
        frequency_K: in Nyquist units, ascending.
        unit: of (1 + p_low - p_high) / 2 for each pair, which lies in [0, 1].
    """
    straight_FK = _straight_lines(len(frequency_K))
    mean_F, covariance_FF = straight_FK @ unit.mean_K, straight_FK @ unit.covariance_KK @ straight_FK.T
    low_F, high_F = score_bounds(replace(unit, mean_K=mean_F, covariance_KK=covariance_FF))
    ends = torch.stack([mean_F, high_F, low_F]) - 0.5
    ends[0] = torch.where(ends[0].abs() < 1e-12, 0.0, ends[0])  # rounding must not move a curve that is zero on paper
    value, low, high = first_rise(straight_FK @ frequency_K, ends).tolist()
    return Reversal(nyquist=value, low=low, high=high, num_images=unit.num_images)


def _straight_lines(num_points: int, steps: int = 16) -> Tensor:
    """Return the weights (F, K) that draw straight lines through the points, each in ``steps`` equal steps."""
    place_F = torch.arange((num_points - 1) * steps + 1, dtype=torch.float64) / steps
    return (1 - (place_F[:, None] - torch.arange(num_points)).abs()).clamp_min(0)


def example_pair(result: HybridResult) -> tuple[int, int]:
    """Return (pairing, row) of a pair that shows the method: it changes sides once, near the reversal frequency.

    Pairs whose unmixed images are classified correctly come first, then those that go from the high image's label to
    the low image's in one step, then the change nearest to f_rev (to the middle of the grid where there is none).
    """
    answers = result.answers
    says_low = answers.sides_with(answers.label_N.expand_as(answers.partner_PN))
    says_high = answers.sides_with(answers.label_N[answers.partner_PN])
    is_clean = answers.counts_PN("both_correct")
    num_low = says_low.sum(dim=2)
    steps = (says_low[..., 1:] != says_low[..., :-1]).sum(dim=2)
    changes_once = (says_low | says_high).all(dim=2) & (steps == 1) & says_low[..., -1]
    first_low = len(result.frequency_K) - num_low
    middle = float(result.frequency_K.mean())
    wanted = result.f_rev.nyquist if math.isfinite(result.f_rev.nyquist) else middle
    after = result.frequency_K[first_low.clamp(1, len(result.frequency_K) - 1)]
    before = result.frequency_K[first_low.clamp(1, len(result.frequency_K) - 1) - 1]
    distance = ((after + before) / 2 - wanted).abs()
    rank = distance - 10.0 * changes_once - 100.0 * is_clean
    best = int(rank.argmin())
    return best // rank.shape[1], best % rank.shape[1]
