"""Calibration of predicted probabilities: expected calibration error, negative log-likelihood, Brier score.

Shape letters: N images, K classes, or answers an image; M = N K answers, B bins, R resamples.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fsens_cli.short_repr import ShortRepr
from fsens_cli.statistics.crossings import central_bounds
from fsens_cli.statistics.intervals import Interval, mean_intervals, unseen

NUM_BINS = 15
# Numbers of the bootstrap that are held at a time.
BLOCK = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Reliability(ShortRepr):
    """Equal bins of the top probability on [0, 1], for a reliability diagram; float64 tensors of shape (B,).

    Attributes:
        upper_B: upper edges; bin b holds (upper_(b-1), upper_b], as in Guo et al. 2017.
        count_B: images in each bin.
        confidence_B, accuracy_B: their mean top probability and how many are right; NaN for an empty bin.
    """

    upper_B: Tensor
    count_B: Tensor
    confidence_B: Tensor
    accuracy_B: Tensor


def negative_log_likelihood(logits_NK: Tensor, label_N: Tensor) -> Tensor:
    """Return minus the log-probability of each label, nats, shape (N,), float64.

    >>> round(float(negative_log_likelihood(torch.zeros(1, 4), torch.tensor([2]))[0]), 4)
    1.3863
    """
    return -logits_NK.double().log_softmax(dim=1).gather(1, label_N[:, None])[:, 0]


def brier(logits_NK: Tensor, label_N: Tensor) -> Tensor:
    """Return the Brier score of each image, shape (N,), float64: summed over all classes, 0 to 2 (Brier 1950).

    >>> float(brier(torch.zeros(1, 4), torch.tensor([2]))[0])
    0.75
    """
    probability_NK = logits_NK.double().softmax(dim=1)
    one_hot_NK = torch.nn.functional.one_hot(label_N, probability_NK.shape[1])
    return (probability_NK - one_hot_NK).square().sum(dim=1)


def reliability(confidence_N: Tensor, is_right_N: Tensor, *, num_bins: int = NUM_BINS) -> Reliability:
    """Return accuracy and confidence in equal bins of the top probability."""
    bin_N = _bins(confidence_N, num_bins)
    count_B, confidence_B, right_B = (
        torch.zeros(num_bins, dtype=torch.float64).index_add_(0, bin_N, weight.double())
        for weight in (torch.ones_like(confidence_N), confidence_N, is_right_N)
    )
    return Reliability(
        upper_B=torch.arange(1, num_bins + 1, dtype=torch.float64) / num_bins,
        count_B=count_B,
        confidence_B=confidence_B / count_B,
        accuracy_B=right_B / count_B,
    )


def _bins(confidence_N: Tensor, num_bins: int) -> Tensor:
    return ((confidence_N.double() * num_bins).ceil().long() - 1).clamp(0, num_bins - 1)


def expected_calibration_error(confidence_N: Tensor, is_right_N: Tensor, *, num_bins: int = NUM_BINS) -> float:
    """Return the expected calibration error: |accuracy - confidence| of each bin, weighted by its images.

    Naeini et al. 2015, Guo et al. 2017. It is biased upwards for few images: also a calibrated model has some.

    >>> expected_calibration_error(torch.tensor([0.75, 0.75, 0.75, 0.75]), torch.tensor([1, 1, 1, 0]))
    0.0
    """
    return float(_error(confidence_N.double() - is_right_N.double(), _bins(confidence_N, num_bins), num_bins))


def calibration_error_interval(
    confidence_NK: Tensor, is_right_NK: Tensor, *, num_bins: int = NUM_BINS, seed: int = 0, num_resamples: int = 2000
) -> Interval:
    """Return the expected calibration error over all answers with its interval over images.

    The basic bootstrap, which turns the upward bias of resamples over. The lower bound is 0 where a calibrated model
    with the same probabilities would show as large an error in more than 2.5 % of samples (Bröcker and Smith 2007).

    Args:
        confidence_NK, is_right_NK: one answer an image, shape (N,), or K; those of an image are drawn together, and
            what is calibrated errs on all of them at once, so that K answers are no K images.
        num_bins, seed, num_resamples: of the bins and of the bootstrap.
    """
    confidence, right = (v.double().reshape(len(v), -1) for v in (confidence_NK, is_right_NK))
    n, per_image = confidence.shape
    value = expected_calibration_error(confidence.flatten(), right.flatten(), num_bins=num_bins)
    if n < 2:
        return Interval(value, math.nan, math.nan, n)
    bin_M = _bins(confidence, num_bins).flatten()
    gap_NKB = torch.zeros(n * per_image, num_bins, dtype=torch.float64)
    gap_NKB[torch.arange(n * per_image), bin_M] = (confidence - right).flatten()
    gap_NB = gap_NKB.reshape(n, per_image, num_bins).sum(dim=1)
    generator = torch.Generator().manual_seed(seed)
    resampled, calibrated = [], []
    for count in _blocks(num_resamples, n * per_image):
        drawn_RN = torch.zeros(count, n, dtype=torch.float64)
        rows = torch.randint(n, (count, n), generator=generator)
        drawn_RN.scatter_add_(1, rows, torch.ones_like(drawn_RN))
        resampled.append((drawn_RN @ gap_NB).abs().sum(dim=1))
        luck_RN1 = torch.rand(count, n, 1, generator=generator, dtype=torch.float64)
        gap_RM = (confidence - (luck_RN1 < confidence).double()).flatten(1)
        summed_RB = torch.zeros(count, num_bins, dtype=torch.float64).index_add_(1, bin_M, gap_RM)
        calibrated.append(summed_RB.abs().sum(dim=1))
    below, above = central_bounds(torch.cat(resampled) / (n * per_image))
    _, by_luck = central_bounds(torch.cat(calibrated) / (n * per_image))
    low = 0.0 if value <= by_luck else max(0.0, 2 * value - above)
    high = min(1.0, 2 * value - below)
    if bool(right.all()) or not bool(right.any()):
        # Resamples of answers that are all right show none that is wrong.
        high = max(high, value + unseen(n) * (1 - value))
    return Interval(value, min(value, low), max(value, high), n)


def _blocks(total: int, width: int) -> Iterator[int]:
    """Yield the rows of blocks of at most `BLOCK` numbers that make up ``total`` rows of ``width``."""
    step = max(1, BLOCK // width)
    for start in range(0, total, step):
        yield min(step, total - start)


def _error(gap_N: Tensor, bin_N: Tensor, num_bins: int) -> Tensor:
    return torch.zeros(num_bins, dtype=torch.float64).index_add_(0, bin_N, gap_N).abs().sum() / len(gap_N)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Calibration(ShortRepr):
    """How far probabilities can be believed: the three scores with their intervals over images, and the diagram.

    ``loss_N`` and ``brier_N`` are the means of each image, float64.
    """

    error: Interval
    log_likelihood_loss: Interval
    brier: Interval
    reliability: Reliability
    loss_N: Tensor
    brier_N: Tensor


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Scores(ShortRepr):
    """What calibration is made of, of each image under each of K changes of it.

    Attributes:
        right_NK: whether the likeliest class is the label, bool.
        confidence_NK: its probability, float64.
        loss_NK, brier_NK: `negative_log_likelihood` and `brier`, float64.
    """

    right_NK: Tensor
    confidence_NK: Tensor
    loss_NK: Tensor
    brier_NK: Tensor


def scores(logits_NK: Tensor, label_N: Tensor) -> Scores:
    """Return the scores of one answer an image, columns of shape (N, 1), on the device of the logits."""
    return Scores(
        right_NK=(logits_NK.argmax(dim=1) == label_N)[:, None],
        confidence_NK=logits_NK.double().softmax(dim=1).amax(dim=1)[:, None],
        loss_NK=negative_log_likelihood(logits_NK, label_N)[:, None],
        brier_NK=brier(logits_NK, label_N)[:, None],
    )


def calibration(found: Scores, *, seed: int = 0) -> Calibration:
    """Return the calibration over all images and changes, from scores on the CPU."""
    loss_N, brier_N = (of_all.double().mean(dim=1) for of_all in (found.loss_NK, found.brier_NK))
    (loss,), (score,) = mean_intervals(loss_N[:, None], None), mean_intervals(brier_N[:, None], (0.0, 2.0))
    return Calibration(
        error=calibration_error_interval(found.confidence_NK, found.right_NK, seed=seed),
        log_likelihood_loss=replace(loss, low=loss.low if math.isnan(loss.low) else max(0.0, loss.low)),
        brier=score,
        reliability=reliability(found.confidence_NK.flatten(), found.right_NK.flatten()),
        loss_N=loss_N,
        brier_N=brier_N,
    )
