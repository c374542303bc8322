"""Settings of a measurement of Fourier sensitivity."""

from __future__ import annotations

from dataclasses import dataclass, field

from fsens_cli.errors import require, require_one_of
from fsens_cli.fourier.catalog import BASES, CHANNEL_REDUCTIONS
from fsens_cli.objectives.targets import TARGETS
from fsens_cli.ranges import require_seed
from fsens_cli.typed import require_types

SPACES = ("pixel", "normalized")
# What the two named conventions set. "reference" is the published one; it differs in the space alone, because the
# authors' code differentiates with respect to the normalised input.
CONVENTIONS: dict[str, dict[str, str]] = {
    "pixel": {"target": "loss", "space": "pixel", "channels": "mean", "basis": "fourier"},
    "reference": {"target": "loss", "space": "normalized", "channels": "mean", "basis": "fourier"},
}


@dataclass(kw_only=True)
class MeasureConfig:
    """What is differentiated, in which space and basis, and on how many images.

    Attributes:
        target: ``loss`` (cross-entropy of the label), ``logit`` (of the label) or ``margin`` (to the next class).
        space: gradient with respect to ``pixel`` values in [0, 1] or to the ``normalized`` input of the network.
        channels: ``mean`` averages the gradient over channels first (published), ``power`` adds the channels' power.
        basis: ``fourier``, ``dct`` or ``haar``.
        bands: last radius of the low and of the mid band in cycles per image; empty is N/6 and N/3.
        batch_size: images at a time; does not change results.
        seed: of the self-check's directions.
    """

    target: str = "loss"
    space: str = "pixel"
    channels: str = "mean"
    basis: str = "fourier"
    bands: list[int] = field(default_factory=list)
    batch_size: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        """Check names and ranges."""
        require_types(self)
        require_one_of("target", self.target, TARGETS)
        require_one_of("space", self.space, SPACES)
        require_one_of("channels", self.channels, CHANNEL_REDUCTIONS)
        require_one_of("basis", self.basis, BASES)
        require(len(self.bands) in (0, 2), f"bands={self.bands}: give [LAST_LOW,LAST_MID] in cycles/image.")
        require(self.batch_size >= 1, f"batch_size={self.batch_size} must be at least 1.")
        require_seed(self.seed)

    @property
    def convention(self) -> str:
        """The name of the convention that these settings amount to, or ``custom``."""
        for name, settings in CONVENTIONS.items():
            if all(getattr(self, key) == value for key, value in settings.items()):
                return name
        return "custom"
