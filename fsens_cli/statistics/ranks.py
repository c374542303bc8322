"""Rank correlation of two maps.

Shape letters: N images, M cells, G groups of images.
"""

import math

import torch
from torch import Tensor

from fsens_cli.statistics.intervals import Interval, student

MAX_GROUPS = 100


def rank_correlation(first_NM: Tensor, second_NM: Tensor) -> Interval | None:
    """Return Spearman's correlation, over cells, of two maps averaged over images, with a 95 % jackknife interval.

    Both have the same images in the same order. Equal cells share their mean rank (Spearman 1904). Images are left out
    one by one, or in at most 100 groups, and the spread of Fisher's z gives the interval (Tukey 1958), with Student's
    quantile. It says how far the number would move with other images as many: noise in the maps pulls it towards 0, so
    more images raise it. A bootstrap would add that noise once more, and its interval can miss the number itself. There
    are no bounds where leaving out images changes nothing: then nothing is known of other images.

    None where one of the maps is constant, or there is one image only.

    >>> rising = torch.arange(6.0).expand(3, 6)
    >>> round(rank_correlation(rising, rising ** 2).value, 6)
    1.0
    """
    num_images = len(first_NM)
    if num_images < 2:
        return None
    num_groups = min(num_images, MAX_GROUPS)
    group_N = torch.arange(num_images) % num_groups
    without_GN = (group_N[None, :] != torch.arange(num_groups)[:, None]).double()
    # The first row keeps all images.
    weight = torch.cat([torch.ones(1, num_images, dtype=torch.float64), without_GN])
    weight = weight / weight.sum(dim=1, keepdim=True)
    correlation = _rowwise(weight @ first_NM.double(), weight @ second_NM.double())
    if not bool(correlation.isfinite().all()):
        return None
    # Fisher's z is infinite at 1.
    z = torch.atanh(correlation.clamp(-1 + 1e-9, 1 - 1e-9))
    left_out = z[1:]
    error = math.sqrt((num_groups - 1) / num_groups * float((left_out - left_out.mean()).square().sum()))
    if error < 1e-12:
        return Interval(float(correlation[0]), math.nan, math.nan, num_images)
    half = student(num_groups - 1) * error
    low, high = (math.tanh(float(z[0]) + sign * half) for sign in (-1, 1))
    return Interval(float(correlation[0]), low, high, num_images)


def _rowwise(first_RM: Tensor, second_RM: Tensor) -> Tensor:
    """Return the correlation of the ranks of each pair of rows; NaN for a constant row."""
    from scipy.stats import rankdata  # takes half a second to import: only where it is used

    # Means of equal counts differ in the last digit, and would not tie.
    ranks = [torch.from_numpy(rankdata(rows.numpy().round(12), axis=1)) for rows in (first_RM, second_RM)]
    a, b = (r - r.mean(dim=1, keepdim=True) for r in ranks)
    return ((a * b).sum(dim=1) / (a.norm(dim=1) * b.norm(dim=1))).clamp(-1, 1)
