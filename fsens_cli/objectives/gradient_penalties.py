"""Penalties of the input gradient's size and of its frequency bias as components for any training loop."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from fsens_cli.objectives.penalty import InputGradientPenalty
from fsens_cli.objectives.regularizers import RegularizerConfig


class GradientNormPenalty(InputGradientPenalty):
    """Penalty on the size of the input gradient, to be added to the loss of any training loop.

    ``weight * mean_i eps ||g_i||_1`` (Rodriguez-Munoz et al., *Characterizing model robustness via natural input
    gradients*, 2024; published as 0.8 CE + 1.2 penalty, a weight of 1.5, rising from 0 over five epochs) or
    ``weight * mean_i ||g_i||_2^2 / 2`` (double backpropagation), g_i the gradient of image i's own cross-entropy with
    respect to its pixels. Called like ``FourierPenalty``; the first call refuses networks of ReLU alone.

    Args:
        norm: ``l1`` or ``l2``.
        weight: lambda; ``penalty.config.weight`` may be changed between calls, for a ramp.
        eps: for ``l1``, the budget in pixels on the [0, 1] scale.
        every, fraction, std: as for ``FourierPenalty``; where the loop normalises images, ``std`` is needed for ``eps``
            to mean pixels.

    Raises:
        ConfigError: an unknown name or a number out of range; says what is allowed.
        ModelError: at the first call, of a network whose activations have no second derivative.
    """

    def __init__(
        self,
        norm: str = "l1",
        *,
        weight: float = 1.5,
        eps: float = 4 / 255,
        every: int = 1,
        fraction: float = 1.0,
        std: Sequence[float] | Tensor | float | None = None,
    ) -> None:
        config = RegularizerConfig(
            name="gradient-norm",
            norm=norm,
            weight=weight,
            eps=eps,
            every=every,
            fraction=fraction,
        )
        super().__init__(config, std)

    @property
    def _which(self) -> str:
        return self.config.norm

    @property
    def _also(self) -> str:
        return f", eps={self.config.eps:g}" if self.config.norm == "l1" else ""


class JacobianFrequencyPenalty(InputGradientPenalty):
    """Penalty that pushes the input gradient to low or high frequencies, by Chan et al. (IJCAI 2022).

    ``-weight * R``, or ``+weight * R`` for ``bias="high"``, with R the logarithm of a sum of products of powers of the
    batch's mean amplitude spectrum: see ``jacobian_frequency``. Called like ``FourierPenalty``.

    Args:
        bias: ``low`` (published) or ``high``.
        weight: lambda.
        every, fraction, std: as for ``FourierPenalty``.

    Raises:
        ConfigError: an unknown name or a number out of range; says what is allowed.
    """

    def __init__(
        self,
        bias: str = "low",
        *,
        weight: float = 0.001,
        every: int = 1,
        fraction: float = 1.0,
        std: Sequence[float] | Tensor | float | None = None,
    ) -> None:
        config = RegularizerConfig(
            name="jafr",
            bias=bias,
            weight=weight,
            every=every,
            fraction=fraction,
        )
        super().__init__(config, std)

    @property
    def _which(self) -> str:
        return self.config.bias
