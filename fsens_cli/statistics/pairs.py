"""Intervals of a mean over pairs of images, when every image is part of many pairs.

Shape letters: D pairs, K columns, R draws.

A probe of N images in P pairings has N P pairs but only N independent images. To first order the outcome of a pair is
h(i, j) = mean + a_i + b_j + c_ij: what image i brings as one half, image j as the other, and what only the two together
bring. The images recur in all pairings, so

    Var(mean of h) = Var(a + b) / N + Var(c) / (N P).

Resampling pairs as if they were independent gets neither term right. It divides Var(a) and Var(b) by N P, far too
little where images differ in how far they are believed. And it overlooks that every image is used once in each role, so
that an image that wins whichever half it gives (b = -a, in p_low - p_high) cancels itself; there it is far too much.
Resampling whole images, each with all its pairs, counts c twice. The covariance below is unbiased for the variance, but
for a floor: it adds the products of all couples of pairs that share an image, each couple once (dyadic clustering:
Aronow, Samii, Assenova, *Political Analysis* 2015; two-way: Cameron, Gelbach, Miller, *J. Bus. Econ. Stat.* 2011).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.statistics.intervals import Z, score_limits, student, unseen

# Where images cancel themselves the estimate is a small difference of large numbers, by chance far too small. Chosen by
# simulation: with 0.1 intervals keep 92 to 98 % coverage even where the stronger image always wins.
LEAST_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class PairMean:
    """The mean over pairs of several columns, with its covariance.

    Attributes:
        mean_K: float64.
        covariance_KK: of the means, under sampling of images and of pairings; float64, positive semidefinite.
        num_pairs, num_images: what it rests on.
    """

    mean_K: Tensor
    covariance_KK: Tensor
    num_pairs: int
    num_images: int


def pair_mean(value_DK: Tensor, first_D: Tensor, second_D: Tensor) -> PairMean:
    """Return the mean of each column over pairs (first, second) of images, and the covariance of these means.

    Args:
        value_DK: the outcome of each pair.
        first_D, second_D: which images form it, any integers that name images.
    """
    value = value_DK.double()
    mean = value.mean(dim=0)
    deviation = (value - mean) / len(value)
    image, place = torch.unique(torch.cat([first_D, second_D]), return_inverse=True)
    first, second = place[: len(value)], place[len(value) :]
    num_images = len(image)
    # Products of all couples of pairs with an image in common, once for every image they share ...
    by_image = _sum_by(torch.cat([first, second]), torch.cat([deviation, deviation]), num_images)
    # ... less one for the couples that share both: a pair with itself, its repetition or its reverse.
    couple = torch.minimum(first, second) * num_images + torch.maximum(first, second)
    _, group = torch.unique(couple, return_inverse=True)
    by_couple = _sum_by(group, deviation, int(group.max()) + 1)
    covariance = by_image.T @ by_image - by_couple.T @ by_couple
    # The mean taken off is made of the same images, each of which stands in it for both of its roles: the expected
    # sum above is short by 4 / N of Var(a + b).
    correction = num_images / max(1, num_images - 4)
    return PairMean(
        mean_K=mean,
        covariance_KK=_with_floor(covariance * correction, by_couple.T @ by_couple),
        num_pairs=len(value),
        num_images=num_images,
    )


def _sum_by(group_D: Tensor, value_DK: Tensor, num_groups: int) -> Tensor:
    return value_DK.new_zeros(num_groups, value_DK.shape[1]).index_add_(0, group_D, value_DK)


def _with_floor(covariance_KK: Tensor, of_pairs_KK: Tensor) -> Tensor:
    """Raise the covariance, in every direction, to at least ``LEAST_SHARE`` of what independent pairs would have.

    The difference that gives it is noisy where nearly everything cancels, and need not be a covariance at all.
    """
    scale, axis = torch.linalg.eigh(of_pairs_KK)
    kept = scale > 1e-12 * scale.max().clamp_min(1e-300)
    whiten = axis[:, kept] / scale[kept].sqrt()
    share, vector = torch.linalg.eigh(whiten.T @ covariance_KK @ whiten)
    root: Tensor = (axis[:, kept] * scale[kept].sqrt()) @ vector
    return (root * share.clamp_min(LEAST_SHARE)) @ root.T


def score_bounds(estimate: PairMean) -> tuple[Tensor, Tensor]:
    """Return 95 % bounds for means of values in [0, 1], shapes (K,): score limits at the effective number of pairs.

    The effective number is mean (1 - mean) / variance: how many independent yes-or-no answers are as precise. The
    variance is estimated, so the quantile is `quantile`'s. Where all pairs agree there is no spread to go by: what was
    not seen, at most `unseen` of the images, may lie at either end.
    """
    mean, variance = estimate.mean_K.clamp(0, 1), estimate.covariance_KK.diagonal()
    spread = mean * (1 - mean)
    has_spread = (variance > 1e-15) & (spread > 1e-12)
    c = quantile(estimate) ** 2 * variance / spread.clamp_min(1e-15)
    low, high = score_limits(mean, c)
    room = unseen(estimate.num_images)
    return torch.where(has_spread, low, mean - room * mean), torch.where(has_spread, high, mean + room * (1 - mean))


def quantile(estimate: PairMean) -> float:
    """Return Student's quantile for the covariance, whose correction leaves N - 4 degrees of freedom, at least one."""
    return student(max(1, estimate.num_images - 4))


def draw_means(estimate: PairMean, *, seed: int, num_draws: int) -> Tensor:
    """Return bootstrap draws of all means together, shape (R, K), with the covariance above.

    A parametric bootstrap: no scheme that resamples images or pairs reproduces this covariance (see the top). Draws are
    normal, widened to Student's quantile.
    """
    eigenvalue, vector = torch.linalg.eigh(estimate.covariance_KK)
    root: Tensor = vector * eigenvalue.clamp_min(0).sqrt()
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(num_draws, len(estimate.mean_K), generator=generator, dtype=torch.float64)
    return estimate.mean_K + quantile(estimate) / Z * noise @ root.T
