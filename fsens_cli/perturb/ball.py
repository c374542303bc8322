"""Balls around an image in two norms: projection, steepest steps, random points inside.

Shape letters: N images, C channels, H, W pixels. Sizes are on the [0, 1] pixel scale.
"""

import torch
from torch import Tensor


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
