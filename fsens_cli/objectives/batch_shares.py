"""The sensitivities or gradients of one batch, which several processes may share.

Shape letters: N images, C channels, H, W pixels, K radial bins.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.parallel.world import ALONE, World


@dataclass(frozen=True, slots=True)
class BatchShares:
    """The sensitivities of a batch that several processes may share; rows that take no part are zero.

    Attributes:
        share_NK: of this process's images.
        num_used: images of the whole batch that take part, at least 1, shape ().
        any_used: 1 where any does, else 0, shape ().
        world: the processes.
    """

    share_NK: Tensor
    num_used: Tensor
    any_used: Tensor
    world: World = ALONE

    @classmethod
    def of(cls, share_NK: Tensor, used_N: Tensor, world: World = ALONE) -> "BatchShares":
        """Return the shares with the rows that take no part set to zero."""
        share_NK = torch.where(used_N[:, None], share_NK, torch.zeros_like(share_NK))
        count = world.total(used_N.sum())
        return cls(share_NK, count.clamp_min(1).to(share_NK.dtype), (count > 0).to(share_NK.dtype), world)

    def mean_K(self) -> Tensor:
        """Return the mean share of the whole batch at each radius."""
        return self.mean_of(self.share_NK)

    def mean_of(self, values: Tensor) -> Tensor:
        """Return the mean over the images of the whole batch of values that are 0 for those that take no part."""
        return self.world.differentiable_total(values.sum(dim=0)) / self.num_used


@dataclass(frozen=True, slots=True)
class BatchGradients:
    """The input gradients of a batch that several processes may share; images that take no part are zero.

    Attributes:
        grad_NCHW: of each image's own loss, of this process's images.
        num_used: images of the whole batch that take part, at least 1, shape ().
        any_used: 1 where any does, else 0, shape ().
        world: the processes.
    """

    grad_NCHW: Tensor
    num_used: Tensor
    any_used: Tensor
    world: World = ALONE

    @classmethod
    def of(cls, grad_NCHW: Tensor, used_N: Tensor, world: World = ALONE) -> "BatchGradients":
        """Return the gradients, already zero for the images that take no part."""
        count = world.total(used_N.sum())
        return cls(grad_NCHW, count.clamp_min(1).to(grad_NCHW.dtype), (count > 0).to(grad_NCHW.dtype), world)

    def mean_of(self, values: Tensor) -> Tensor:
        """Return the mean over the images of the whole batch of values that are 0 for those that take no part."""
        return self.world.differentiable_total(values.sum(dim=0)) / self.num_used
