"""Spatter on the lens: water drops with bright rims, or mud.

Shape letters: N images, H, W pixels; three channels. Pictures of one channel are (N, 1, H, W).
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d, pad

from fsens_cli.perturb.corruptions.constants import Constant
from fsens_cli.perturb.corruptions.smoothing import gaussian_blur
from fsens_cli.perturb.keyed_random import ImageDraws

WATER = (175 / 255, 238 / 255, 238 / 255)  # pale turquoise
MUD = (63 / 255, 42 / 255, 20 / 255)  # brown
FARTHEST = 20  # pixels: distances to a rim count up to this
WEAK_EDGE, STRONG_EDGE = 50, 150
# Borgefors' lengths of a straight, a diagonal and a knight's step.
CHAMFER = {
    1.0: [(0, 1), (0, -1), (1, 0), (-1, 0)],
    1.4: [(1, 1), (1, -1), (-1, 1), (-1, -1)],
    2.1969: [(a * s, b * t) for a, b in ((1, 2), (2, 1)) for s in (1, -1) for t in (1, -1)],
}


def spatter(images_N3HW: Tensor, constant: Constant, draws: ImageDraws) -> Tensor:
    """Splash; constant: (mean and sd of the noise, sd of its smoothing, threshold, strength, 0 water or 1 mud).

    For mud the strength is the sd in pixels of a second smoothing.
    """
    mean, sd, sigma, threshold, strength, is_mud = constant
    height, width = images_N3HW.shape[-2:]
    liquid = gaussian_blur(draws.normal(1, height, width).mul_(sd).add_(mean), sigma)
    if is_mud:
        cover = gaussian_blur((liquid > threshold).to(images_N3HW), strength)
        cover = torch.where(cover < 0.8, 0.0, cover)
        return images_N3HW * (1 - cover) + cover * _color(MUD, images_N3HW)
    # The published cast to uint8 does not clip: brighter than white starts again at black. So do its files.
    level = torch.where(liquid < threshold, 0.0, liquid).mul_(255.0).floor_().remainder_(256.0)
    drops = level * rim_shading(level)
    largest = drops.amax(dim=(1, 2, 3), keepdim=True)
    drops = drops / torch.where(largest > 0, largest, torch.ones_like(largest))
    return images_N3HW + strength * drops * _color(WATER, images_N3HW)


def _color(color: tuple[float, float, float], like: Tensor) -> Tensor:
    return torch.tensor(color).to(like)[:, None, None]


def rim_shading(level_N1HW: Tensor) -> Tensor:
    """Return the shading of drops by their distance to the nearest rim, 8-bit levels, lit from the upper left."""
    distance = distance_to(edges(level_N1HW), FARTHEST)
    shade = equalize(_box_mean(distance).floor_())
    light = torch.tensor([[-2.0, -1.0, 0.0], [-1.0, 1.0, 1.0], [0.0, 1.0, 2.0]]).to(shade)
    shade = conv2d(pad(shade, (1, 1, 1, 1), mode="reflect"), light[None, None]).round_().clamp_(0, 255)
    return _box_mean(shade).add_(0.5).floor_()


def _box_mean(picture_N1HW: Tensor) -> Tensor:
    padded = pad(picture_N1HW, (1, 1, 1, 1), mode="reflect")
    height, width = picture_N1HW.shape[-2:]
    rows = padded[..., :height, :] + padded[..., 1 : height + 1, :] + padded[..., 2:, :]
    total = rows[..., :width] + rows[..., 1 : width + 1] + rows[..., 2:]
    return total.div_(9.0).add_(1e-4)


def edges(level_N1HW: Tensor) -> Tensor:
    """Return True on edges: Canny's method with 3 x 3 Sobel gradients, |g_x| + |g_y| > 50, connected to one > 150."""
    padded = pad(level_N1HW, (1, 1, 1, 1), mode="replicate")
    right = padded[..., 2:] - padded[..., :-2]
    across = right[..., :-2, :] + 2.0 * right[..., 1:-1, :] + right[..., 2:, :]
    below = padded[..., 2:, :] - padded[..., :-2, :]
    down = below[..., :-2] + 2.0 * below[..., 1:-1] + below[..., 2:]
    size = across.abs() + down.abs()
    candidate = _is_ridge(size, across, down) & (size > WEAK_EDGE)
    strong = candidate & (size > STRONG_EDGE)
    while not torch.equal(strong, candidate):
        grown = candidate & (max_pool2d(strong.to(size), 3, stride=1, padding=1) > 0)
        if torch.equal(grown, strong):
            break
        strong = grown
    return strong


def _is_ridge(size: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """Return True where the gradient is largest along its own direction, out of four; ties go to the first pixel."""
    around = pad(size, (1, 1, 1, 1))
    height, width = size.shape[-2:]

    def neighbor(dy: int, dx: int) -> Tensor:
        return around[..., 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]

    steep = math.tan(math.pi / 8)
    flat = down.abs() < across.abs() * steep
    upright = down.abs() > across.abs() * (2 + steep)
    same_sign = (across < 0) == (down < 0)
    horizontal = (size > neighbor(0, -1)) & (size >= neighbor(0, 1))
    vertical = (size > neighbor(-1, 0)) & (size >= neighbor(1, 0))
    falling = (size > neighbor(-1, -1)) & (size > neighbor(1, 1))
    rising = (size > neighbor(-1, 1)) & (size > neighbor(1, -1))
    return torch.where(flat, horizontal, torch.where(upright, vertical, torch.where(same_sign, falling, rising)))


def distance_to(mask_N1HW: Tensor, farthest: float) -> Tensor:
    """Return the chamfer distance to the nearest True, at most ``farthest``: the shortest way in steps of a 5 x 5 mask.

    Not Euclidean, which differs by 0.4 at most: the shading spreads the distances' ranks, so small deviations would
    show.
    """
    distance = torch.where(mask_N1HW, 0.0, farthest)
    height, width = distance.shape[-2:]
    before = None
    while before is None or not torch.equal(before, distance):
        before = distance.clone()
        for length, steps in CHAMFER.items():
            for down, across in steps:
                rows, columns = height - abs(down), width - abs(across)
                here = distance[..., max(down, 0) :, max(across, 0) :][..., :rows, :columns]
                there = distance[..., max(-down, 0) :, max(-across, 0) :][..., :rows, :columns]
                here.copy_(torch.minimum(here, there + length))
    return distance


def equalize(level_N1HW: Tensor) -> Tensor:
    """Spread 8-bit levels so that all are about equally frequent; the lowest level present becomes 0."""
    num_images = len(level_N1HW)
    index = level_N1HW.reshape(num_images, -1).long()
    count = torch.zeros(num_images, 256, device=index.device).scatter_add_(1, index, torch.ones_like(index).float())
    lowest = count.gather(1, index.amin(dim=1, keepdim=True))
    total = float(index.shape[1])
    rank = (count.cumsum(dim=1) - lowest).clamp_min(0)
    # A picture of one level stays as it is.
    spread = torch.where(lowest < total, rank * (255.0 / (total - lowest).clamp_min(1)), torch.arange(256).to(rank))
    return spread.round().gather(1, index).reshape(level_N1HW.shape)
