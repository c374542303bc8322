"""The settings of a regularizer that compares a network's representations of pairs of images with a target."""

from dataclasses import dataclass, field

from fsens_cli.errors import require, require_one_of

TRANSFORMS = ("artanh", "code", "none")
PASSES = ("separate", "joint")
TARGETS = ("pixel", "pixel-raw", "gabor", "gabor-low", "gabor-high", "file", "zero", "class", "untrained")
CONTROLS = ("none", "permuted", "shuffled")
PAIRS = ("all", "strong", "weak", "similar", "opposite")
FEWEST, MOST = 32, 20_000


@dataclass(kw_only=True)
class SimilaritySettings:
    """Which similarity is asked for, of which pairs, and how the two are compared.

    Attributes:
        towards: the target: ``pixel`` (thresholded, published), ``pixel-raw``, ``gabor`` (its lowest or highest
            frequency alone: ``gabor-low``, ``gabor-high``), ``file``, or a control: ``zero``, ``class`` (1 for one
            class), ``untrained`` (features of an untrained network).
        control: ``permuted`` gives each image another one's row and column, ``shuffled`` each pair another one's value.
        threshold: of ``pixel`` and of the choice of pairs.
        transform: the scale of the comparison: ``artanh`` (published), ``code`` (that of the released code, four times
            the penalty) or ``none``.
        taps: modules of the network that are compared; empty takes its stem and stages.
        passes: ``separate`` passes for the left and the right images of the pairs (published) or one ``joint`` pass.
        pairs: ``all``, or by the target before its threshold: ``strong`` or ``weak`` in magnitude, ``similar`` or
            ``opposite``.
        pair_batch: pairs a step.
        num_images: at most so many images make the pairs.
        data: the images of the pairs: empty for the training images, or the name of a data set.
        root: of that data set.
    """

    towards: str = "pixel"
    control: str = "none"
    threshold: float = 0.8
    transform: str = "artanh"
    taps: list[str] = field(default_factory=list)
    passes: str = "separate"
    pairs: str = "all"
    pair_batch: int = 16
    num_images: int = 5000
    data: str = ""
    root: str = ""

    def check_similarity_settings(self) -> None:
        """Check names and ranges."""
        require_one_of("regularizer.towards", self.towards, TARGETS)
        require_one_of("regularizer.control", self.control, CONTROLS)
        require_one_of("regularizer.transform", self.transform, TRANSFORMS)
        require_one_of("regularizer.passes", self.passes, PASSES)
        require_one_of("regularizer.pairs", self.pairs, PAIRS)
        require(0 <= self.threshold < 1, f"regularizer.threshold={self.threshold} must lie in [0, 1).")
        require(self.pair_batch >= 2, f"regularizer.pair_batch={self.pair_batch} must be at least 2 pairs.")
        require(
            FEWEST <= self.num_images <= MOST,
            f"regularizer.num_images={self.num_images} must lie in {FEWEST}..{MOST}: a target holds every pair.",
        )
        require(len(set(self.taps)) == len(self.taps), f"regularizer.taps={self.taps} names a module twice.")
        require(
            self.towards != "file" or not self.data,
            f"regularizer.data={self.data}: regularizer.towards=file has images of its own; leave it out.",
        )
