"""AugMix against Pillow's operations, and its mixing weights."""

import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

from fsens_cli.data.augmix import OPERATIONS, OVERLAPPING, augmix, one_operation


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def smooth_images(count: int = 3, size: int = 32) -> Tensor:
    coarse = torch.rand(count, 3, 4, 4, generator=generator(5))
    images = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=False).clamp(0, 1)
    return (255 * images).round() / 255


def as_pillow(image: Tensor) -> Image.Image:
    return Image.fromarray((255 * image).round().byte().permute(1, 2, 0).numpy())


def as_tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255


# Level 3 of 10 and Pillow's own call, as the published code makes it (rotate and shear around the middle).
PILLOW = {
    "autocontrast": ImageOps.autocontrast,
    "equalize": ImageOps.equalize,
    "posterize": lambda image: ImageOps.posterize(image, 4 - int(4 * 0.3)),
    "solarize": lambda image: ImageOps.solarize(image, 256 - int(256 * 0.3)),
    "rotate": lambda image: image.rotate(int(30 * 0.3), resample=Image.Resampling.BILINEAR),
    "translate_x": lambda image: image.transform(
        image.size, Image.Transform.AFFINE, (1, 0, int(32 / 3 * 0.3), 0, 1, 0), resample=Image.Resampling.BILINEAR
    ),
    "translate_y": lambda image: image.transform(
        image.size, Image.Transform.AFFINE, (1, 0, 0, 0, 1, int(32 / 3 * 0.3)), resample=Image.Resampling.BILINEAR
    ),
    "shear_x": lambda image: image.transform(
        image.size, Image.Transform.AFFINE, (1, 0.09, -0.09 * 16, 0, 1, 0), resample=Image.Resampling.BILINEAR
    ),
    "shear_y": lambda image: image.transform(
        image.size, Image.Transform.AFFINE, (1, 0, 0, 0.09, 1, -0.09 * 16), resample=Image.Resampling.BILINEAR
    ),
    "color": lambda image: ImageEnhance.Color(image).enhance(0.1 + 1.8 * 0.3),
    "contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.1 + 1.8 * 0.3),
    "brightness": lambda image: ImageEnhance.Brightness(image).enhance(0.1 + 1.8 * 0.3),
    "sharpness": lambda image: ImageEnhance.Sharpness(image).enhance(0.1 + 1.8 * 0.3),
}


@pytest.mark.parametrize("name", [*OPERATIONS, *OVERLAPPING])
def test_each_operation_is_pillows(name: str) -> None:
    images = smooth_images()
    ours = (OPERATIONS | OVERLAPPING)[name](images, torch.full((3,), 0.3), torch.ones(3))
    theirs = torch.stack([as_tensor(PILLOW[name](as_pillow(image))) for image in images])
    if name in ("rotate", "shear_x", "shear_y", "translate_x", "translate_y"):
        # Pillow fills pixels that lie partly outside in another way, so the border is left out.
        ours, theirs = (each[..., 6:-6, 6:-6] for each in (ours, theirs))
    assert float((ours - theirs).abs().max()) <= 2.01 / 255


def test_two_directions_are_mirror_images() -> None:
    images = smooth_images()
    for name in ("rotate", "shear_x", "translate_x"):
        there = OPERATIONS[name](images.flip(-1), torch.full((3,), 0.3), torch.ones(3)).flip(-1)
        torch.testing.assert_close(
            there, OPERATIONS[name](images, torch.full((3,), 0.3), -torch.ones(3)), atol=1e-5, rtol=0
        )


def test_weights_are_dirichlet_and_the_share_uniform(monkeypatch: pytest.MonkeyPatch) -> None:
    """With chains that return constants 1, 10 and 100 (over 1,000), the mixture tells its own weights."""
    constants = iter([0.001, 0.010, 0.100])
    monkeypatch.setattr("fsens_cli.data.augmix._chain", lambda images, *_: torch.full_like(images, next(constants)))
    mixed = augmix(torch.zeros(5_000, 1, 1, 1, dtype=torch.float64), generator())
    # E[m] = 1/2 and E[w_i] = 1/3; Var of m w.c from the moments of Dirichlet(1, 1, 1) and U(0, 1).
    c = torch.tensor([0.001, 0.010, 0.100], dtype=torch.float64)
    second = (c.square().sum() + c.sum().square()) / 12
    variance = float(second / 3 - (c.mean() / 2) ** 2)
    assert float(mixed.mean()) == pytest.approx(float(c.mean()) / 2, abs=4 * math.sqrt(variance / 5_000))
    assert float(mixed.var()) == pytest.approx(variance, rel=0.05)


def test_the_same_generator_gives_the_same_images_within_bounds_and_each_its_own() -> None:
    images = smooth_images(8)
    first, again = augmix(images, generator(1)), augmix(images, generator(1))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert float(first.min()) >= -1e-6
    assert float(first.max()) <= 1 + 1e-6
    same = augmix(images[:1].expand(8, -1, -1, -1), generator(2))
    assert len({round(float(each.sum()), 3) for each in same}) == 8
    assert not torch.equal(one_operation(images, generator(3), 3.0), images)
