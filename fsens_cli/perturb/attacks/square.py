"""Square attack: random search that sees logits only (Andriushchenko et al., ECCV 2020).

Shape letters: N images, S of them still standing, C channels, H, W pixels, Q the side of a square.
"""

import functools
import math
from dataclasses import dataclass
from typing import Self

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
# The place of one window an image, and what it held before a change and after it.
Change = tuple[Tensor, Tensor, Tensor]
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
    height, width = images_NCHW.shape[-2:]
    point_NCHW = images_NCHW.clone()
    claimed_N = torch.zeros(len(images_NCHW), dtype=torch.bool, device=images_NCHW.device)
    row = torch.arange(len(images_NCHW), device=images_NCHW.device)
    # Windows are read and written by their place in the memory of an image.
    images = images_NCHW.contiguous()
    propose = _propose_linf if config.norm == "linf" else _propose_l2
    best = (_stripes if config.norm == "linf" else _tiles)(images, config.eps, streams.child(0)).contiguous()
    best_value = images.new_full((len(images),), -math.inf)
    spare = config.eps**2 - _energy(best - images)
    sides = [side_of(query, config, (height, width)) for query in range(config.num_steps)]
    draws: _Draws | None = None
    for query in range(config.num_steps):
        changes: list[Change] = []
        left = spare
        if query > 0:
            at = (query - 1) % CHUNK
            if at == 0 or draws is None:
                own = streams.child(1 + (query - 1) // CHUNK)
                draws = _Draws.of(own, images_NCHW, sides[query : query + CHUNK])
            changes, left = propose(images, best, spare, config.eps, sides[query], draws, at)
        logits = decide(model, best, eot=config.eot)
        fell = goal.reached(logits)
        any_fell = bool(fell.any())
        if any_fell:
            point_NCHW[row[fell]] = best[fell]
            claimed_N[row[fell]] = True
        value = margin(logits, goal).to(best_value)
        better = value > best_value
        for window, before, after in changes:
            _write(best, window, torch.where(better[:, None, None, None], after, before))
        best_value, spare = torch.where(better, value, best_value), torch.where(better, left, spare)
        if any_fell:
            stand = ~fell
            streams = streams[stand.nonzero().squeeze(1)]
            row, images, best, goal = row[stand], images[stand], best[stand], goal[stand]
            best_value, spare = best_value[stand], spare[stand]
            draws = draws and draws[stand]
            if len(row) == 0:
                return point_NCHW, claimed_N
    point_NCHW[row] = best
    return point_NCHW, claimed_N


def side_of(query: int, config: AttackConfig, size: tuple[int, int]) -> int:
    """Return the side of the square of a query in pixels; odd and at least 3 for ``l2``.

    >>> side_of(4500, AttackConfig(name="square"), (32, 32))
    3
    """
    height, width = size
    side = round(math.sqrt(share_of_pixels(query, config.num_steps) * height * width))
    side = min(max(side, 1 if config.norm == "linf" else 3), height, width)
    return side if config.norm == "linf" else side - 1 + side % 2


@dataclass(frozen=True, slots=True)
class _Draws:
    """Random numbers of some queries: first rows and columns of two windows, whether eta is turned, signs.

    Attributes:
        corner_SQ4: row and column of the first window, then of the second.
        is_turned_SQ: whether the pattern of ``l2`` is transposed.
        sign_SQC: of each channel.
    """

    corner_SQ4: Tensor
    is_turned_SQ: Tensor
    sign_SQC: Tensor

    @classmethod
    def of(cls, streams: Streams, images_NCHW: Tensor, sides: list[int]) -> Self:
        """Return those of ``CHUNK`` queries, which have these sides."""
        _, channels, height, width = images_NCHW.shape
        numbers = streams.uniform(CHUNK, 5 + channels).to(images_NCHW)[:, : len(sides)]
        last = torch.tensor([[height - q, width - q] * 2 for q in sides], device=numbers.device)
        corner = (numbers[:, :, :4] * (last + 1)).long().clamp_max(last)
        return cls(corner, numbers[:, :, 4] < 0.5, _signs(numbers[:, :, 5:]))

    def __getitem__(self, stand_S: Tensor) -> Self:
        """Return those of the images that stand."""
        return type(self)(self.corner_SQ4[stand_S], self.is_turned_SQ[stand_S], self.sign_SQC[stand_S])


def _signs(draws: Tensor) -> Tensor:
    return torch.where(draws < 0.5, -1.0, 1.0).to(draws)


def _stripes(images_NCHW: Tensor, eps: float, streams: Streams) -> Tensor:
    """Return images with vertical stripes of height plus or minus ``eps``, one sign a column and channel."""
    _, channels, _, width = images_NCHW.shape
    signs = _signs(streams.uniform(channels, 1, width).to(images_NCHW))
    return (images_NCHW + eps * signs).clamp(0, 1)


def _window(corner_S2: Tensor, shape: torch.Size, side: int) -> Tensor:
    """Return the place of each number of a square window in the flattened image, (S, C, Q, Q)."""
    _, channels, height, width = shape
    first_S = corner_S2[:, 0] * width + corner_S2[:, 1]
    return first_S[:, None, None, None] + _in_the_corner(channels, height, width, side).to(first_S)


@functools.cache
def _in_the_corner(channels: int, height: int, width: int, side: int) -> Tensor:
    """Return the places of the window in the first corner, (C, Q, Q)."""
    along = torch.arange(side)
    return torch.arange(channels)[:, None, None] * (height * width) + along[:, None] * width + along


def _read(images_NCHW: Tensor, window_NCQQ: Tensor) -> Tensor:
    """Return what the window of each image holds, (N, C, Q, Q)."""
    # By flat places: ten times as fast as by four indices.
    return images_NCHW.view(len(images_NCHW), -1).gather(1, window_NCQQ.flatten(1)).view_as(window_NCQQ)


def _write(images_NCHW: Tensor, window_NCQQ: Tensor, values_NCQQ: Tensor) -> None:
    """Put ``values_NCQQ`` into the window of each image."""
    images_NCHW.view(len(images_NCHW), -1).scatter_(1, window_NCQQ.flatten(1), values_NCQQ.flatten(1))


def _propose_linf(
    images_NCHW: Tensor, best_NCHW: Tensor, spare_N: Tensor, eps: float, side: int, draws: _Draws, at: int
) -> tuple[list[Change], Tensor]:
    """Set one square of each image to plus or minus ``eps``, a sign a channel (Algorithm 2)."""
    inside = _window(draws.corner_SQ4[:, at, :2], images_NCHW.shape, side)
    before = _read(best_NCHW, inside)
    after = (_read(images_NCHW, inside) + eps * draws.sign_SQC[:, at, :, None, None]).clamp_(0, 1)
    _write(best_NCHW, inside, after)
    return [(inside, before, after)], spare_N


def _energy(delta_NCHW: Tensor) -> Tensor:
    """Return the squared length of each perturbation in double precision, shape (N,)."""
    return delta_NCHW.double().square().sum(dim=(1, 2, 3))


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


def _propose_l2(
    images_NCHW: Tensor, best_NCHW: Tensor, spare_N: Tensor, eps: float, side: int, draws: _Draws, at: int
) -> tuple[list[Change], Tensor]:
    """Move the length of a second square, and what the ball has left, into a pattern in the first (Algorithm 3).

    ``spare_N`` is what the ball has left, as a squared length; returned as it is after the change.
    """
    del eps  # in what is left
    corner = draws.corner_SQ4[:, at]
    first, second = (_window(corner[:, k : k + 2], images_NCHW.shape, side) for k in (0, 2))
    before, image = _read(best_NCHW, first), _read(images_NCHW, first)
    patch = before - image
    _write(best_NCHW, first, image)
    # What lies in both windows counts once, in the first.
    other_before, other_image = _read(best_NCHW, second), _read(images_NCHW, second)
    first_energy = patch.square().sum(dim=(2, 3), keepdim=True)
    energy = first_energy + (other_before - other_image).square().sum(dim=(2, 3), keepdim=True)
    eta = bump(side).to(images_NCHW)
    turned = torch.where(draws.is_turned_SQ[:, at, None, None, None], eta, eta.T)
    pattern = turned * draws.sign_SQC[:, at, :, None, None]
    pattern = pattern + patch / first_energy.sqrt().clamp_min(1e-12)
    length = pattern.flatten(2).norm(dim=2).clamp_min(1e-12)[:, :, None, None]
    share = (spare_N.clamp_min(0) / images_NCHW.shape[1]).to(energy)[:, None, None, None]
    # What moves and what was left over add up to the ball's radius: nothing has to be drawn back.
    after = (image + pattern / length * (energy + share).sqrt()).clamp_(0, 1)
    _write(best_NCHW, second, other_image)
    _write(best_NCHW, first, after)
    left_N = spare_N + energy.double().sum(dim=(1, 2, 3)) - _energy(after - image)
    # In this order, because the first window has the last word where they overlap.
    return [(second, other_before, other_image), (first, before, after)], left_N
