"""Pictures with natural statistics, and the independent library with its randomness and its constants in our hands."""

import inspect
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from fsens_cli.perturb.corruptions.constants import TABLES
from fsens_cli.perturb.keyed_random import ImageDraws

SEED = 11


def dead_leaves(count: int, height: int, width: int, seed: int = 0) -> Tensor:
    """Return 8-bit pictures / 255 of disks that cover each other, sizes ~ 1/r^3, in bright, dark, gray and pure colors.

    Occlusion with this size law gives pictures the 1/f^2 power and the hard edges of natural ones.
    """
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    pictures = np.zeros((count, 3, height, width))
    for picture in pictures:
        for _ in range(120):
            radius = 0.02 / np.sqrt(random.uniform(0.001, 1)) * min(height, width) * 1.6
            inside = (y - random.uniform(0, height)) ** 2 + (x - random.uniform(0, width)) ** 2 < radius**2
            color = np.clip(random.uniform(0, 1) + 0.25 * random.standard_normal(3), 0, 1)
            slope = random.uniform(-0.2, 0.2) * (x / width - 0.5)
            picture[:, inside] = np.clip(color[:, None] + slope[inside], 0, 1)
    return torch.from_numpy(np.round(pictures * 255) / 255).float()


@pytest.fixture(scope="session")
def small() -> Tensor:
    return dead_leaves(50, 32, 32)


@pytest.fixture(scope="session")
def large() -> Tensor:
    return dead_leaves(2, 224, 224, seed=1)


def to_array(image_CHW: Tensor) -> np.ndarray:
    return (image_CHW.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)


def to_tensor(pixels_HWC: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(pixels_HWC)).permute(2, 0, 1).float() / 255


class Oracle:
    """The library imagecorruptions, also with other constants than its own 224-pixel ones."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from imagecorruptions import corruptions
        # Compiling its one loop takes longer than running it on small pictures.
        corruptions._shuffle_pixels_njit_glass_blur = corruptions._shuffle_pixels_njit_glass_blur.py_func
        self.module = corruptions

    def __call__(self, image_CHW: Tensor, name: str, severity: int, table: str = "224", **options: int) -> Tensor:
        """Corrupt one image by the library's own code, in which ``table``'s constants replace the built-in ones."""
        from PIL import Image

        function = self._with_constant(name, self._in_its_form(name, TABLES[table][name][severity - 1]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pixels = np.uint8(function(Image.fromarray(to_array(image_CHW)), severity, **options))
        return to_tensor(pixels)

    def constant(self, name: str, severity: int) -> object:
        """Return the library's own constant, read from its source."""
        source = inspect.getsource(getattr(self.module, name))
        return eval(re.search(self.PATTERN, source, re.DOTALL)[1], {"np": np})[severity - 1]

    PATTERN = r"c = (\[.*?\])\[\s*severity - 1\]"

    def _with_constant(self, name: str, constant: object) -> Callable[..., np.ndarray]:
        source = inspect.getsource(getattr(self.module, name))
        changed, count = re.subn(self.PATTERN, "c = _constant", source, flags=re.DOTALL)
        assert count == 1, name
        scope = dict(vars(self.module), _constant=constant)
        exec(changed, scope)
        return scope[name]

    @staticmethod
    def _in_its_form(name: str, constant: tuple[float, ...]) -> object:
        if name == "zoom_blur":
            return np.arange(1, *constant)
        if name == "glass_blur":
            return (constant[0], int(constant[1]), int(constant[2]))
        return constant[0] if len(constant) == 1 else constant


@pytest.fixture(scope="session")
def oracle() -> Oracle:
    return Oracle()


def plasma_order(side: int) -> Iterator[tuple[slice, slice]]:
    """Yield the places that the diamond-square algorithm fills, in its order."""
    step = side
    while step >= 2:
        half = step // 2
        yield slice(half, None, step), slice(half, None, step)
        yield slice(0, None, step), slice(half, None, step)
        yield slice(half, None, step), slice(0, None, step)
        step = half


@pytest.fixture
def scripted_side() -> Callable[[Tensor], int]:
    """Return the side of the fog map of an image."""
    return lambda image: 1 << (max(image.shape[-2:]) - 1).bit_length()


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AbstractContextManager[None]]:
    """Let numpy's global random functions return what our corruption draws for one image."""

    @contextmanager
    def script(name: str, severity: int, index: int, side: int) -> Iterator[None]:
        draws = ImageDraws(f"{name}/{severity}", SEED, torch.tensor([index]), torch.device("cpu"))
        fog = SimpleNamespace(map=None, places=plasma_order(side))

        def normal(loc: float = 0.0, scale: float = 1.0, size: tuple[int, ...] = ()) -> np.ndarray:
            if len(size) == 3:
                numbers = draws.normal(size[2], size[0], size[1])[0].permute(1, 2, 0)
            else:
                numbers = draws.normal(*size)[0]
            return loc + scale * numbers.double().numpy()

        def uniform(low: float, high: float, size: tuple[int, ...] | None = None) -> np.ndarray | float:
            if size is None:
                return low + (high - low) * float(draws.uniform())
            if fog.map is None:
                fog.map = draws.uniform(side, side)[0].double().numpy()
            part = fog.map[next(fog.places)]
            assert part.shape == size
            return low + (high - low) * part

        with monkeypatch.context() as patch:
            patch.setattr(np.random, "normal", normal)
            patch.setattr(np.random, "uniform", uniform)
            yield

    return script
