"""Settings of the variation of training images."""

from dataclasses import dataclass

from fsens_cli.errors import require, require_one_of

FLIPS = ("auto", "none", "random", "alternating")


@dataclass(kw_only=True)
class AugmentConfig:
    """Random crop after zero padding, and left-right flips.

    Attributes:
        pad: pixels of padding on each side before the random crop; 0 for none.
        flip: ``random`` flips each image with probability one half; ``alternating`` flips every image in every other
            epoch, a random half of them first; ``none``; ``auto`` is ``random`` where a mirror image keeps its class.
    """

    pad: int = 4
    flip: str = "auto"

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(0 <= self.pad <= 64, f"augment.pad={self.pad} must lie in 0..64 pixels.")
        require_one_of("augment.flip", self.flip, FLIPS)

    def resolved(self, *, mirror_keeps_class: bool, title: str) -> "AugmentConfig":
        """Return the settings with ``auto`` decided for a data set.

        Raises:
            ConfigError: flips were asked for, and a mirror image belongs to another class.
        """
        if self.flip == "auto":
            return AugmentConfig(pad=self.pad, flip="random" if mirror_keeps_class else "none")
        require(
            mirror_keeps_class or self.flip == "none",
            f"augment.flip={self.flip}: a mirror image of {title} belongs to another class; give auto or none.",
        )
        return self
