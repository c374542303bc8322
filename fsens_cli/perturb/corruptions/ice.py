"""Pictures of ice, grown rather than photographed: feathered needles over a cloudy pane.

They stand in for the photographs of the published frost, and only look alike.
"""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

HEIGHT, WIDTH = 360, 560
# Mean color of each pane and of its crystals, from deep blue to white: the range of frosted windows.
PANES = (
    ((0.24, 0.50, 0.58), (0.62, 0.84, 0.88)),
    ((0.70, 0.73, 0.78), (0.97, 0.98, 1.00)),
    ((0.66, 0.70, 0.75), (0.94, 0.96, 0.99)),
    ((0.46, 0.53, 0.59), (0.82, 0.87, 0.91)),
    ((0.33, 0.38, 0.43), (0.78, 0.82, 0.86)),
)
NEEDLES = 260
BRANCH_ANGLE = np.pi / 3  # of water ice


@lru_cache(maxsize=1)
def ice_pictures() -> tuple[Tensor, ...]:
    """Return five pictures, each (3, 360, 560) in [0, 1]; the same ones always."""
    return tuple(_grow(number, *colors) for number, colors in enumerate(PANES))


def _grow(number: int, pane: tuple[float, float, float], crystal: tuple[float, float, float]) -> Tensor:
    random = np.random.default_rng(number)
    deposit = np.zeros((HEIGHT, WIDTH))
    for _ in range(NEEDLES):
        start = random.uniform((0, 0), (HEIGHT, WIDTH))
        _needle(deposit, random, start, random.uniform(0, 2 * np.pi), random.uniform(30, 110), depth=2)
    fine = gaussian_filter(deposit, 0.7)
    halo = gaussian_filter(deposit, 5.0)
    cloud = gaussian_filter(random.standard_normal((HEIGHT, WIDTH)), 40.0, mode="wrap")
    cloud /= cloud.std()
    cover = 1.0 - np.exp(-1.1 * fine - 0.5 * halo)
    # Every needle throws a little shade, which makes it stand out on a bright pane.
    shade = gaussian_filter(np.roll(deposit, (1, 1), (0, 1)), 1.0)
    light = np.clip(cover + 0.12 * cloud, 0, 1)[:, :, None]
    color = np.asarray(pane) * (1 - light) + np.asarray(crystal) * light - 0.08 * np.tanh(shade)[:, :, None]
    return torch.from_numpy(np.clip(color, 0, 1)).permute(2, 0, 1).float().contiguous()


def _needle(
    deposit: NDArray[np.float64],
    random: np.random.Generator,
    start: NDArray[np.float64],
    angle: float,
    length: float,
    depth: int,
) -> None:
    """Draw a needle that thins out, with side needles at 60 degrees on both sides, ``depth`` generations of them."""
    along = np.arange(0, length, 0.7)
    bend = random.normal(0, 0.002) * along
    direction = np.stack([np.sin(angle + bend), np.cos(angle + bend)], axis=1)
    points = start + np.cumsum(direction * 0.7, axis=0)
    row, column = points.astype(int).T
    within = (row >= 0) & (row < HEIGHT) & (column >= 0) & (column < WIDTH)
    np.add.at(deposit, (row[within], column[within]), (1.0 - 0.7 * along / length)[within])
    if depth == 0 or length < 6:
        return
    spacing = random.uniform(4, 7)
    for place in np.arange(spacing, length, spacing):
        reach = 0.35 * (length - place) * random.uniform(0.6, 1.0) + 2
        for side in (-1, 1):
            _needle(deposit, random, points[int(place / 0.7)], angle + side * BRANCH_ANGLE, reach, depth - 1)
