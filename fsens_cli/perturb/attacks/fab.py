"""FAB, targeted: steps onto linearised class boundaries, drawn towards the image (Croce & Hein, ICML 2020, Alg. 1).

Shape letters: N images, S of them still searched, D numbers of an image, C channels, H, W pixels.
"""

import math

import torch
from torch import Tensor

from fsens_cli.perturb.attacks.config import NUM_RIVALS, AttackConfig
from fsens_cli.perturb.attacks.goal import Filter, Goal, Model, decide
from fsens_cli.perturb.attacks.gradient import slope
from fsens_cli.perturb.attacks.losses import rival_margin
from fsens_cli.perturb.attacks.streams import Streams
from fsens_cli.perturb.attacks.verify import TOLERANCE, size_of

# Section 3 of the paper, with the numbers of AutoAttack: largest pull towards the image, overshoot, way back.
LARGEST_PULL = 0.1
OVERSHOOT = 1.05
BACK = 0.9


def boxed_step(point_ND: Tensor, normal_ND: Tensor, offset_N: Tensor, norm: str) -> Tensor:
    """Return the smallest step from each point onto the plane <normal, .> = offset that stays in [0, 1], (N, D).

    Several points may go to each plane: ``point_ND`` of shape (..., N, D).

    With w the normal turned towards the plane and room_i what is left of the box that way, the step along coordinate i
    is min(lam, room_i) for ``linf`` and min(lam |w_i|, room_i) for ``l2``. Where the box does not reach the plane, all
    room is taken. Points lie in the box.

    >>> boxed_step(torch.tensor([[0.5, 0.9]]), torch.tensor([[1.0, 1.0]]), torch.tensor([2.0]), "linf")
    tensor([[0.5000, 0.1000]])
    """
    normal, point = normal_ND.double(), point_ND.double()
    gap_N = offset_N.double() - (normal * point).sum(dim=-1)
    heading = normal.sign() * torch.where(gap_N >= 0, 1.0, -1.0).to(gap_N)[..., None]
    # 1 - point where it goes up and point where it goes down, without a choice for each number.
    room = heading.clamp(0, 1).sub_(point).abs_()
    size = normal.abs()
    if norm == "linf":
        step = torch.minimum(_multiplier(size, room, gap_N.abs())[..., None], room)
    else:
        # Where w_i is 0 the step is 0 whatever its end is.
        end = room / size.clamp_min(1e-300)
        step = torch.minimum(_multiplier(size.square(), end, gap_N.abs())[..., None], end).mul_(size)
    return step.mul_(heading).to(point_ND)


def _multiplier(rate_ND: Tensor, end_ND: Tensor, need_N: Tensor) -> Tensor:
    """Return the lam of each row with sum_i rate_i min(lam, end_i) = need; huge where nothing is enough.

    The sum is concave and piecewise linear in lam, so Newton's steps from 0 never pass the solution and end on its own
    piece, where they are exact: a few passes over the numbers, and a sort would cost as much as the network's gradient.
    """
    lam_N = torch.zeros_like(need_N)
    huge = torch.finfo(lam_N.dtype).max
    num_free = -1
    while True:
        free = end_ND > lam_N[..., None]
        before, num_free = num_free, int(free.sum())
        if num_free == before:
            return lam_N
        slope_N = torch.where(free, rate_ND, 0.0).sum(dim=-1)
        reached_N = torch.minimum(end_ND, lam_N[..., None]).mul_(rate_ND).sum(dim=-1)
        ahead_N = torch.where(slope_N > 0, lam_N + (need_N - reached_N) / slope_N, huge)
        lam_N = torch.maximum(lam_N, ahead_N.clamp_max(huge))


def fab_t(
    model: Model,
    images_NCHW: Tensor,
    goal: Goal,
    config: AttackConfig,
    streams: Streams,
    gradient_filter: Filter | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the smallest adversarial image found on the way to each ``goal.rival_N``, and which lie in the ball.

    Starts at the image, so nothing is random. An image leaves once its best lies in the ball of ``config.eps``.
    """
    del streams, gradient_filter
    point, found = _search(model, images_NCHW, goal, config, enough=config.eps)
    inside = size_of(point.double() - images_NCHW.double(), config.norm) <= config.eps + TOLERANCE
    return point, found & inside


def fab(
    model: Model,
    images_NCHW: Tensor,
    goal: Goal,
    config: AttackConfig,
    streams: Streams | None = None,
    *,
    start_NCHW: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the smallest adversarial image over the nine likeliest rivals of each, or towards its target."""
    del streams, start_NCHW  # begins at the image
    best = images_NCHW.clone()
    best_N = images_NCHW.new_full((len(images_NCHW),), math.inf, dtype=torch.float64)
    if goal.target_N is not None:
        rivals_NT = goal.target_N[:, None]
    else:
        rivals_NT = likeliest_rivals(decide(model, images_NCHW, eot=config.eot), goal.label_N, NUM_RIVALS)
    for rival_N in rivals_NT.T:
        point, claimed = _search(model, images_NCHW, goal.towards(rival_N), config, enough=0.0)
        size = torch.where(claimed, size_of(point.double() - images_NCHW.double(), config.norm), math.inf)
        nearer = size < best_N
        best, best_N = torch.where(nearer[:, None, None, None], point, best), torch.where(nearer, size, best_N)
    return best, best_N.isfinite()


def likeliest_rivals(logits_NL: Tensor, label_N: Tensor, count: int) -> Tensor:
    """Return the classes of the largest logits beside the label's, best first, (N, at most ``count``).

    Classes that are masked out in some image, of logit -inf, are no rivals.
    """
    others = logits_NL.scatter(1, label_N[:, None], float("-inf"))
    num_open = int((others > -math.inf).sum(dim=1).min())
    return others.topk(min(count, max(num_open, 1)), dim=1).indices


def _search(
    model: Model, images_NCHW: Tensor, goal: Goal, config: AttackConfig, *, enough: float
) -> tuple[Tensor, Tensor]:
    best_NCHW = images_NCHW.clone()
    claimed_N = torch.zeros(len(images_NCHW), dtype=torch.bool, device=images_NCHW.device)
    row = torch.arange(len(images_NCHW), device=images_NCHW.device)
    images = x = images_NCHW
    nearest = torch.full_like(goal.label_N, math.inf, dtype=torch.float64)
    for _ in range(config.num_steps):
        x = _ahead(model, images, x, goal, config)
        fell = goal.reached(decide(model, x, eot=config.eot))
        size = size_of(x.double() - images.double(), config.norm)
        nearer = fell & (size < nearest)
        nearest = torch.where(nearer, size, nearest)
        best_NCHW[row[nearer]] = x[nearer]
        claimed_N[row[nearer]] = True
        x = torch.where(fell[:, None, None, None], images + BACK * (x - images), x)
        stand = nearest > enough
        if not bool(stand.all()):
            row, images, x, nearest, goal = row[stand], images[stand], x[stand], nearest[stand], goal[stand]
            if len(row) == 0:
                break
    return best_NCHW, claimed_N


def _ahead(model: Model, images: Tensor, x: Tensor, goal: Goal, config: AttackConfig) -> Tensor:
    """Return the next point: a mean of both projections onto the boundary, that from x and that from the image."""
    here = slope(model, x, goal, rival_margin, eot=config.eot)
    normal = here.grad_NCHW.flatten(1).double()
    offset_N = (normal * x.flatten(1).double()).sum(dim=1) - here.value_N.double()
    # Both planes are the same one, so both projections are one batch.
    steps = boxed_step(torch.stack([x.flatten(1), images.flatten(1)]), normal, offset_N, config.norm)
    from_x, from_image = steps.reshape(2, *x.shape).unbind(0)
    size_x, size_image = (size_of(step, config.norm).clamp_min(1e-8) for step in (from_x, from_image))
    pull = (size_x / (size_x + size_image)).clamp_max(LARGEST_PULL).to(x)[:, None, None, None]
    # (1 - pull) (x + 1.05 from_x) + pull (images + 1.05 from_image), in place.
    from_x.mul_(OVERSHOOT).add_(x).mul_(1 - pull)
    return from_image.mul_(OVERSHOOT).add_(images).mul_(pull).add_(from_x).clamp_(0, 1)
