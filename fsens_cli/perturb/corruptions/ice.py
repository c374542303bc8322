"""Pictures of ice, grown rather than photographed: a pane covered with feathered crystals.

They stand in for the photographs of the published frost, and only look alike.
"""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

HEIGHT, WIDTH = 360, 560
# Dark and bright color of each pane, from deep blue to white: the range of frosted windows.
PANES = (
    ((0.10, 0.38, 0.46), (0.56, 0.84, 0.88)),
    ((0.60, 0.63, 0.69), (0.98, 0.98, 1.00)),
    ((0.56, 0.60, 0.66), (0.96, 0.98, 0.99)),
    ((0.34, 0.41, 0.47), (0.80, 0.84, 0.87)),
    ((0.18, 0.23, 0.28), (0.76, 0.80, 0.83)),
)
CRYSTALS = 800
SIDE_ANGLE = np.pi / 3  # between a crystal's spine and its feathers: that of water ice


@lru_cache(maxsize=1)
def ice_pictures() -> tuple[Tensor, ...]:
    """Return five pictures, each (3, 360, 560) in [0, 1]; the same ones always."""
    return tuple(_grow(number, dark, bright) for number, (dark, bright) in enumerate(PANES))


def _grow(number: int, dark: tuple[float, float, float], bright: tuple[float, float, float]) -> Tensor:
    random = np.random.default_rng(number)
    light = _crystals(random)
    from scipy.ndimage import gaussian_filter  # only here: slow to import

    cloud = gaussian_filter(random.standard_normal((HEIGHT, WIDTH)), 45.0, mode="wrap")
    grain = gaussian_filter(random.standard_normal((HEIGHT, WIDTH)), 0.8, mode="wrap")
    share = np.clip(0.45 + 0.16 * cloud / cloud.std() + 0.05 * grain / grain.std() + light, 0, 1)[:, :, None]
    color = np.asarray(dark) * (1 - share) + np.asarray(bright) * share
    return torch.from_numpy(color).permute(2, 0, 1).float().contiguous()


def _crystals(random: np.random.Generator) -> NDArray[np.float64]:
    """Return the brightness that crystals add, shape (H, W).

    A crystal is an ellipse of random direction with a shade of its own, a bright spine, and feathers: stripes that
    leave the spine at 60 degrees on both sides. A pixel belongs to the crystal in whose ellipse it lies deepest.
    """
    light = np.zeros((HEIGHT, WIDTH))
    depth = np.ones((HEIGHT, WIDTH))
    for _ in range(CRYSTALS):
        length = random.uniform(12, 45)
        thin = length * random.uniform(0.12, 0.3)
        angle, period = random.uniform(0, 2 * np.pi), random.uniform(2.6, 5.0)
        shade, contrast = random.normal(0, 0.10), random.uniform(0.05, 0.22)
        y, x = random.uniform(0, HEIGHT), random.uniform(0, WIDTH)
        rows = slice(max(0, int(y - length)), min(HEIGHT, int(y + length) + 1))
        columns = slice(max(0, int(x - length)), min(WIDTH, int(x + length) + 1))
        down = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] - np.float32(y)
        right = np.arange(columns.start, columns.stop, dtype=np.float32)[None, :] - np.float32(x)
        along = right * np.cos(angle) + down * np.sin(angle)
        across = np.abs(down * np.cos(angle) - right * np.sin(angle))
        ellipse = np.sqrt((along / length) ** 2 + (across / thin) ** 2)
        stripes = np.cos(2 * np.pi * (along - across / np.tan(SIDE_ANGLE)) / period)
        spine = np.exp(-0.5 * (across / 0.8) ** 2)
        look = shade + contrast * (0.6 * stripes + 1.6 * spine) * (1.2 - ellipse)
        deepest = ellipse < depth[rows, columns]
        light[rows, columns] = np.where(deepest, look, light[rows, columns])
        depth[rows, columns] = np.where(deepest, ellipse, depth[rows, columns])
    return light
