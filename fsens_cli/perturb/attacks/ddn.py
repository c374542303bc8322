"""DDN: the direction follows the gradient, the length shrinks or grows (Rony et al., CVPR 2019, Algorithm 1).

Shape letters: N images, C channels, H, W pixels.
"""

import math

import torch
from torch import Tensor

from fsens_cli.perturb.attacks.config import AttackConfig
from fsens_cli.perturb.attacks.goal import Goal, Model
from fsens_cli.perturb.attacks.gradient import slope
from fsens_cli.perturb.attacks.losses import log_odds
from fsens_cli.perturb.attacks.streams import Streams
from fsens_cli.perturb.ball import steepest

FIRST_LENGTH = 1.0
GAMMA = 0.05
FIRST_STEP, LAST_STEP = 1.0, 0.01


def ddn(
    model: Model,
    images_NCHW: Tensor,
    goal: Goal,
    config: AttackConfig,
    streams: Streams | None = None,
    *,
    start_NCHW: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the smallest ``l2`` adversarial image seen of each, and for which there was one.

    Every image takes all the steps. ``start_NCHW`` is a first perturbation; without one it is 0.
    """
    del streams  # the start is given
    num_images = len(images_NCHW)
    delta = torch.zeros_like(images_NCHW) if start_NCHW is None else start_NCHW
    length_N = images_NCHW.new_full((num_images,), FIRST_LENGTH)
    best_N = images_NCHW.new_full((num_images,), math.inf)
    best = images_NCHW.clone()
    for k in range(config.num_steps):
        step = LAST_STEP + (FIRST_STEP - LAST_STEP) * (1 + math.cos(math.pi * k / config.num_steps)) / 2
        x = (images_NCHW + delta).clamp(0, 1)
        here = slope(model, x, goal, log_odds, eot=config.eot)
        fell_N = goal.reached(here.logits_NL)
        size_N = (x - images_NCHW).flatten(1).norm(dim=1)
        smaller_N = fell_N & (size_N < best_N)
        best_N = torch.where(smaller_N, size_N, best_N)
        best = torch.where(smaller_N[:, None, None, None], x, best)
        delta = x - images_NCHW + step * steepest(here.grad_NCHW, "l2")
        length_N = length_N * torch.where(fell_N, 1 - GAMMA, 1 + GAMMA)
        delta = length_N[:, None, None, None] * steepest(delta, "l2")
    return best, best_N.isfinite()
