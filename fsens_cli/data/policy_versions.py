"""What each augmentation policy makes of a batch in [0, 1].

Shape letters: N images, C channels, H, W pixels.
"""

import torch
from torch import Tensor

from fsens_cli.data.augment_settings import AugmentConfig
from fsens_cli.data.augmix import augmix
from fsens_cli.data.frequency_mixing import added_waves, apr_pair, apr_single, patch_gaussian
from fsens_cli.data.policies import POLICIES


def policy_versions(images_NCHW: Tensor, settings: AugmentConfig, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Return what a step is given of a batch; the images as they are without a policy."""
    if settings.policy == "none":
        return (images_NCHW,)
    return POLICIES[settings.policy].versions(images_NCHW, settings, generator)


def mixed(images_NCHW: Tensor, settings: AugmentConfig, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Return the images and two AugMix versions, or one AugMix version where there is no divergence."""
    if settings.divergence_weight == 0:
        return (_augmix(images_NCHW, settings, generator),)
    return images_NCHW, *(_augmix(images_NCHW, settings, generator) for _ in range(2))


def apr_p(images_NCHW: Tensor, _: AugmentConfig, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Return the images, and their phases with the amplitudes of others."""
    return images_NCHW, apr_pair(images_NCHW, generator)


def apr_s(images_NCHW: Tensor, settings: AugmentConfig, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Return the images recombined with other versions of themselves."""
    return (apr_single(images_NCHW, generator, severity=settings.severity, overlapping=settings.overlapping),)


def apr_sp(images_NCHW: Tensor, settings: AugmentConfig, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Return the images recombined with themselves, and these with the amplitudes of others."""
    (single,) = apr_s(images_NCHW, settings, generator)
    return single, apr_pair(single, generator)


def waves(images_NCHW: Tensor, settings: AugmentConfig, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Return the images and those with waves; between them an AugMix version where there is a divergence."""
    added = added_waves(images_NCHW, generator, strength=settings.strength)
    if settings.divergence_weight == 0:
        return images_NCHW, added
    return images_NCHW, _augmix(images_NCHW, settings, generator), added


def patch(images_NCHW: Tensor, settings: AugmentConfig, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Return the images with noise in a square."""
    return (patch_gaussian(images_NCHW, generator, width=settings.patch_width, largest_sd=settings.patch_sd),)


def _augmix(images: Tensor, settings: AugmentConfig, generator: torch.Generator) -> Tensor:
    return augmix(images, generator, severity=settings.severity, overlapping=settings.overlapping)
