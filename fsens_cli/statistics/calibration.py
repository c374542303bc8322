"""Calibration of predicted probabilities: expected calibration error, negative log-likelihood, Brier score.

Shape letters: N images, K classes, B bins.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.statistics.crossings import central_bounds
from fsens_cli.statistics.intervals import Interval, mean_intervals

NUM_BINS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
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
    confidence_N: Tensor, is_right_N: Tensor, *, num_bins: int = NUM_BINS, seed: int = 0, num_resamples: int = 2000
) -> Interval:
    """Return the expected calibration error with its interval over images.

    The basic bootstrap, which turns the upward bias of resamples over. The lower bound is 0 where a calibrated model
    with the same probabilities would show as large an error in more than 2.5 % of samples (Bröcker and Smith 2007).
    """
    value = expected_calibration_error(confidence_N, is_right_N, num_bins=num_bins)
    n = len(confidence_N)
    if n < 2:
        return Interval(value, math.nan, math.nan, n)
    confidence, bin_N = confidence_N.double(), _bins(confidence_N, num_bins)
    gap_N = confidence - is_right_N.double()
    generator = torch.Generator().manual_seed(seed)
    resampled, calibrated = [], []
    for _ in range(num_resamples):
        drawn_N = torch.randint(n, (n,), generator=generator)
        resampled.append(_error(gap_N[drawn_N], bin_N[drawn_N], num_bins))
        calibrated.append(_error(confidence - torch.bernoulli(confidence, generator=generator), bin_N, num_bins))
    below, above = central_bounds(torch.stack(resampled))
    _, by_luck = central_bounds(torch.stack(calibrated))
    low = 0.0 if value <= by_luck else max(0.0, 2 * value - above)
    return Interval(value, min(value, low), max(value, min(1.0, 2 * value - below)), n)


def _error(gap_N: Tensor, bin_N: Tensor, num_bins: int) -> Tensor:
    return torch.zeros(num_bins, dtype=torch.float64).index_add_(0, bin_N, gap_N).abs().sum() / len(gap_N)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How far probabilities can be believed: the three scores with their intervals, and the diagram."""

    error: Interval
    log_likelihood_loss: Interval
    brier: Interval
    reliability: Reliability


def calibration(logits_NK: Tensor, label_N: Tensor, *, seed: int = 0) -> Calibration:
    """Return the calibration of a model from its logits and the labels, both on the CPU."""
    confidence_N, prediction_N = logits_NK.double().softmax(dim=1).max(dim=1)
    right_N = prediction_N == label_N
    (loss,) = mean_intervals(negative_log_likelihood(logits_NK, label_N)[:, None], None)
    (score,) = mean_intervals(brier(logits_NK, label_N)[:, None], (0.0, 2.0))
    return Calibration(
        error=calibration_error_interval(confidence_N, right_N, seed=seed),
        log_likelihood_loss=loss,
        brier=score,
        reliability=reliability(confidence_N, right_N),
    )
