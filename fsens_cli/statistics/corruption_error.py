"""Mean corruption error (Hendrycks and Dietterich 2019): errors on corrupted images as shares of AlexNet's.

CE of a corruption is the sum of the error rates over severities 1 to 5, divided by AlexNet's; the relative CE takes the
clean error off each first. mCE is the mean over the 15 standard corruptions. Both in percent. They are defined for
ImageNet-C alone; for the CIFAR sets the plain mean of the error rates is usual.

Both are means over images, so each image has its own. Shape letters: N images, S severities.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from fsens_cli.errors import ConfigError

NUM_SEVERITIES = 5

# AlexNet's error rate on the 50,000 validation images, mean over severities: google-research/augmix, imagenet.py.
ALEXNET = {
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
}
# Its error rate on the same images as they are: torchvision's weights.
ALEXNET_CLEAN = 0.43478
# The mCE, as a share, of a model that is never right.
LARGEST = sum(1 / error for error in ALEXNET.values()) / len(ALEXNET)


def mean_corruption_error(errors: Mapping[str, Sequence[float]]) -> float:
    """Return mCE in percent.

    Args:
        errors: error rates at severities 1 to 5 for each of the 15 corruptions.

    Raises:
        ConfigError: a corruption or a severity is missing.

    >>> mean_corruption_error({name: [error] * 5 for name, error in ALEXNET.items()})
    100.0
    """
    _require_all(errors)
    return 100 * sum(_mean(errors[name]) / alexnet for name, alexnet in ALEXNET.items()) / len(ALEXNET)


def relative_corruption_error(errors: Mapping[str, Sequence[float]], clean: float) -> float:
    """Return the relative mCE in percent: how much more is lost to corruption than AlexNet loses.

    >>> round(relative_corruption_error({name: [error] * 5 for name, error in ALEXNET.items()}, ALEXNET_CLEAN), 9)
    100.0
    """
    _require_all(errors)
    ratios = [(_mean(errors[name]) - clean) / (alexnet - ALEXNET_CLEAN) for name, alexnet in ALEXNET.items()]
    return 100 * sum(ratios) / len(ratios)


def mean_error_of_each(wrong_NS: Mapping[str, Tensor]) -> Tensor:
    """Return the mean of what each image cost under all corruptions, (N,); their mean is the plain mean error rate.

    Args:
        wrong_NS: 1 where the model is wrong, by corruption.
    """
    return torch.stack([wrong.double().mean(dim=1) for wrong in wrong_NS.values()]).mean(dim=0)


def corruption_error_of_each(wrong_NS: Mapping[str, Tensor]) -> Tensor:
    """Return what each image adds to mCE, as a share and not in percent, (N,): their mean is mCE.

    Args:
        wrong_NS: 1 where the model is wrong, at severities 1 to 5, of each of the 15 corruptions.
    """
    return torch.stack([wrong_NS[name].double().mean(dim=1) / error for name, error in ALEXNET.items()]).mean(dim=0)


def relative_error_of_each(wrong_NS: Mapping[str, Tensor], clean_wrong_N: Tensor) -> Tensor:
    """Return the same for the relative mCE; ``clean_wrong_N`` is 1 where the clean image is misclassified."""
    lost = [
        (wrong_NS[name].double().mean(dim=1) - clean_wrong_N) / (error - ALEXNET_CLEAN)
        for name, error in ALEXNET.items()
    ]
    return torch.stack(lost).mean(dim=0)


def _mean(errors: Sequence[float]) -> float:
    return sum(errors) / len(errors)


def _require_all(errors: Mapping[str, Sequence[float]]) -> None:
    missing = [name for name in ALEXNET if len(errors.get(name, ())) != NUM_SEVERITIES]
    if missing:
        raise ConfigError(
            f"mCE is over 15 corruptions at all {NUM_SEVERITIES} severities, {missing[0]} has "
            f"{len(errors.get(missing[0], ()))}: give suite.corruptions=[standard] suite.severities=[1,2,3,4,5]."
        )
