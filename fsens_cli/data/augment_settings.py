"""Settings of the variation of training images."""

from dataclasses import dataclass, replace

from fsens_cli.data.policies import POLICIES
from fsens_cli.errors import require, require_one_of

FLIPS = ("auto", "none", "random", "alternating")
COLOURS = 3


@dataclass(kw_only=True)
class AugmentConfig:
    """Random crop after zero padding, left-right flips, and what is done to whole batches after them.

    Attributes:
        pad: pixels of padding on each side before the random crop; 0 for none.
        flip: ``random`` flips each image with probability one half; ``alternating`` flips every image in every other
            epoch, a random half of them first; ``none``; ``auto`` is ``random`` where a mirror image keeps its class.
        policy: ``none``, or a name of the registry.
        severity: of AugMix's operations, for ``augmix``, ``apr-s``, ``apr-sp``: 3 for 32 x 32 pixels, 1 for 224 x 224.
        overlapping: whether these include colour, contrast, brightness and sharpness, which the benchmark of
            corruptions resembles.
        jsd: weight of the divergence between predictions for several versions; null is the policy's own, 12 for
            ``augmix`` and 0 for ``afa``; 0 leaves the term out.
        strength: mean length of the waves of ``afa``.
        patch_width: side of the square of ``patch-gaussian``, pixels.
        patch_sd: largest standard deviation of its noise, [0, 1] scale.
    """

    pad: int = 4
    flip: str = "auto"
    policy: str = "none"
    severity: float = 3.0
    overlapping: bool = False
    jsd: float | None = None
    strength: float = 5.0
    patch_width: int = 25
    patch_sd: float = 0.1

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(0 <= self.pad <= 64, f"augment.pad={self.pad} must lie in 0..64 pixels.")
        require_one_of("augment.flip", self.flip, FLIPS)
        require_one_of("augment.policy", self.policy, ("none", *POLICIES))
        require(0.1 <= self.severity <= 10, f"augment.severity={self.severity} must lie in 0.1..10.")
        require(self.jsd is None or 0 <= self.jsd < 1e6, f"augment.jsd={self.jsd} must not be negative.")
        require(0 < self.strength < 1e3, f"augment.strength={self.strength} must be positive.")
        require(self.patch_width >= 1, f"augment.patch_width={self.patch_width} must be at least 1 pixel.")
        require(0 < self.patch_sd <= 1, f"augment.patch_sd={self.patch_sd} must lie in (0, 1].")
        takers = ", ".join(name for name, entry in POLICIES.items() if entry.own_jsd is not None)
        has_divergence = self.policy != "none" and POLICIES[self.policy].own_jsd is not None
        require(
            not self.jsd or has_divergence,
            f"augment.jsd={self.jsd} belongs to augment.policy={takers} alone.",
        )

    @property
    def divergence_weight(self) -> float:
        """The weight of the divergence that the policy's loss has."""
        own = None if self.policy == "none" else POLICIES[self.policy].own_jsd
        return (own or 0.0) if self.jsd is None else self.jsd

    @property
    def has_several(self) -> bool:
        """Whether a step is given several versions of its images."""
        if self.policy == "none":
            return False
        entry = POLICIES[self.policy]
        return entry.adds_up or entry.own_norms or self.divergence_weight > 0

    def require_channels(self, channels: int | None, title: str) -> None:
        """Raise ConfigError where an operation needs colours and the images, as far as is known, have none."""
        operates = self.policy != "none" and (POLICIES[self.policy].operates or self.divergence_weight > 0)
        require(
            not (self.overlapping and operates) or channels in (None, COLOURS),
            f"augment.overlapping=true has an operation on colours, and {title} has {channels} channel: leave it out.",
        )

    def resolved(self, *, mirror_keeps_class: bool, title: str) -> "AugmentConfig":
        """Return the settings with ``auto`` decided for a data set.

        Raises:
            ConfigError: flips were asked for, and a mirror image belongs to another class.
        """
        if self.flip == "auto":
            return replace(self, flip="random" if mirror_keeps_class else "none")
        require(
            mirror_keeps_class or self.flip == "none",
            f"augment.flip={self.flip}: a mirror image of {title} belongs to another class; give auto or none.",
        )
        return self
