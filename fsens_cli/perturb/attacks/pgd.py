"""Projected gradient ascent of a fixed radius: FGSM (Goodfellow et al., ICLR 2015) and PGD (Madry et al., ICLR 2018).

Shape letters: N images, S of them still standing, C channels, H, W pixels.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from fsens_cli.perturb.attacks.config import AttackConfig
from fsens_cli.perturb.attacks.goal import Filter, Goal, Model
from fsens_cli.perturb.attacks.gradient import slope
from fsens_cli.perturb.attacks.losses import log_odds
from fsens_cli.perturb.attacks.streams import Streams, start_inside
from fsens_cli.perturb.ball import project, steepest


def first_point(
    images_NCHW: Tensor,
    config: AttackConfig,
    streams: Streams,
    gradient_filter: Filter | None,
    start: Callable[[Tensor, str, float, Streams], Tensor] = start_inside,
) -> Tensor:
    """Return a random point of the ball and the box; with a filter, one whose perturbation went through it."""
    delta = start(images_NCHW, config.norm, config.eps, streams)
    if gradient_filter is not None:
        delta = project(gradient_filter(delta), config.norm, config.eps)
    return (images_NCHW + delta).clamp(0, 1)


def pgd(
    model: Model,
    images_NCHW: Tensor,
    goal: Goal,
    config: AttackConfig,
    streams: Streams,
    gradient_filter: Filter | None = None,
) -> tuple[Tensor, Tensor]:
    """Return one point for each image and which ones the model was seen to fall for, from one start.

    An image leaves the batch at the point at which it falls. The last point of the others has not been looked at.
    """
    step_size = 2.5 * config.eps / config.num_steps
    start = first_point(images_NCHW, config, streams, gradient_filter)
    return _climb_out(model, images_NCHW, start, goal, config, step_size, gradient_filter)


def fgsm(
    model: Model,
    images_NCHW: Tensor,
    goal: Goal,
    config: AttackConfig,
    streams: Streams,
    gradient_filter: Filter | None = None,
) -> tuple[Tensor, Tensor]:
    """Return one step of length ``eps`` from each image; more ``steps`` give each an equal part of ``eps``."""
    return _climb_out(model, images_NCHW, images_NCHW, goal, config, config.eps / config.num_steps, gradient_filter)


def training_adversary(
    model: Model,
    images_NCHW: Tensor,
    label_N: Tensor,
    *,
    norm: str,
    eps: float,
    step_size: float,
    num_steps: int,
    start_NCHW: Tensor,
) -> Tensor:
    """Return images inside the ball and [0, 1] after ``num_steps`` steps of PGD, every image taking all of them.

    ``start_NCHW`` is the perturbation to begin with, such as ``random_start``.
    """
    x = (images_NCHW + start_NCHW).clamp(0, 1)
    for _ in range(num_steps):
        grad = slope(model, x, Goal(label_N), log_odds).grad_NCHW
        x = step_inside(images_NCHW, x, grad, norm, eps, step_size)
    return x


def step_inside(images: Tensor, x: Tensor, grad: Tensor, norm: str, eps: float, step_size: float) -> Tensor:
    """Return the points after one step up the gradient, inside the ball around the images and [0, 1]."""
    delta = project(x - images + step_size * steepest(grad, norm), norm, eps)
    return (images + delta).clamp(0, 1)


def _climb_out(
    model: Model,
    images_NCHW: Tensor,
    start_NCHW: Tensor,
    goal: Goal,
    config: AttackConfig,
    step_size: float,
    gradient_filter: Filter | None,
) -> tuple[Tensor, Tensor]:
    point_NCHW = images_NCHW.clone()
    claimed_N = torch.zeros(len(images_NCHW), dtype=torch.bool, device=images_NCHW.device)
    row_S = torch.arange(len(images_NCHW), device=images_NCHW.device)
    images, x = images_NCHW, start_NCHW
    for _ in range(config.num_steps):
        here = slope(model, x, goal, log_odds, eot=config.eot, gradient_filter=gradient_filter)
        grad = here.grad_NCHW
        fell_S = goal.reached(here.logits_NL)
        # The one wait for the device in a step.
        if bool(fell_S.any()):
            point_NCHW[row_S[fell_S]] = x[fell_S]
            claimed_N[row_S[fell_S]] = True
            stand_S = ~fell_S
            row_S, images, x, grad, goal = row_S[stand_S], images[stand_S], x[stand_S], grad[stand_S], goal[stand_S]
            if len(row_S) == 0:
                return point_NCHW, claimed_N
        x = step_inside(images, x, grad, config.norm, config.eps, step_size)
    point_NCHW[row_S] = x
    return point_NCHW, claimed_N
