"""The published averages over the 15 standard corruptions at all severities: mCE, or the plain mean error.

Shape letters: N images, S severities.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from fsens_cli.experiments.evaluate_settings import STANDARD
from fsens_cli.experiments.part_result import PartResult
from fsens_cli.short_repr import ShortRepr
from fsens_cli.statistics.corruption_error import (
    NUM_SEVERITIES,
    ROBUSTBENCH,
    VALIDATION,
    corruption_error_of_each,
    mean_corruption_error,
    mean_error_of_each,
    relative_corruption_error,
    relative_error_of_each,
)
from fsens_cli.statistics.intervals import Interval, mean_intervals

# The size of ImageNet-C, and of the images on which AlexNet's errors were counted.
IMAGENET_C = (224, 224)
# The suite whose images are RobustBench's 5,000.
ROBUSTBENCH_SUITE = "robustbench-imagenet-corruptions"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CorruptionError(ShortRepr):
    """What the 15 corruptions cost on average, with one number an image behind each.

    Attributes:
        mean_error: error rate over the 75 cells, as is usual for the CIFAR sets; of each image, (N,).
        reference: whose errors ``mce`` and ``relative_mce`` are shares of, and on which images.
        mce, relative_mce: errors as shares of AlexNet's, 1 is AlexNet; of each image, (N,). None for other images
            than ImageNet's of 224 x 224 pixels.
    """

    mean_error: Interval
    mean_error_N: Tensor
    reference: str = ""
    mce: Interval | None = None
    mce_N: Tensor | None = None
    relative_mce: Interval | None = None
    relative_mce_N: Tensor | None = None


def corruption_error(
    clean: PartResult, corrupted: Sequence[PartResult], *, is_imagenet: bool, image_size: tuple[int, int], suite: str
) -> CorruptionError | None:
    """Return the averages; None unless all 15 corruptions were asked about at all five severities.

    The suite decides whether AlexNet's errors are those on all of ImageNet's validation images or on RobustBench's.
    """
    wrong_NS = {p.part.conditions[0].probe: (~p.correct_NK).double() for p in corrupted}
    if any(name not in wrong_NS or wrong_NS[name].shape[1] != NUM_SEVERITIES for name in STANDARD):
        return None
    mean_N = mean_error_of_each({name: wrong_NS[name] for name in STANDARD})
    (mean,) = mean_intervals(mean_N[:, None])
    if not is_imagenet or image_size != IMAGENET_C:
        return CorruptionError(mean_error=mean, mean_error_N=mean_N)
    reference = ROBUSTBENCH if suite == ROBUSTBENCH_SUITE else VALIDATION
    mce_N = corruption_error_of_each(wrong_NS, reference)
    clean_wrong_N = (~clean.correct_NK[:, 0]).double()
    relative_N = relative_error_of_each(wrong_NS, clean_wrong_N, reference)
    (mce,), (relative,) = (
        mean_intervals(mce_N[:, None], (0.0, reference.largest)),
        mean_intervals(relative_N[:, None], None),
    )
    # The number itself by the definition, of error rates, which leaves no rounding of so many terms.
    errors = {name: wrong_NS[name].mean(dim=0).tolist() for name in STANDARD}
    mce = replace(mce, value=mean_corruption_error(errors, reference) / 100)
    relative = replace(relative, value=relative_corruption_error(errors, float(clean_wrong_N.mean()), reference) / 100)
    return CorruptionError(
        mean_error=mean,
        mean_error_N=mean_N,
        reference=reference.name,
        mce=mce,
        mce_N=mce_N,
        relative_mce=relative,
        relative_mce_N=relative_N,
    )
