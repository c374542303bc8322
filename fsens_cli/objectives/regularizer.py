"""The settings of a regularizer, and the record that each one of them is.

Shape letter: K radial bins.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fsens_cli.errors import require, require_one_of
from fsens_cli.fourier.catalog import CHANNEL_REDUCTIONS
from fsens_cli.objectives.similarity_settings import SimilaritySettings

if TYPE_CHECKING:
    from torch import Tensor

    from fsens_cli.fourier.bins import RadialBins
    from fsens_cli.objectives.batch_shares import BatchGradients, BatchShares

ENTROPIES = ("batch", "per_image")
NORMS = ("l1", "l2")
BIASES = ("low", "high")


@dataclass(kw_only=True)
class RegularizerSettings(SimilaritySettings):
    """How strongly, how often and on what a spectrum is asked for; which one is the registry's to say.

    Attributes:
        name: ``none``, or a name of the registry.
        weight: lambda, the factor on the penalty.
        every: apply at every k-th step, with k times the weight.
        fraction: part of the batch that is penalised; below 1 it gets a forward pass of its own.
        entropy: for ``asf``, entropy of the ``batch`` mean spectrum (published) or the mean of ``per_image`` entropies.
        channels: ``mean`` (published) or ``power``, as in a measurement.
        space: ``pixel`` or ``normalized`` (published), as in a measurement.
        file: for ``target``, a CSV with the columns ``radius`` and ``share`` (or ``share_mean``); for ``towards=file``
            recordings, an ``.npz``.
        target: that spectrum from radius 1 on; read from ``file`` at the start of a run.
        norm: for ``gradient-norm``, ``l1`` within an L-infinity budget or ``l2``, squared.
        eps: that budget, [0, 1] scale.
        bias: for ``jafr``, whether ``low`` (published) or ``high`` frequencies of the gradient are asked for.
        ramp_epochs: the weight rises linearly from 0 over so many epochs.
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
    norm: str = "l1"
    eps: float = 4 / 255
    bias: str = "low"
    ramp_epochs: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        self.check_similarity_settings()
        require_one_of("regularizer.entropy", self.entropy, ENTROPIES)
        require_one_of("regularizer.channels", self.channels, CHANNEL_REDUCTIONS)
        require_one_of("regularizer.space", self.space, ("pixel", "normalized"))
        require(0 <= self.weight < 1e6, f"regularizer.weight={self.weight} must not be negative.")
        require_one_of("regularizer.norm", self.norm, NORMS)
        require_one_of("regularizer.bias", self.bias, BIASES)
        require(0 < self.eps <= 1, f"regularizer.eps={self.eps} must lie in (0, 1]: pixels do.")
        require(0 <= self.ramp_epochs < 1e6, f"regularizer.ramp_epochs={self.ramp_epochs} must not be negative.")
        require(self.every >= 1, f"regularizer.every={self.every} must be at least 1 step.")
        require(0 < self.fraction <= 1, f"regularizer.fraction={self.fraction} must lie in (0, 1].")

    @property
    def is_on(self) -> bool:
        """Whether anything is added to the loss."""
        # Without weight the second stream of images still goes through batch norm: a control.
        return self.name != "none" and (self.weight > 0 or self.compares_pairs)

    @property
    def compares_pairs(self) -> bool:
        """Whether it compares representations of pairs of images, and no input gradients."""
        return self.name == "similarity"

    def strength_at(self, epoch: float) -> float:
        """Return the factor on the weight after so many epochs, 0 .. 1.

        >>> RegularizerSettings(ramp_epochs=5).strength_at(1.25), RegularizerSettings().strength_at(0)
        (0.25, 1.0)
        """
        return 1.0 if self.ramp_epochs == 0 else min(1.0, epoch / self.ramp_epochs)

    def images_of(self, batch_size: int) -> int:
        """Return how many images of a batch are penalised: its first ones, two at least."""
        return min(batch_size, max(2, round(self.fraction * batch_size)))


@dataclass(frozen=True, kw_only=True)
class AnyRegularizer:
    """What every regularizer says of itself.

    Attributes:
        name: what the user calls it.
        keeps: what it asks of a network, in a few words, for the help.
        needs_target: whether it takes ``regularizer.file``.
    """

    name: str
    keeps: str
    needs_target: bool = False


@dataclass(frozen=True, kw_only=True)
class Regularizer(AnyRegularizer):
    """A penalty of a share: what a training pays for a spectrum.

    Attributes:
        counted: (settings, bins) to the vector of shape (K,) that the penalty is told once for an image size. Raises
            ConfigError for images that are too small.
        penalty: (shares, that vector, settings) to R, a scalar with a graph.
    """

    counted: "Callable[[RegularizerSettings, RadialBins], Tensor]"
    penalty: "Callable[[BatchShares, Tensor, RegularizerSettings], Tensor]"


@dataclass(frozen=True, kw_only=True)
class GradientRegularizer(AnyRegularizer):
    """A penalty of the input gradients themselves.

    Attributes:
        penalty: (gradients, settings) to R, a scalar with a graph.
        needs_smooth: whether activations must have a second derivative.
    """

    penalty: "Callable[[BatchGradients, RegularizerSettings], Tensor]"
    needs_smooth: bool = False


@dataclass(frozen=True, kw_only=True)
class PairRegularizer(AnyRegularizer):
    """A penalty of a network's representations of pairs of images beside those of the task."""
