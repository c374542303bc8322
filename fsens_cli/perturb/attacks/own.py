"""An attack of the user's own: what it returns is checked like any other claim.

Shape letters: N images, C channels, H, W pixels.
"""

import torch
from torch import Tensor

from fsens_cli.guest.hook import Hook, load_hook
from fsens_cli.perturb.attacks.config import AttackConfig
from fsens_cli.perturb.attacks.goal import Filter, Goal, Model, decide
from fsens_cli.perturb.attacks.streams import Streams


def own_attack(
    model: Model, images: Tensor, goal: Goal, config: AttackConfig, streams: Streams, gradient_filter: Filter | None
) -> tuple[Tensor, Tensor]:
    """Return where the user's attack leaves each image, and where the model then fails.

    Raises:
        ModelError: it fails, or returns something other than images of this shape without NaN.
    """
    del gradient_filter  # for attacks that are ours
    hook = load_hook("suite.attacks", config.name, "attacks")
    generator = torch.Generator().manual_seed(streams.seed_N[0] & 0xFFFFFFFF)
    with torch.enable_grad():
        found = hook(model, images.clone(), goal.label_N.clone(), config.eps, config.norm, generator)
    point = returned_images(hook, found, images)
    return point, goal.reached(decide(model, point, eot=config.eot))


def returned_images(hook: Hook, found: object, images: Tensor) -> Tensor:
    """Return the images that an attack gave back, without a graph.

    Raises:
        ModelError: they are none of this shape, or not numbers.
    """
    if not isinstance(found, Tensor):
        raise hook.refuse(f"returned {type(found).__name__}")
    if found.shape != images.shape or not found.is_floating_point():
        kind = str(found.dtype).removeprefix("torch.")
        raise hook.refuse(f"returned {kind} of shape {tuple(found.shape)} for images of {tuple(images.shape)}")
    if not bool(found.isfinite().all()):
        raise hook.refuse("returned images with NaN or infinite values")
    return found.detach().to(images)
