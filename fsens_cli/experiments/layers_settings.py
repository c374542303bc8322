"""Settings of spectra by depth."""

from __future__ import annotations

from dataclasses import dataclass

from fsens_cli.errors import require, require_one_of
from fsens_cli.models.settings import LAYOUTS
from fsens_cli.objectives.targets import TARGETS
from fsens_cli.ranges import require_seed
from fsens_cli.typed import require_types

PROCEDURES = ("default", "reference")


@dataclass(kw_only=True)
class LayersConfig:
    """Which states are read, and what of them.

    Attributes:
        layers: ``auto``, ``all``, or a pattern of module names.
        procedure: ``default``, or ``reference`` for the published log amplitude beside it.
        gradient: also measure the gradient of ``target`` with respect to every state.
        target: ``loss``, ``logit`` or ``margin``.
        layout: of states with four axes whose sizes do not tell.
        batch_size: images at a time.
        seed: of the images that a command draws, where it uses fewer than there are.
    """

    layers: str = "auto"
    procedure: str = "default"
    gradient: bool = True
    target: str = "loss"
    layout: str = "auto"
    batch_size: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        """Check names and ranges."""
        require_types(self)
        require(bool(self.layers.strip()), "layers= is empty: give auto, all, or a pattern of module names.")
        require_one_of("procedure", self.procedure, PROCEDURES)
        require_one_of("target", self.target, TARGETS)
        require_one_of("layout", self.layout, LAYOUTS)
        require(self.batch_size >= 1, f"batch_size={self.batch_size} must be at least 1.")
        require_seed(self.seed)
