"""Augmentation against slow loops."""

import pytest
import torch

from fsens_cli.data.augment import augment, flip_where, flips_of, shift_randomly
from fsens_cli.data.augment_settings import AugmentConfig
from fsens_cli.errors import ConfigError


def pixels(num_images: int = 12, height: int = 5, width: int = 7) -> torch.Tensor:
    return torch.randint(1, 256, (num_images, 3, height, width), generator=torch.Generator().manual_seed(0)).to(
        torch.uint8
    )


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(9)


@pytest.mark.parametrize("pad", [1, 2, 4, 9])
def test_shift_against_a_loop(pad: int) -> None:
    images = pixels()
    top, left = torch.randint(2 * pad + 1, (2, 12), generator=seeded())
    expected = torch.zeros_like(images)
    for n in range(12):
        down, right = pad - int(top[n]), pad - int(left[n])
        for y in range(5):
            for x in range(7):
                if 0 <= y - down < 5 and 0 <= x - right < 7:
                    expected[n, :, y, x] = images[n, :, y - down, x - right]
    moved = shift_randomly(images, pad, seeded())
    assert moved.dtype == torch.uint8
    assert torch.equal(moved, expected)


def test_mirrored_borders_are_those_of_torch() -> None:
    images, pad = pixels(), 3
    top, left = torch.randint(2 * pad + 1, (2, 12), generator=seeded()).tolist()
    padded = torch.nn.functional.pad(images.float(), (pad,) * 4, mode="reflect").to(torch.uint8)
    height, width = images.shape[-2:]
    expected = [padded[n, :, top[n] : top[n] + height, left[n] : left[n] + width] for n in range(12)]
    assert torch.equal(shift_randomly(images, pad, seeded(), border="reflect"), torch.stack(expected))
    # A shift may be larger than the image.
    line = torch.arange(1, 4, dtype=torch.uint8).expand(50, 1, 1, 3)
    moved = shift_randomly(line, 9, seeded(), border="reflect")
    assert {tuple(row) for row in moved.flatten(1).tolist()} == {(1, 2, 3), (2, 3, 2), (3, 2, 1), (2, 1, 2)}


def test_shifts_reach_all_distances_alike() -> None:
    spot = torch.zeros(4000, 1, 5, 5, dtype=torch.uint8)
    spot[:, 0, 2, 2] = 1
    moved = shift_randomly(spot, 2, seeded()).flatten(1)
    # 25 places, 160 each: five standard deviations are 62.
    assert moved.sum(dim=1).tolist() == [1] * 4000
    counts = moved.sum(dim=0)
    assert int(counts.min()) > 98
    assert int(counts.max()) < 222


def test_flip_against_a_loop() -> None:
    images = pixels()
    flipped = torch.arange(12) % 3 == 0
    expected = torch.stack([i[:, :, list(range(6, -1, -1))] if f else i for i, f in zip(images, flipped, strict=True)])
    assert torch.equal(flip_where(images, flipped), expected)


def test_random_flips_are_half() -> None:
    flips = flips_of(AugmentConfig(flip="random"), torch.arange(4000), epoch=0, seed=0, generator=seeded())
    assert 1840 < int(flips.sum()) < 2160


@pytest.mark.parametrize("seed", [0, 7])
def test_alternating_flips_turn_every_image_every_other_epoch(seed: int) -> None:
    config = AugmentConfig(flip="alternating")
    rows = torch.randperm(4000, generator=seeded())
    first, second, third = (flips_of(config, rows, epoch=e, seed=seed, generator=seeded()) for e in (0, 1, 2))
    assert torch.equal(first, ~second)
    assert torch.equal(first, third)
    assert 1840 < int(first.sum()) < 2160


def test_alternating_flips_depend_on_the_image_not_on_its_place_in_the_batch() -> None:
    config = AugmentConfig(flip="alternating")
    rows = torch.randperm(100, generator=seeded())
    straight = flips_of(config, torch.arange(100), epoch=3, seed=1, generator=seeded())
    assert torch.equal(flips_of(config, rows, epoch=3, seed=1, generator=seeded()), straight[rows])


def test_seeds_flip_other_images_first() -> None:
    config = AugmentConfig(flip="alternating")
    zero, one = (flips_of(config, torch.arange(400), epoch=0, seed=s, generator=seeded()) for s in (0, 1))
    assert 100 < int((zero == one).sum()) < 300


def test_nothing_to_do() -> None:
    images = pixels()
    config = AugmentConfig(pad=0, flip="none")
    assert torch.equal(augment(images, torch.arange(12), config, epoch=0, seed=0, generator=seeded()), images)


def test_augment_leaves_its_input_alone_and_repeats_itself() -> None:
    images = pixels()
    kept = images.clone()
    config = AugmentConfig(pad=2, flip="random")
    first, second = (augment(images, torch.arange(12), config, epoch=0, seed=0, generator=seeded()) for _ in range(2))
    assert torch.equal(images, kept)
    assert torch.equal(first, second)
    assert first.shape == images.shape
    assert first.dtype == torch.uint8
    assert not torch.equal(first, images)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"pad": -1}, "augment.pad=-1"), ({"pad": 65}, "augment.pad=65"), ({"flip": "up"}, "flip=up")],
)
def test_refuses(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        AugmentConfig(**settings)  # type: ignore[arg-type]
