"""A regularizer of the user's own: a penalty of the batch's mean share of sensitivity.

Shape letter: K radial bins.
"""

import torch
from torch import Tensor

from fsens_cli.fourier.bins import RadialBins
from fsens_cli.guest.hook import Hook, load_hook
from fsens_cli.objectives.batch_shares import BatchShares
from fsens_cli.objectives.regularizer import RegularizerSettings
from fsens_cli.objectives.regularizers import REGULARIZERS


def own_regularizer_code(settings: RegularizerSettings) -> dict[str, str]:
    """Return the SHA-256 of the file of the user's regularizer, by its name; nothing for a built-in one."""
    if not settings.is_on or settings.name in REGULARIZERS:
        return {}
    hook = _hook(settings)
    return {f"regularizers.{hook.name}": hook.sha256}


def radii(settings: RegularizerSettings, bins: RadialBins) -> Tensor:
    """Return the radii in cycles per image, (K,), after a trial of the user's function on a flat share.

    Raises:
        ModelError: it cannot be imported, fails, or returns something other than one differentiable number.
    """
    radius_K = bins.cycles_per_image_K.float()
    share_K = torch.full_like(radius_K, 1 / len(radius_K)).requires_grad_()
    hook = _hook(settings)
    with torch.enable_grad():
        value = _checked(hook, hook(share_K, radius_K))
        (grad,) = torch.autograd.grad(value, share_K, allow_unused=True)
    if grad is None or not bool(grad.isfinite().all()):
        raise hook.refuse("returned what has no finite derivative by share")
    return radius_K


def penalty_of(shares: BatchShares, radius_K: Tensor, settings: RegularizerSettings) -> Tensor:
    """Return the user's penalty of the mean share of the whole batch; 0 where no image takes part."""
    hook = _hook(settings)
    mean_K = shares.mean_K()
    # A batch without a usable image has no shares to penalise: a flat one has no derivative to pass on.
    used_K = torch.where(shares.any_used > 0, mean_K, torch.full_like(mean_K, 1 / len(mean_K)))
    return _checked(hook, hook(used_K, radius_K)) * shares.any_used


def _hook(settings: RegularizerSettings) -> Hook:
    return load_hook("regularizer", settings.name, "regularizers")


def _checked(hook: Hook, value: object) -> Tensor:
    if not isinstance(value, Tensor):
        raise hook.refuse(f"returned {type(value).__name__}")
    if value.shape != () or not value.requires_grad or not value.is_floating_point():
        graph = "" if value.requires_grad else " without a graph"
        raise hook.refuse(f"returned a tensor of shape {tuple(value.shape)}{graph}")
    return value
