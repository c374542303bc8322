"""Which small change of an image raises the loss most? Projected gradient ascent (Madry et al., ICLR 2018).

Shape letters: N images, L classes, C channels, H, W pixels. Sizes are on the [0, 1] pixel scale.
"""

from collections.abc import Callable

import torch
from torch import Tensor

NORMS = ("linf", "l2")


def project(delta_NCHW: Tensor, norm: str, eps: float) -> Tensor:
    """Return the nearest perturbation inside the ball of radius ``eps`` in the ``linf`` or ``l2`` norm."""
    if norm == "linf":
        return delta_NCHW.clamp(-eps, eps)
    size = delta_NCHW.flatten(1).norm(dim=1).clamp_min(1e-30)
    return delta_NCHW * (eps / size).clamp_max(1.0)[:, None, None, None]


def steepest(grad_NCHW: Tensor, norm: str) -> Tensor:
    """Return the unit step that raises a linear function most: the sign (``linf``) or the direction (``l2``)."""
    if norm == "linf":
        return grad_NCHW.sign()
    size = grad_NCHW.flatten(1).norm(dim=1).clamp_min(1e-30)
    return grad_NCHW / size[:, None, None, None]


def random_start(images_NCHW: Tensor, norm: str, eps: float, generator: torch.Generator) -> Tensor:
    """Return a random perturbation inside the ball: uniform for ``linf``; random direction and length for ``l2``."""
    if norm == "linf":
        uniform = torch.rand(images_NCHW.shape, generator=generator).to(images_NCHW)
        return (2 * uniform - 1) * eps
    direction = steepest(torch.randn(images_NCHW.shape, generator=generator).to(images_NCHW), norm)
    length = torch.rand(len(images_NCHW), generator=generator).to(images_NCHW)
    return direction * (eps * length)[:, None, None, None]


def projected_gradient_attack(
    model: Callable[[Tensor], Tensor],
    images_NCHW: Tensor,
    label_N: Tensor,
    *,
    norm: str,
    eps: float,
    step_size: float,
    num_steps: int,
    start_NCHW: Tensor,
) -> Tensor:
    """Return images inside the ball and [0, 1] after ``num_steps`` steps up the cross-entropy.

    ``start_NCHW`` is the perturbation to begin with, such as ``random_start``.
    """
    delta = start_NCHW
    for _ in range(num_steps):
        moved = (images_NCHW + delta).clamp(0, 1).detach().requires_grad_()
        with torch.enable_grad():
            loss = torch.nn.functional.cross_entropy(model(moved), label_N, reduction="sum")
        (grad,) = torch.autograd.grad(loss, moved)
        delta = project(moved.detach() - images_NCHW + step_size * steepest(grad, norm), norm, eps)
    return (images_NCHW + delta).clamp(0, 1).detach()
