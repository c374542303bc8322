"""The sensitivities or gradients of one batch, which several processes may share.

Shape letters: N images, C channels, H, W pixels, K radial bins.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from fsens_cli.parallel.world import ALONE, World


@dataclass(frozen=True, slots=True)
class WholeBatch:
    """One number or row of numbers an image of a batch that several processes may share.

    Attributes:
        values: of this process's images; zero for those that take no part.
        num_used: images of the whole batch that take part, at least 1, shape ().
        any_used: 1 where any does, else 0, shape ().
        world: the processes.
    """

    values: Tensor
    num_used: Tensor
    any_used: Tensor
    world: World = ALONE

    @classmethod
    def of(cls, values: Tensor, used_N: Tensor, world: World = ALONE) -> Self:
        """Return the values with those of images that take no part set to zero."""
        used = used_N.reshape(-1, *[1] * (values.ndim - 1))
        count = world.total(used_N.sum())
        return cls(
            torch.where(used, values, torch.zeros_like(values)),
            count.clamp_min(1).to(values.dtype),
            (count > 0).to(values.dtype),
            world,
        )

    def mean_of(self, values: Tensor) -> Tensor:
        """Return the mean over the images of the whole batch of values that are 0 for those that take no part."""
        return self.world.differentiable_total(values.sum(dim=0)) / self.num_used


class BatchShares(WholeBatch):
    """The share of sensitivity at each radius, (N, K)."""

    @property
    def share_NK(self) -> Tensor:
        """The shares of this process's images."""
        return self.values

    def mean_K(self) -> Tensor:
        """Return the mean share of the whole batch at each radius."""
        return self.mean_of(self.values)


class BatchGradients(WholeBatch):
    """The input gradient of each image's own loss, (N, C, H, W)."""

    @property
    def grad_NCHW(self) -> Tensor:
        """The gradients of this process's images."""
        return self.values
