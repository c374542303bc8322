"""Auto-PGD: gradient ascent that sets its own step size (Croce & Hein, ICML 2020, Algorithm 1).

Shape letters: N images, S of them still standing, C channels, H, W pixels.
"""

import math
from dataclasses import dataclass, fields
from typing import Self

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


@dataclass(slots=True)
class _Ascent:
    """Where the search stands, for each image that is still in it.

    Attributes:
        row_S: of the image in its batch.
        images, x, before: the image, the point and the one before it.
        best, best_grad, best_value: the point of the largest loss so far, with its gradient.
        last_value, mark_value: the loss one step ago, and the largest one at the last checkpoint.
        rises: steps since then in which the loss rose.
        step: how far the next step goes.
        halved: whether the step was halved at the last checkpoint: then it may not be halved again for lack of progress
            alone.
    """

    row_S: Tensor
    images: Tensor
    x: Tensor
    before: Tensor
    best: Tensor
    best_grad: Tensor
    best_value: Tensor
    last_value: Tensor
    mark_value: Tensor
    rises: Tensor
    step: Tensor
    halved: Tensor

    @classmethod
    def at(cls, images: Tensor, x: Tensor, eps: float) -> Self:
        """Return it before the first step from ``x``."""
        lowest = x.new_full((len(x),), -math.inf)
        return cls(
            row_S=torch.arange(len(x), device=x.device),
            images=images,
            x=x,
            before=x,
            best=x,
            best_grad=torch.zeros_like(x),
            best_value=lowest,
            last_value=lowest,
            mark_value=lowest,
            rises=torch.zeros_like(lowest),
            step=x.new_full((len(x), 1, 1, 1), 2 * eps),
            halved=torch.ones(len(x), dtype=torch.bool, device=x.device),
        )

    def keep(self, stand_S: Tensor) -> None:
        """Let go of the images that have fallen."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name)[stand_S])

    def note(self, value: Tensor, grad: Tensor, *, is_first: bool) -> None:
        """Take note of the loss and its gradient at the point."""
        better = value > self.best_value
        pick = better[:, None, None, None]
        self.best, self.best_grad = torch.where(pick, self.x, self.best), torch.where(pick, grad, self.best_grad)
        self.best_value = torch.where(better, value, self.best_value)
        if not is_first:
            self.rises = self.rises + (value > self.last_value)
        self.last_value = value

    def check(self, grad: Tensor, steps: int) -> Tensor:
        """Halve the step where ``steps`` brought too little, go back to the best point there; return the gradient."""
        stalled = self.rises <= RHO * steps
        stuck = ~self.halved & (self.best_value <= self.mark_value)
        self.halved = stalled | stuck
        back = self.halved[:, None, None, None]
        self.step = torch.where(back, self.step / 2, self.step)
        self.x, grad = torch.where(back, self.best, self.x), torch.where(back, self.best_grad, grad)
        self.mark_value, self.rises = self.best_value, torch.zeros_like(self.rises)
        return grad

    def move(self, grad: Tensor, norm: str, eps: float, *, is_first: bool) -> None:
        """Take a step, from the second one on with momentum."""
        images, x = self.images, self.x
        ahead = project(x - images + self.step * steepest(grad, norm), norm, eps)
        if not is_first:
            # x_{k+1} = P(x_k + alpha (z - x_k) + (1 - alpha) (x_k - x_{k-1})), with z inside the box too.
            z = (images + ahead).clamp(0, 1)
            ahead = project(x + ALPHA * (z - x) + (1 - ALPHA) * (x - self.before) - images, norm, eps)
        self.before, self.x = x, (images + ahead).clamp(0, 1)


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
    point_NCHW = images_NCHW.clone()
    claimed_N = torch.zeros(len(images_NCHW), dtype=torch.bool, device=images_NCHW.device)
    start = first_point(images_NCHW, config, streams, gradient_filter, start_at_edge)
    now = _Ascent.at(images_NCHW, start, config.eps)
    marks, last_mark = checkpoints(config.num_steps), 0
    for k in range(config.num_steps):
        here = slope(model, now.x, goal, loss, eot=config.eot, gradient_filter=gradient_filter)
        grad, value = here.grad_NCHW, here.value_N.to(now.best_value)
        fell = goal.reached(here.logits_NL)
        # A wait for the device, which the marks of the goal make too.
        if bool(fell.any()):
            point_NCHW[now.row_S[fell]] = now.x[fell]
            claimed_N[now.row_S[fell]] = True
            stand = ~fell
            now.keep(stand)
            grad, value, goal = grad[stand], value[stand], goal[stand]
            if len(now.row_S) == 0:
                return point_NCHW, claimed_N
        now.note(value, grad, is_first=k == 0)
        if k in marks and k > 0:
            grad, last_mark = now.check(grad, k - last_mark), k
        now.move(grad, config.norm, config.eps, is_first=k == 0)
    point_NCHW[now.row_S] = now.x
    return point_NCHW, claimed_N
