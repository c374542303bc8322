"""Patch shuffling and noise of any strength."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from fsens_cli.errors import ConfigError
from fsens_cli.perturb.noise import gaussian_noise, salt_and_pepper, uniform_noise
from fsens_cli.perturb.shuffle import shuffle_patches


def pieces(image_CHW: Tensor, k: int) -> set[tuple[float, ...]]:
    tall, wide = image_CHW.shape[1] // k, image_CHW.shape[2] // k
    return {
        tuple(image_CHW[:, a * tall : (a + 1) * tall, b * wide : (b + 1) * wide].flatten().tolist())
        for a in range(k)
        for b in range(k)
    }


@pytest.mark.parametrize(("size", "k"), [((32, 32), 2), ((32, 32), 4), ((12, 20), 4), ((8, 8), 8)], ids=str)
def test_patches_are_kept_whole_and_moved(size: tuple[int, int], k: int) -> None:
    images = torch.rand(5, 3, *size)
    shuffled = shuffle_patches(images, k, index_N=torch.arange(5), seed=0)
    for before, after in zip(images, shuffled, strict=True):
        assert pieces(before, k) == pieces(after, k)
    assert not torch.equal(images, shuffled)


def test_orders_differ_between_images_and_are_the_same_in_every_batch() -> None:
    images = torch.rand(1, 1, 16, 16).expand(6, -1, -1, -1)
    together = shuffle_patches(images, 4, index_N=torch.arange(6), seed=0)
    assert len({tuple(x.flatten().tolist()) for x in together}) == 6
    alone = shuffle_patches(images[:1], 4, index_N=torch.tensor([4]), seed=0)
    assert torch.equal(together[4:5], alone)
    assert not torch.equal(together, shuffle_patches(images, 4, index_N=torch.arange(6), seed=1))


def test_what_does_not_divide_stays_at_the_edge() -> None:
    images = torch.rand(3, 2, 11, 13)
    shuffled = shuffle_patches(images, 3, index_N=torch.arange(3), seed=0)
    # 3 patches of 3 pixels down leave two rows, one on each side; 3 of 4 across leave one column, at the right.
    inner = (slice(None), slice(None), slice(1, 10), slice(0, 12))
    outside = torch.ones_like(images, dtype=torch.bool)
    outside[inner] = False
    assert torch.equal(shuffled[outside], images[outside])
    assert not torch.equal(shuffled[inner], images[inner])


def test_one_patch_is_the_image() -> None:
    images = torch.rand(2, 3, 9, 9)
    assert torch.equal(shuffle_patches(images, 1, index_N=torch.arange(2), seed=0), images)


@pytest.mark.parametrize("k", [0, 17])
def test_impossible_numbers_of_patches(k: int) -> None:
    with pytest.raises(ConfigError, match=rf"^k={k} patches along each side: give 1 .unchanged. to 16 for 16x20"):
        shuffle_patches(torch.rand(1, 3, 16, 20), k, index_N=torch.arange(1), seed=0)


GRAY = torch.full((40, 3, 32, 32), 0.5)
INDEX = torch.arange(40)


def test_noise_has_the_size_it_was_given() -> None:
    normal = gaussian_noise(GRAY, 0.1, index_N=INDEX, seed=0) - GRAY
    assert float(normal.std()) == pytest.approx(0.1, rel=0.01)
    assert float(normal.abs().max()) > 0.35
    flat = uniform_noise(GRAY, 0.2, index_N=INDEX, seed=0) - GRAY
    assert float(flat.std()) == pytest.approx(0.2 / 3**0.5, rel=0.01)
    assert 0.199 < float(flat.abs().max()) <= 0.2001
    for noise in (normal, flat):
        assert abs(float(noise.mean())) < 0.001
        # Channels are independent.
        assert abs(float((noise[:, 0] * noise[:, 1]).mean())) < 0.0005


def test_salt_and_pepper_replaces_whole_pixels() -> None:
    image = torch.rand(40, 3, 32, 32) * 0.8 + 0.1
    for share in (0.0, 0.1, 0.6, 1.0):
        noisy = salt_and_pepper(image, share, index_N=INDEX, seed=0)
        white, black = (noisy == 1).all(dim=1), (noisy == 0).all(dim=1)
        assert torch.equal((noisy != image).any(dim=1), white | black)
        assert float(white.float().mean()) == pytest.approx(share / 2, abs=0.006)
        assert float(black.float().mean()) == pytest.approx(share / 2, abs=0.006)


NOISES = {"gaussian": gaussian_noise, "uniform": uniform_noise, "salt and pepper": salt_and_pepper}


@pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES.keys())
def test_batches_seeds_and_range(noise: Callable[..., Tensor]) -> None:
    images = torch.rand(6, 1, 12, 10)
    index = torch.tensor([5, 100, 3, 7, 8, 9])
    together = noise(images, 0.4, index_N=index, seed=2)
    assert torch.equal(together[2:4], noise(images[2:4], 0.4, index_N=index[2:4], seed=2))
    assert not torch.equal(together, noise(images, 0.4, index_N=index, seed=3))
    assert torch.equal(noise(images, 0.0, index_N=index, seed=2), images)
    assert float(together.min()) >= 0
    assert float(together.max()) <= 1
    with pytest.raises(ConfigError, match=r"=-0\.1: "):
        noise(images, -0.1, index_N=index, seed=2)
