"""Whether an adversarial image is one: a fresh forward pass, the box and the ball decide, whatever an attack claims.

Shape letters: N images, C channels, H, W pixels.
"""

import math

import torch
from torch import Tensor

from fsens_cli.perturb.attacks.goal import Goal, Model, decide

# How far a point may be outside the box and the ball, on the [0, 1] pixel scale.
TOLERANCE = 1e-6


def size_of(delta_NCHW: Tensor, norm: str) -> Tensor:
    """Return the norm of each perturbation in double precision, shape (N,).

    >>> size_of(torch.full((1, 1, 2, 2), 0.5), "l2").item()
    1.0
    """
    flat = delta_NCHW.double().flatten(1)
    return flat.abs().amax(dim=1) if norm == "linf" else flat.norm(dim=1)


def fit(images_NCHW: Tensor, point_NCHW: Tensor, norm: str, eps: float) -> Tensor:
    """Pull points that rounding left just outside the ball and the box back inside, computing in double precision.

    Single precision loses 1e-7 of a length, which at an ``l2`` radius of 10 is more than is allowed. Points further
    than rounding could put them are left where they are, for `verified` to refuse.
    """
    delta = point_NCHW.double() - images_NCHW.double()
    excess = size_of(delta, norm) / eps
    inside = (1 / excess.clamp_min(1.0))[:, None, None, None]
    pulled = (images_NCHW.double() + delta * inside).clamp(0, 1).to(point_NCHW)
    near_N = (excess < 1 + 1e-5) & ((pulled - point_NCHW).flatten(1).abs().amax(dim=1) < 1e-5)
    return torch.where(near_N[:, None, None, None], pulled, point_NCHW)


def verified(
    model: Model,
    images_NCHW: Tensor,
    point_NCHW: Tensor,
    goal: Goal,
    *,
    norm: str,
    eps: float = math.inf,
    eot: int = 1,
) -> tuple[Tensor, Tensor]:
    """Return which points truly are adversarial images, and the size of every perturbation, both of shape (N,)."""
    size_N = size_of(point_NCHW.double() - images_NCHW.double(), norm)
    flat = point_NCHW.flatten(1)
    # A point that is no number fails these comparisons.
    in_box_N = (flat.amin(dim=1) >= -TOLERANCE) & (flat.amax(dim=1) <= 1 + TOLERANCE)
    in_ball_N = size_N <= eps + TOLERANCE
    return goal.reached(decide(model, point_NCHW, eot=eot)) & in_box_N & in_ball_N, size_N
