"""Square attack: random search that sees logits only (Andriushchenko et al., ECCV 2020).

Shape letters: N images, S of them still standing, C channels, H, W pixels, Q the side of a square.
"""

import functools
import math

import torch
from torch import Tensor

from fsens_cli.perturb.attacks.config import AttackConfig
from fsens_cli.perturb.attacks.goal import Filter, Goal, Model, decide
from fsens_cli.perturb.attacks.losses import margin
from fsens_cli.perturb.attacks.streams import Streams

# Share of the pixels in the first square, and the queries of 5,000 at which it is halved: those of AutoAttack.
FIRST_SHARE = 0.8
QUERIES = 5000
HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000)
# So many queries' random numbers are drawn at once.
CHUNK = 64


def share_of_pixels(query: int, num_queries: int) -> float:
    """Return which share of the image the square of a query covers.

    >>> share_of_pixels(11, 5000), share_of_pixels(4500, 5000)
    (0.4, 0.00625)
    """
    return FIRST_SHARE / 2 ** sum(query * QUERIES / num_queries > h for h in HALVINGS)


def square(
    model: Model,
    images_NCHW: Tensor,
    goal: Goal,
    config: AttackConfig,
    streams: Streams,
    gradient_filter: Filter | None = None,
) -> tuple[Tensor, Tensor]:
    """Return one point for each image and which ones the model was seen to fall for, after at most ``steps`` queries.

    A change is kept where it raises the margin of the other classes. An image leaves the batch when it falls.
    """
    del gradient_filter  # takes no gradient
    _, channels, height, width = images_NCHW.shape
    point_NCHW = images_NCHW.clone()
    claimed_N = torch.zeros(len(images_NCHW), dtype=torch.bool, device=images_NCHW.device)
    row = torch.arange(len(images_NCHW), device=images_NCHW.device)
    images = images_NCHW
    propose = _propose_linf if config.norm == "linf" else _propose_l2
    best = trial = (_stripes if config.norm == "linf" else _tiles)(images, config.eps, streams.child(0))
    best_value = images.new_full((len(images),), -math.inf)
    draws = images.new_empty(0)
    for query in range(config.num_steps):
        if query > 0:
            at = (query - 1) % CHUNK
            if at == 0:
                draws = streams.child(1 + (query - 1) // CHUNK).uniform(CHUNK, 5 + channels).to(images)
            side = round(math.sqrt(share_of_pixels(query, config.num_steps) * height * width))
            trial = propose(images, best, config.eps, side, draws[:, at])
        logits = decide(model, trial, eot=config.eot)
        fell = goal.reached(logits)
        value = margin(logits, goal).to(best_value)
        if bool(fell.any()):
            point_NCHW[row[fell]] = trial[fell]
            claimed_N[row[fell]] = True
            stand = ~fell
            streams = streams[stand.nonzero().squeeze(1)]
            row, images, best, best_value, trial, value, goal = (
                row[stand], images[stand], best[stand], best_value[stand], trial[stand], value[stand], goal[stand]
            )  # fmt: skip
            draws = draws[stand] if len(draws) else draws
            if len(row) == 0:
                return point_NCHW, claimed_N
        better = value > best_value
        best = torch.where(better[:, None, None, None], trial, best)
        best_value = torch.where(better, value, best_value)
    point_NCHW[row] = best
    return point_NCHW, claimed_N


def _corner(draw_S: Tensor, length: int, side: int) -> Tensor:
    """Return uniform first rows (or columns) of squares that fit into the image."""
    return (draw_S * (length - side + 1)).long().clamp_max(length - side)


def _signs(draws: Tensor) -> Tensor:
    return torch.where(draws < 0.5, -1.0, 1.0).to(draws)


def _stripes(images_NCHW: Tensor, eps: float, streams: Streams) -> Tensor:
    """Return images with vertical stripes of height plus or minus ``eps``, one sign a column and channel."""
    _, channels, _, width = images_NCHW.shape
    signs = _signs(streams.uniform(channels, 1, width).to(images_NCHW))
    return (images_NCHW + eps * signs).clamp(0, 1)


def _window(row_S: Tensor, column_S: Tensor, shape: torch.Size, side: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the indices of a square window of each image, at places given as shares of those where it fits."""
    num_images, channels, height, width = shape
    device = row_S.device
    along = torch.arange(side, device=device)
    rows, columns = _corner(row_S, height, side)[:, None] + along, _corner(column_S, width, side)[:, None] + along
    ids = torch.arange(num_images, device=device)[:, None, None, None]
    return (
        ids,
        torch.arange(channels, device=device)[None, :, None, None],
        rows[:, None, :, None],
        columns[:, None, None],
    )


def _propose_linf(images_NCHW: Tensor, best_NCHW: Tensor, eps: float, side: int, draws: Tensor) -> Tensor:
    """Set one square of each image to plus or minus ``eps``, a sign a channel (Algorithm 2)."""
    _, _, height, width = images_NCHW.shape
    inside = _window(draws[:, 0], draws[:, 1], images_NCHW.shape, min(max(side, 1), height, width))
    trial = best_NCHW.clone()
    trial[inside] = (images_NCHW[inside] + eps * _signs(draws[:, 5:])[:, :, None, None]).clamp(0, 1)
    return trial


@functools.cache
def bump(side: int) -> Tensor:
    """Return the unit pattern eta of the ``l2`` attack: one pyramid up, one down (eq. 2 and 3), shape (Q, Q)."""
    pattern = torch.zeros(side, side, dtype=torch.float64)
    pattern[: side // 2] = _pyramid(side // 2, side)
    pattern[side // 2 :] = -_pyramid(side - side // 2, side)
    return pattern / pattern.norm()


def _pyramid(height: int, width: int) -> Tensor:
    """Return rectangles around the middle laid on each other, the k-th weighing 1 / k^2, scaled to unit length."""
    pattern = torch.zeros(height, width, dtype=torch.float64)
    middle_h, middle_w = height // 2, width // 2
    for k in range(max(height, width) // 2 + 1):
        top, left = max(middle_h - k, 0), max(middle_w - k, 0)
        pattern[top : middle_h + k + 1, left : middle_w + k + 1] += 1 / (k + 1) ** 2
    return pattern / pattern.norm()


def _tiles(images_NCHW: Tensor, eps: float, streams: Streams) -> Tensor:
    """Return images with a grid of patterns, five along the shorter side, a sign for each and each channel."""
    _, channels, height, width = images_NCHW.shape
    side = max(min(height, width) // 5, 2)
    down, across = height // side, width // side
    signs = _signs(streams.uniform(channels, down, across).to(images_NCHW))
    blocks = torch.einsum("nchw,pq->nchpwq", signs, bump(side).to(images_NCHW))
    grid = blocks.reshape(len(images_NCHW), channels, down * side, across * side)
    delta = torch.zeros_like(images_NCHW)
    top, left = (height - down * side) // 2, (width - across * side) // 2
    delta[:, :, top : top + down * side, left : left + across * side] = grid
    unit = delta / delta.flatten(1).norm(dim=1)[:, None, None, None]
    return (images_NCHW + eps * unit).clamp(0, 1)


def _propose_l2(images_NCHW: Tensor, best_NCHW: Tensor, eps: float, side: int, draws: Tensor) -> Tensor:
    """Move the length of a second square, and what the ball has left, into a pattern in the first (Algorithm 3)."""
    _, channels, height, width = images_NCHW.shape
    side = min(max(side, 3), height, width)
    side -= 1 - side % 2
    first, second = (_window(draws[:, k], draws[:, k + 1], images_NCHW.shape, side) for k in (0, 2))
    delta = best_NCHW - images_NCHW
    left_over = (eps**2 - delta.flatten(1).norm(dim=1).square()).clamp_min(0)[:, None, None, None] / channels
    patch = delta[first]
    delta[first] = 0
    # What lies in both windows counts once, in the first.
    in_windows = (patch.square() + delta[second].square()).sum(dim=(2, 3), keepdim=True)
    delta[second] = 0
    eta = bump(side).to(images_NCHW)
    turned = torch.where((draws[:, 4] < 0.5)[:, None, None, None], eta, eta.T)
    pattern = turned * _signs(draws[:, 5:])[:, :, None, None]
    pattern = pattern + patch / patch.flatten(2).norm(dim=2).clamp_min(1e-12)[:, :, None, None]
    length = pattern.flatten(2).norm(dim=2).clamp_min(1e-12)[:, :, None, None]
    # What moves and what was left over add up to the ball's radius: nothing has to be drawn back.
    delta[first] = pattern / length * (in_windows + left_over).sqrt()
    return (images_NCHW + delta).clamp_(0, 1)
