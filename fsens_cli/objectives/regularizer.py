"""The settings of a regularizer, and the record that each one of them is.

Shape letters: N images, K radial bins.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fsens_cli.errors import require, require_one_of
from fsens_cli.fourier.bins import RadialBins
from fsens_cli.fourier.sensitivity import CHANNEL_REDUCTIONS
from fsens_cli.parallel.world import ALONE, World

ENTROPIES = ("batch", "per_image")


@dataclass(kw_only=True)
class RegularizerSettings:
    """How strongly, how often and on what a spectrum is asked for; which one is the registry's to say.

    Attributes:
        name: ``none``, or a name of the registry.
        weight: lambda, the factor on the penalty.
        every: apply at every k-th step, with k times the weight.
        fraction: part of the batch that is penalised; below 1 it gets a forward pass of its own.
        entropy: for ``asf``, entropy of the ``batch`` mean spectrum (published) or the mean of ``per_image`` entropies.
        channels: ``mean`` (published) or ``power``, as in a measurement.
        space: ``pixel`` or ``normalized`` (published), as in a measurement.
        file: for ``target``, a CSV with the columns ``radius`` and ``share`` (or ``share_mean``).
        target: that spectrum from radius 1 on; read from ``file`` at the start of a run.
    """

    name: str = "none"
    weight: float = 0.5
    every: int = 1
    fraction: float = 1.0
    entropy: str = "batch"
    channels: str = "mean"
    space: str = "pixel"
    file: str = ""
    target: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Check the ranges."""
        require_one_of("regularizer.entropy", self.entropy, ENTROPIES)
        require_one_of("regularizer.channels", self.channels, CHANNEL_REDUCTIONS)
        require_one_of("regularizer.space", self.space, ("pixel", "normalized"))
        require(0 <= self.weight < 1e6, f"regularizer.weight={self.weight} must not be negative.")
        require(self.every >= 1, f"regularizer.every={self.every} must be at least 1 step.")
        require(0 < self.fraction <= 1, f"regularizer.fraction={self.fraction} must lie in (0, 1].")

    @property
    def is_on(self) -> bool:
        """Whether anything is added to the loss."""
        return self.name != "none" and self.weight > 0

    def images_of(self, batch_size: int) -> int:
        """Return how many images of a batch are penalised: its first ones, two at least."""
        return min(batch_size, max(2, round(self.fraction * batch_size)))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Regularizer:
    """A penalty of a share: what a training pays for a spectrum.

    Attributes:
        name: what the user calls it.
        keeps: what a network is to listen to, in a few words, for the help.
        counted: (settings, bins) to the vector of shape (K,) that the penalty is told once for an image size. Raises
            ConfigError for images that are too small.
        penalty: (shares, that vector, settings) to R, a scalar with a graph.
        needs_target: whether it takes ``regularizer.file``.
    """

    name: str
    keeps: str
    counted: Callable[[RegularizerSettings, RadialBins], Tensor]
    penalty: Callable[[BatchShares, Tensor, RegularizerSettings], Tensor]
    needs_target: bool = False
