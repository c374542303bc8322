"""Mean corruption error (Hendrycks and Dietterich 2019): errors on corrupted images as shares of AlexNet's.

CE of a corruption is the sum of the error rates over severities 1 to 5, divided by AlexNet's; the relative CE takes the
clean error off each first. mCE is the mean over the 15 standard corruptions. Both in percent. They are defined for
ImageNet-C alone; for the CIFAR sets the plain mean of the error rates is usual.

Both are means over images, so each image has its own. Shape letters: N images, S severities.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.errors import ConfigError

NUM_SEVERITIES = 5


@dataclass(frozen=True, slots=True)
class Reference:
    """Error rates of AlexNet (torchvision's weights) that others are divided by.

    Attributes:
        name: over which images, in words.
        errors: of each corruption, mean over severities.
        clean: on the same images as they are.
    """

    name: str
    errors: Mapping[str, float]
    clean: float

    @property
    def largest(self) -> float:
        """The mCE, as a share, of a model that is never right."""
        return sum(1 / error for error in self.errors.values()) / len(self.errors)


# google-research/augmix, imagenet.py.
VALIDATION = Reference(
    "AlexNet on the 50,000 images",
    {
        "gaussian_noise": 0.886428,
        "shot_noise": 0.894468,
        "impulse_noise": 0.922640,
        "defocus_blur": 0.819880,
        "glass_blur": 0.826268,
        "motion_blur": 0.785948,
        "zoom_blur": 0.798360,
        "snow": 0.866816,
        "frost": 0.826572,
        "fog": 0.819324,
        "brightness": 0.564592,
        "contrast": 0.853204,
        "elastic_transform": 0.646056,
        "pixelate": 0.717840,
        "jpeg_compression": 0.606500,
    },
    0.43478,
)
# RobustBench/robustbench at 78fcc9e, model_info/imagenet/corruptions: unaggregated_results.csv and AlexNet.json.
ROBUSTBENCH = Reference(
    "AlexNet on RobustBench's 5,000 images",
    {
        "gaussian_noise": 0.88160,
        "shot_noise": 0.88832,
        "impulse_noise": 0.91724,
        "defocus_blur": 0.82204,
        "glass_blur": 0.83080,
        "motion_blur": 0.78724,
        "zoom_blur": 0.79572,
        "snow": 0.86800,
        "frost": 0.83148,
        "fog": 0.82364,
        "brightness": 0.55848,
        "contrast": 0.85432,
        "elastic_transform": 0.64804,
        "pixelate": 0.71856,
        "jpeg_compression": 0.60680,
    },
    0.4376,
)


def mean_corruption_error(errors: Mapping[str, Sequence[float]], reference: Reference = VALIDATION) -> float:
    """Return mCE in percent.

    Args:
        errors: error rates at severities 1 to 5 for each of the 15 corruptions.
        reference: what they are divided by.

    Raises:
        ConfigError: a corruption or a severity is missing.

    >>> mean_corruption_error({name: [error] * 5 for name, error in VALIDATION.errors.items()})
    100.0
    """
    _require_all(errors)
    return 100 * _mean([_mean(errors[name]) / alexnet for name, alexnet in reference.errors.items()])


def relative_corruption_error(
    errors: Mapping[str, Sequence[float]], clean: float, reference: Reference = VALIDATION
) -> float:
    """Return the relative mCE in percent: how much more is lost to corruption than AlexNet loses.

    >>> errors = {name: [error] * 5 for name, error in VALIDATION.errors.items()}
    >>> round(relative_corruption_error(errors, VALIDATION.clean), 9)
    100.0
    """
    _require_all(errors)
    ratios = [(_mean(errors[name]) - clean) / (alexnet - reference.clean) for name, alexnet in reference.errors.items()]
    return 100 * _mean(ratios)


def mean_error_of_each(wrong_NS: Mapping[str, Tensor]) -> Tensor:
    """Return the mean of what each image cost under all corruptions, (N,); their mean is the plain mean error rate.

    Args:
        wrong_NS: 1 where the model is wrong, by corruption.
    """
    return torch.stack([wrong.double().mean(dim=1) for wrong in wrong_NS.values()]).mean(dim=0)


def corruption_error_of_each(wrong_NS: Mapping[str, Tensor], reference: Reference = VALIDATION) -> Tensor:
    """Return what each image adds to mCE, as a share and not in percent, (N,): their mean is mCE.

    Args:
        wrong_NS: 1 where the model is wrong, at severities 1 to 5, of each of the 15 corruptions.
        reference: what they are divided by.
    """
    shares = [wrong_NS[name].double().mean(dim=1) / error for name, error in reference.errors.items()]
    return torch.stack(shares).mean(dim=0)


def relative_error_of_each(
    wrong_NS: Mapping[str, Tensor], clean_wrong_N: Tensor, reference: Reference = VALIDATION
) -> Tensor:
    """Return the same for the relative mCE; ``clean_wrong_N`` is 1 where the clean image is misclassified."""
    lost = [
        (wrong_NS[name].double().mean(dim=1) - clean_wrong_N) / (error - reference.clean)
        for name, error in reference.errors.items()
    ]
    return torch.stack(lost).mean(dim=0)


def _mean(errors: Sequence[float]) -> float:
    return sum(errors) / len(errors)


def _require_all(errors: Mapping[str, Sequence[float]]) -> None:
    missing = [name for name in VALIDATION.errors if len(errors.get(name, ())) != NUM_SEVERITIES]
    if missing:
        raise ConfigError(
            f"mCE is over 15 corruptions at all {NUM_SEVERITIES} severities, {missing[0]} has "
            f"{len(errors.get(missing[0], ()))}: give suite.corruptions=[standard] suite.severities=[1,2,3,4,5]."
        )
