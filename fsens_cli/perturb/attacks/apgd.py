"""Auto-PGD: gradient ascent that sets its own step size (Croce & Hein, ICML 2020, Algorithm 1).

Shape letters: N images, S of them still standing, C channels, H, W pixels.
"""

import math

import torch
from torch import Tensor

from fsens_cli.perturb.attacks.config import AttackConfig
from fsens_cli.perturb.attacks.goal import Filter, Goal, Model
from fsens_cli.perturb.attacks.gradient import Loss, slope
from fsens_cli.perturb.attacks.pgd import first_point
from fsens_cli.perturb.attacks.streams import Streams, start_at_edge
from fsens_cli.perturb.ball import project, steepest

# The constants of section 3 of the paper: share of the new step, share of rising steps asked for.
ALPHA = 0.75
RHO = 0.75


def checkpoints(num_steps: int) -> list[int]:
    """Return the steps at which the step size may be halved: p_0 = 0, p_1 = .22, then .03 closer each, at least .06.

    >>> checkpoints(100)[:5]
    [0, 22, 41, 57, 70]
    """
    shares = [0.0, 0.22]
    while shares[-1] < 1:
        shares.append(shares[-1] + max(shares[-1] - shares[-2] - 0.03, 0.06))
    # Rounded first: .22 + .19 + .16 is a little more than .57, which would move a checkpoint by one step.
    steps = (math.ceil(round(share * num_steps, 9)) for share in shares)
    return sorted({step for step in steps if step <= num_steps})


def apgd(
    model: Model,
    images_NCHW: Tensor,
    goal: Goal,
    loss: Loss,
    config: AttackConfig,
    streams: Streams,
    gradient_filter: Filter | None = None,
) -> tuple[Tensor, Tensor]:
    """Return one point for each image and which ones the model was seen to fall for, from one start.

    An image leaves the batch at the point at which it falls. The others end at the last point, which has not been
    looked at, while that of the largest loss is known not to do.
    """
    norm, eps = config.norm, config.eps
    point_NCHW = images_NCHW.clone()
    claimed_N = torch.zeros(len(images_NCHW), dtype=torch.bool, device=images_NCHW.device)
    row = torch.arange(len(images_NCHW), device=images_NCHW.device)
    images = images_NCHW
    x = before = first_point(images_NCHW, config, streams, gradient_filter, start_at_edge)
    best, best_grad = x, torch.zeros_like(x)
    step = x.new_full((len(x), 1, 1, 1), 2 * eps)
    best_value = x.new_full((len(x),), -math.inf)
    last_value, mark_value = best_value, best_value
    rises = torch.zeros_like(best_value)
    # Whether the step was halved at the last checkpoint: then it may not be halved again for lack of progress alone.
    halved = torch.ones_like(claimed_N)
    marks = checkpoints(config.num_steps)
    last_mark = 0
    for k in range(config.num_steps):
        here = slope(model, x, goal, loss, eot=config.eot, gradient_filter=gradient_filter)
        grad, value = here.grad_NCHW, here.value_N.to(best_value)
        fell = goal.reached(here.logits_NL)
        # The one wait for the device in a step.
        if bool(fell.any()):
            point_NCHW[row[fell]] = x[fell]
            claimed_N[row[fell]] = True
            stand = ~fell
            row, images, x, before, best, best_grad, step = (
                t[stand] for t in (row, images, x, before, best, best_grad, step)
            )
            grad, value, best_value, last_value, mark_value, rises, halved = (
                t[stand] for t in (grad, value, best_value, last_value, mark_value, rises, halved)
            )
            goal = goal[stand]
            if len(row) == 0:
                return point_NCHW, claimed_N
        better = value > best_value
        pick = better[:, None, None, None]
        best, best_grad = torch.where(pick, x, best), torch.where(pick, grad, best_grad)
        best_value = torch.where(better, value, best_value)
        if k > 0:
            rises = rises + (value > last_value)
        last_value = value
        if k in marks and k > 0:
            stalled = rises <= RHO * (k - last_mark)
            stuck = ~halved & (best_value <= mark_value)
            halved = stalled | stuck
            back = halved[:, None, None, None]
            step = torch.where(back, step / 2, step)
            x, grad = torch.where(back, best, x), torch.where(back, best_grad, grad)
            mark_value, last_mark = best_value, k
            rises = torch.zeros_like(rises)
        ahead = project(x - images + step * steepest(grad, norm), norm, eps)
        if k > 0:
            # x_{k+1} = P(x_k + alpha (z - x_k) + (1 - alpha) (x_k - x_{k-1})), with z inside the box too.
            z = (images + ahead).clamp(0, 1)
            ahead = project(x + ALPHA * (z - x) + (1 - ALPHA) * (x - before) - images, norm, eps)
        before, x = x, (images + ahead).clamp(0, 1)
    point_NCHW[row] = x
    return point_NCHW, claimed_N
