"""Settings of a network, of what stands in front of it, and of how its states are read."""

import math
from dataclasses import dataclass, field
from typing import Any

from fsens_cli.errors import ModelError, require, require_one_of
from fsens_cli.models.program_names import require_trust
from fsens_cli.ranges import is_finite

FILTERS = ("none", "blur", "high-pass", "random-blur", "pca")


@dataclass(kw_only=True)
class FrontEndConfig:
    """A filter in front of the network.

    Attributes:
        name: ``none``, ``blur``, ``high-pass`` (what the blur takes away, and the mean), ``random-blur`` (a new sigma
            for each batch, uniform from 0 to ``sigma``) or ``pca``.
        sigma: standard deviation of the Gaussian blur in pixels.
        components: principal components of the training images that ``pca`` keeps.
    """

    name: str = "none"
    sigma: float = 1.5
    components: int = 512

    def __post_init__(self) -> None:
        """Check names and ranges."""
        require_one_of("frontend", self.name, FILTERS)
        require(
            0 < self.sigma < math.inf,
            f"frontend.sigma={self.sigma} must be positive (pixels); frontend=none is no blur.",
        )
        require(self.components >= 1, f"frontend.components={self.components} must be at least 1.")

    @property
    def label(self) -> str:
        """The filter and how strong it is, in words.

        >>> FrontEndConfig(name="blur").label, FrontEndConfig(name="pca").label, FrontEndConfig().label
        ('blur 1.5', 'pca 512', 'none')
        """
        if self.name == "none":
            return "none"
        return f"{self.name} {self.components if self.name == 'pca' else format(self.sigma, 'g')}"


@dataclass(kw_only=True)
class ModelConfig:
    """A network by name, with the arguments of its constructor and its normalisation.

    Attributes:
        name: a packaged network, a torchvision name, ``timm/NAME``, ``hub:OWNER/NAME``, ``robustbench/NAME``,
            ``hf:OWNER/NAME``, ``NET.onnx``, ``NET.pt2``, ``FILE.py:FUNCTION`` or ``PACKAGE.MODULE:FUNCTION``.
        kwargs: passed to the constructor or factory.
        mean, std: per channel of [0, 1] images; empty takes what is known of the weights, and ``none`` for the mean
            leaves it to the network.
        trust_checkpoint: whether a file that is a program (``.pt2``, TorchScript) may run what it holds.
        checkpoint_key: where in a checkpoint the weights stand, if it holds several; empty finds the only ones.
    """

    name: str = "resnet8"
    kwargs: dict[str, Any] = field(default_factory=dict)
    mean: Any = field(default_factory=list)  # list[float]; a configuration can also say none
    std: Any = field(default_factory=list)
    checkpoint_key: str = ""
    trust_checkpoint: bool = False

    def __post_init__(self) -> None:
        """Check that mean and std are numbers and come in pairs, and that a program is trusted."""
        require_trust(self.name, self.trust_checkpoint)
        if isinstance(self.mean, str) and self.mean.lower() == "none":
            require(not self.std or self.std == [1.0], f"model.std={self.std} has no meaning with model.mean=none.")
            self.mean, self.std = [0.0], [1.0]
        self.mean, self.std = _numbers("mean", self.mean), _numbers("std", self.std)
        if len(self.mean) != len(self.std):
            raise ModelError(f"model.mean={self.mean} and model.std={self.std} differ in length: give both alike.")
        if not all(s > 0 for s in self.std):  # NaN fails too
            raise ModelError(f"model.std={self.std}: every entry must be positive.")


def _numbers(name: str, given: object) -> list[float]:
    row = list(given) if isinstance(given, list | tuple) else [given]
    numbers = [float(v) for v in row if is_finite(v)]
    if len(numbers) != len(row):
        ways = "; none leaves it to the network" if name == "mean" else ""
        raise ModelError(f"model.{name}={given} is not one finite number a channel, as in [0.5,0.5,0.5]{ways}.")
    return numbers


LAYOUTS = ("auto", "channels-first", "channels-last")
