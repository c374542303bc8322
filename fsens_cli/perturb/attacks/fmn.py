"""FMN: a ball that closes in on the class boundary while the point moves in it (Pintor et al., NeurIPS 2021, Alg. 1).

Shape letters: N images, C channels, H, W pixels.
"""

import math

import torch
from torch import Tensor

from fsens_cli.perturb.attacks.config import AttackConfig
from fsens_cli.perturb.attacks.goal import Goal, Model
from fsens_cli.perturb.attacks.gradient import slope
from fsens_cli.perturb.attacks.losses import margin
from fsens_cli.perturb.attacks.streams import Streams
from fsens_cli.perturb.ball import steepest

FIRST_GAMMA, LAST_GAMMA = 0.05, 0.001
FIRST_STEP, LAST_STEP = 1.0, 0.01


def fmn(
    model: Model,
    images_NCHW: Tensor,
    goal: Goal,
    config: AttackConfig,
    streams: Streams | None = None,
    *,
    start_NCHW: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the smallest adversarial image seen of each, and for which there was one.

    Before anything is found the radius is the linear estimate ||delta||_p + |margin| / ||gradient||_q; afterwards it
    shrinks at an adversarial point and grows elsewhere, by a factor that goes to 1. Every image takes all the steps.
    """
    del streams  # the start is given
    linf = config.norm == "linf"
    delta = torch.zeros_like(images_NCHW) if start_NCHW is None else start_NCHW
    delta = (images_NCHW + delta).clamp(0, 1) - images_NCHW
    widest_N = _size(torch.maximum(images_NCHW, 1 - images_NCHW), linf)
    radius_N = torch.full_like(widest_N, math.inf)
    best_N = torch.full_like(widest_N, math.inf)
    best = images_NCHW.clone()
    for k in range(config.num_steps):
        cosine = (1 + math.cos(math.pi * k / config.num_steps)) / 2
        step = LAST_STEP + (FIRST_STEP - LAST_STEP) * cosine
        gamma = LAST_GAMMA + (FIRST_GAMMA - LAST_GAMMA) * cosine
        x = images_NCHW + delta
        here = slope(model, x, goal, margin, eot=config.eot)
        fell_N = goal.reached(here.logits_NL)
        size_N = _size(delta, linf)
        smaller_N = fell_N & (size_N < best_N)
        best_N = torch.where(smaller_N, size_N, best_N)
        best = torch.where(smaller_N[:, None, None, None], x, best)
        flat = here.grad_NCHW.flatten(1)
        dual_N = (flat.abs().sum(dim=1) if linf else flat.norm(dim=1)).clamp_min(1e-12)
        # Just beyond the estimate: where the model is linear it is exact, and a point on the boundary has not crossed.
        estimate_N = (size_N + here.value_N.to(size_N).nan_to_num(nan=0.0).abs() / dual_N) * (1 + LAST_GAMMA)
        outside_N = torch.where(best_N.isfinite(), radius_N * (1 + gamma), estimate_N)
        radius_N = torch.where(fell_N, torch.minimum(radius_N * (1 - gamma), best_N), outside_N)
        radius_N = torch.minimum(radius_N, widest_N)
        delta = _inside(delta + step * steepest(here.grad_NCHW, "l2"), radius_N, linf)
        delta = (images_NCHW + delta).clamp(0, 1) - images_NCHW
    return best, best_N.isfinite()


def _size(delta_NCHW: Tensor, linf: bool) -> Tensor:
    flat = delta_NCHW.flatten(1)
    return flat.abs().amax(dim=1) if linf else flat.norm(dim=1)


def _inside(delta_NCHW: Tensor, radius_N: Tensor, linf: bool) -> Tensor:
    radius = radius_N[:, None, None, None]
    if linf:
        return torch.minimum(torch.maximum(delta_NCHW, -radius), radius)
    return delta_NCHW * (radius / _size(delta_NCHW, linf=False).clamp_min(1e-30)[:, None, None, None]).clamp_max(1.0)
