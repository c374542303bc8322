"""Frequency channels: width, centre and peak of sensitivity over log2 frequency.

Shape letters: R resamples, B bands in ascending order of frequency.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.short_repr import ShortRepr

FULL_WIDTH = 2 * math.sqrt(2 * math.log(2))  # of a Gaussian at half height, in standard deviations


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ChannelShape(ShortRepr):
    """What a curve of sensitivity over log2 frequency looks like; one entry a curve, float64.

    Attributes:
        width_R: octaves over which the interpolated curve is at least half its peak.
        centre_R: mean log2 frequency of the curve's area over these octaves.
        peak_R: largest sensitivity.
        peak_at_R: log2 frequency of the band where it lies.
        open_R: whether the curve is above half its peak at the first or last band, so that the width is a lower bound.
    """

    width_R: Tensor
    centre_R: Tensor
    peak_R: Tensor
    peak_at_R: Tensor
    open_R: Tensor


def channel_shape(log_frequency_B: Tensor, sensitivity_RB: Tensor) -> ChannelShape:
    """Return width, centre and peak of each curve, which runs linearly between bands over log2 frequency.

    >>> shape = channel_shape(torch.tensor([0.0, 1.0, 2.0]), torch.tensor([[0.0, 1.0, 0.0]]))
    >>> float(shape.width_R), float(shape.centre_R), bool(shape.open_R)
    (1.0, 1.0, False)
    """
    x, s = log_frequency_B.double(), sensitivity_RB.double()
    peak_R, at = s.max(dim=1)
    half = 0.5 * peak_R[:, None]
    s0, s1 = s[:, :-1], s[:, 1:]
    step = (x[1:] - x[:-1])[None]
    rise = s1 - s0
    meets = torch.where(rise != 0, (half - s0) / torch.where(rise != 0, rise, torch.ones_like(rise)), 0.0)
    # The part of each segment, as fractions of it, that is at least half the peak.
    start = torch.where(s0 >= half, torch.zeros_like(s0), torch.where(s1 >= half, meets, torch.ones_like(s0)))
    end = torch.where(s1 >= half, torch.ones_like(s0), torch.where(s0 >= half, meets, torch.ones_like(s0)))
    length = (end - start).clamp_min(0)
    width_R = (length * step).sum(dim=1)

    def moment(power: int) -> Tensor:
        """Return the integral of t^power s(t) over the kept part of each segment."""
        low, high = power + 1, power + 2
        return s0 * (end**low - start**low) / low + rise * (end**high - start**high) / high

    kept = (length > 0).double()
    area = moment(0) * kept * step
    first = (x[:-1][None] * moment(0) + step * moment(1)) * kept * step
    total = area.sum(dim=1)
    centre_R = torch.where(total > 0, first.sum(dim=1) / total.clamp_min(1e-300), x[at])
    open_R = (s[:, 0] >= half[:, 0]) | (s[:, -1] >= half[:, 0])
    return ChannelShape(width_R=width_R, centre_R=centre_R, peak_R=peak_R, peak_at_R=x[at], open_R=open_R)


@dataclass(frozen=True, slots=True)
class GaussianFit:
    """A Gaussian through sensitivity over log2 frequency: height, centre and standard deviation in octaves, R^2."""

    height: float
    centre: float
    sd: float
    r_squared: float

    @property
    def full_width(self) -> float:
        """Octaves at half height."""
        return FULL_WIDTH * self.sd


def fit_gaussian(x_B: Tensor, y_B: Tensor, *, highest: float = math.inf) -> GaussianFit | None:
    """Return the Gaussian closest to ``y_B`` in least squares, 0 <= height <= ``highest``, sd > 0; None without a fit.

    >>> x = torch.arange(7.0)
    >>> fit = fit_gaussian(x, 3 * torch.exp(-(x - 2.5) ** 2 / 2))
    >>> round(fit.height, 3), round(fit.centre, 3), round(fit.sd, 3), round(fit.r_squared, 3)
    (3.0, 2.5, 1.0, 1.0)
    """
    from scipy.optimize import least_squares  # slow to import: only where it is used

    x, y = x_B.double().numpy(), y_B.double().numpy()
    spread = float(((y - y.mean()) ** 2).sum())
    if spread == 0 or len(x) < 3:
        return None
    reach = float(x[-1] - x[0])
    best = None
    # Several starts: one band far above the rest has a narrow and a wide local optimum.
    for sd in (0.4, 1.0, 2.0):
        start = [min(float(y.max()), 0.999 * highest), float(x[y.argmax()]), sd]
        found = least_squares(
            lambda p: p[0] * torch.exp(-((torch.from_numpy(x) - p[1]) ** 2) / (2 * p[2] ** 2)).numpy() - y,
            start,
            bounds=([0, x[0] - reach, 1e-3], [highest, x[-1] + reach, 1e6]),
        )
        if best is None or found.cost < best.cost:
            best = found
    assert best is not None
    height, centre, sd = (float(v) for v in best.x)
    return GaussianFit(height, centre, sd, 1 - 2 * float(best.cost) / spread)
