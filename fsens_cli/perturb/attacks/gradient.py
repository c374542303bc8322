"""Logits, loss and input gradient at a point, from one forward and one backward pass.

Shape letters: N images, L classes, C channels, H, W pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.errors import ModelError
from fsens_cli.perturb.attacks.goal import Filter, Goal, Model

Loss = Callable[[Tensor, Goal], Tensor]


@dataclass(frozen=True, slots=True)
class Slope:
    """What one look at a point gives: logits, loss, and the loss's gradient by the image."""

    logits_NL: Tensor
    value_N: Tensor
    grad_NCHW: Tensor


def slope(
    model: Model, images_NCHW: Tensor, goal: Goal, loss: Loss, *, eot: int = 1, gradient_filter: Filter | None = None
) -> Slope:
    """Return the loss and its gradient; with ``eot`` the means over so many passes (Athalye et al., ICML 2018).

    A gradient that is no number counts as 0, so that one overflowing pixel does not spoil an image.

    Raises:
        ModelError: the output has no gradient.
    """
    found = _once(model, images_NCHW, goal, loss)
    for _ in range(eot - 1):
        again = _once(model, images_NCHW, goal, loss)
        found = Slope(
            found.logits_NL + again.logits_NL, found.value_N + again.value_N, found.grad_NCHW + again.grad_NCHW
        )
    if eot > 1:
        found = Slope(found.logits_NL / eot, found.value_N / eot, found.grad_NCHW / eot)
    goal.see_gradient(found.grad_NCHW)
    grad = found.grad_NCHW.nan_to_num_(nan=0.0, posinf=0.0, neginf=0.0)
    return found if gradient_filter is None else Slope(found.logits_NL, found.value_N, gradient_filter(grad))


def _once(model: Model, images_NCHW: Tensor, goal: Goal, loss: Loss) -> Slope:
    images = images_NCHW.detach().requires_grad_()
    with torch.enable_grad():
        logits = model(images)
        require_gradient(logits)
        value = loss(logits, goal)
    (grad,) = torch.autograd.grad(value.sum(), images, materialize_grads=True)
    return Slope(logits.detach(), value.detach(), grad)


def require_gradient(logits_NL: Tensor) -> None:
    """Raise ModelError unless the logits hang on something that has a gradient."""
    if not logits_NL.requires_grad:
        raise ModelError("the model's output has no gradient by its input: only attack=square needs none.")
