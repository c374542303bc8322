"""The interface of the corruptions: names, severities, batches, sizes, levels, refusals."""

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor

from fsens_cli.errors import ConfigError, DataError
from fsens_cli.perturb.corruptions.apply import corrupt
from fsens_cli.perturb.corruptions.catalog import CORRUPTIONS, Corruption
from fsens_cli.perturb.corruptions.constants import TABLES, table_for

EXTRA = ["speckle_noise", "gaussian_blur", "spatter", "saturate"]
STANDARD = [name for name in CORRUPTIONS if name not in EXTRA]


def change(images: Tensor, name: str, severity: int, table: str = "auto") -> Tensor:
    corrupted = corrupt(images, name, severity, index_N=torch.arange(len(images)), seed=0, table=table)
    return (corrupted - images).abs().mean(dim=(1, 2, 3))


def test_the_fifteen_and_the_four() -> None:
    assert len(STANDARD) == 15
    assert [name for name, corruption in CORRUPTIONS.items() if corruption.extra] == EXTRA
    assert all(isinstance(c, Corruption) and c.name == name for name, c in CORRUPTIONS.items())
    for table in TABLES.values():
        assert set(table) == set(CORRUPTIONS)
        assert all(len(constants) == 5 for constants in table.values())


def test_groups_are_those_of_the_paper() -> None:
    groups = {g: {n for n in STANDARD if CORRUPTIONS[n].group == g} for g in ("low", "medium", "high")}
    assert groups["low"] == {"snow", "frost", "fog", "brightness", "contrast"}
    assert groups["high"] == {"gaussian_noise", "shot_noise", "impulse_noise"}
    assert len(groups["medium"]) == 7


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_any_batching_gives_the_same_bytes(name: str, small: Tensor) -> None:
    images, index = small[:6], torch.tensor([40, 2, 17, 5, 3, 9999])

    def run(rows: list[int]) -> Tensor:
        return corrupt(images[rows], name, 3, index_N=index[rows], seed=4)

    together = run([0, 1, 2, 3, 4, 5])
    assert torch.equal(together, torch.cat([run([0]), run([1, 2]), run([3, 4, 5])]))
    assert torch.equal(together.flip(0), run([5, 4, 3, 2, 1, 0]))


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_seed_and_index_matter_where_it_is_random(name: str, small: Tensor) -> None:
    image = small[:1]

    def run(seed: int, index: int) -> Tensor:
        return corrupt(image, name, 5, index_N=torch.tensor([index]), seed=seed)

    base = run(0, 0)
    assert torch.equal(base, run(0, 0))
    for other in (run(1, 0), run(0, 1)):
        assert torch.equal(base, other) != CORRUPTIONS[name].random


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_result_has_eight_bits_and_leaves_the_input_alone(name: str, small: Tensor) -> None:
    images = small[:4].clone()
    corrupted = corrupt(images, name, 4, index_N=torch.arange(4), seed=0)
    assert torch.equal(images, small[:4])
    assert (corrupted.shape, corrupted.dtype) == (images.shape, images.dtype)
    assert float(corrupted.min()) >= 0
    assert float(corrupted.max()) <= 1
    assert torch.equal(corrupted, (corrupted * 255).round() / 255)
    exact = corrupt(images, name, 4, index_N=torch.arange(4), seed=0, quantise=False)
    assert float((exact - corrupted).abs().max()) <= 1.01 / 255


# The published severities of these are not ordered by the size of the change: drops turn to mud, gray to color, elastic
# and glass constants trade one kind of change for another, and frost depends on the picture of ice that is drawn.
UNORDERED = ("elastic_transform", "saturate", "spatter", "glass_blur", "frost")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", [n for n in CORRUPTIONS if n not in UNORDERED])
def test_higher_severity_changes_more(name: str, table: str, small: Tensor, large: Tensor) -> None:
    images = small if table == "32" else large
    sizes = [float(change(images, name, severity, table).mean()) for severity in range(1, 6)]
    # Neighbouring severities of these differ by less than their random angles and maps do.
    slack = 0.9 if name in ("fog", "snow", "motion_blur") else 1.0
    assert all(after > slack * before for before, after in pairwise(sizes)), sizes
    assert sizes[4] > 1.2 * sizes[0]


@pytest.mark.parametrize("name", UNORDERED)
def test_every_severity_changes_something(name: str, small: Tensor) -> None:
    for severity in range(1, 6):
        assert float(change(small[:10], name, severity).mean()) > 0.5 / 255


def test_the_table_follows_the_size_unless_it_is_named(small: Tensor) -> None:
    assert [table_for(*size) for size in ((32, 32), (64, 500), (65, 65), (224, 224))] == ["32", "32", "224", "224"]
    mild, strong = (float(change(small, "contrast", 3, table).mean()) for table in ("32", "224"))
    assert float(change(small, "contrast", 3).mean()) == mild
    # Contrast is shrunk by 0.4 in one table and 0.2 in the other: the change is 0.6 or 0.8 of the distance to the mean.
    assert strong / mild == pytest.approx(0.8 / 0.6, rel=0.02)


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("size", [(16, 16), (28, 28), (33, 47), (96, 70)], ids=str)
def test_other_sizes(name: str, size: tuple[int, int], small: Tensor) -> None:
    images = torch.nn.functional.interpolate(small[:2], size=size)
    for severity in (1, 5):
        corrupted = corrupt(images, name, severity, index_N=torch.arange(2), seed=0)
        assert corrupted.shape == images.shape
        assert bool(corrupted.isfinite().all())


@pytest.mark.parametrize("name", [name for name, c in CORRUPTIONS.items() if c.build_gray is None])
def test_gray_is_corrupted_as_equal_colors_and_averaged(name: str, small: Tensor) -> None:
    """Right for all whose channels share their random numbers."""
    gray = (small[:3].mean(dim=1, keepdim=True) * 255).round() / 255
    corrupted = corrupt(gray, name, 2, index_N=torch.arange(3), seed=0)
    in_color = corrupt(gray.expand(-1, 3, -1, -1), name, 2, index_N=torch.arange(3), seed=0)
    assert corrupted.shape == gray.shape
    assert float((corrupted - in_color.mean(dim=1, keepdim=True)).abs().max()) <= 0.51 / 255


# By the definitions, mean and standard deviation of what is added to a pixel of this level.
MIDDLE = 128 / 255
NOISE_ON_GRAY = {
    "gaussian_noise": lambda sd: (0.0, sd),
    "speckle_noise": lambda sd: (0.0, sd * MIDDLE),
    "shot_noise": lambda count: (0.0, math.sqrt(MIDDLE / count)),
    "impulse_noise": lambda share: (share * (0.5 - MIDDLE), math.sqrt(share) / 2),
}


@pytest.mark.parametrize("severity", [1, 3, 5])
@pytest.mark.parametrize("name", NOISE_ON_GRAY)
def test_noise_on_gray_is_as_strong_as_defined(name: str, severity: int) -> None:
    images = torch.full((64, 1, 32, 32), MIDDLE)
    added = corrupt(images, name, severity, index_N=torch.arange(64), seed=0, quantise=False) - images
    (constant,) = TABLES["32"][name][severity - 1]
    mean, deviation = NOISE_ON_GRAY[name](constant)
    # Within four standard errors of 65,536 draws; the bounds 0 and 1 are far away but for the strongest speckle.
    assert float(added.mean()) == pytest.approx(mean, abs=4 * deviation / 256)
    assert float(added.std()) == pytest.approx(deviation, rel=0.02)


def test_impulse_noise_on_gray_is_black_or_white() -> None:
    images = torch.full((16, 1, 32, 32), 0.5)
    spoilt = corrupt(images, "impulse_noise", 5, index_N=torch.arange(16), seed=0, quantise=False)
    changed = spoilt[spoilt != 0.5]
    assert set(changed.unique().tolist()) == {0.0, 1.0}
    assert len(changed) / spoilt.numel() == pytest.approx(TABLES["32"]["impulse_noise"][4][0], rel=0.1)


def test_saturation_leaves_gray_as_it_is(small: Tensor) -> None:
    gray = (small[:3].mean(dim=1, keepdim=True) * 255).round() / 255
    torch.testing.assert_close(corrupt(gray, "saturate", 5, index_N=torch.arange(3), seed=0), gray)


def test_no_images_is_no_error(small: Tensor) -> None:
    for name in CORRUPTIONS:
        assert corrupt(small[:0], name, 1, index_N=torch.arange(0), seed=0).shape == (0, 3, 32, 32)


BLACK_WHITE_GRAY = [("black", 0.0), ("white", 1.0), ("gray", 0.5)]


@pytest.mark.parametrize(("_", "value"), BLACK_WHITE_GRAY, ids=[n for n, _ in BLACK_WHITE_GRAY])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_flat_pictures_give_numbers(name: str, _: str, value: float) -> None:
    flat = torch.full((2, 3, 32, 32), round(value * 255) / 255)
    for severity in (1, 3, 5):
        assert bool(corrupt(flat, name, severity, index_N=torch.arange(2), seed=0).isfinite().all())


def bad(**changed: object) -> Callable[[Tensor], Tensor]:
    def run(images: Tensor) -> Tensor:
        given = {"name": "fog", "severity": 1, "index_N": torch.arange(2), "seed": 0, **changed}
        return corrupt(given.pop("images", images[:2]), given.pop("name"), given.pop("severity"), **given)

    return run


REFUSED = {
    "unknown name": (bad(name="frog"), r"^corruption=frog is not known; it can be gaussian_noise, .*Closest: fog"),
    "severity 0": (bad(severity=0), "^severity=0: give a whole number from 1 to 5"),
    "severity 6": (bad(severity=6), "^severity=6: "),
    "table": (bad(table="64"), "^table=64 is not known; table can be auto, 32, 224"),
    "two channels": (bad(images=torch.zeros(2, 2, 32, 32)), "1 .gray. or 3 .RGB. channels, and images have 2"),
    "too small": (bad(images=torch.zeros(2, 3, 8, 32)), "at least 16x16 pixels, got 8x32"),
    "too few indices": (bad(index_N=torch.arange(1)), "1 indices for 2 images"),
}


@pytest.mark.parametrize(("run", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_in_one_line(run: Callable[[Tensor], Tensor], message: str, small: Tensor) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        run(small)
    assert "\n" not in str(caught.value)


def test_frost_pictures_that_are_not_there(small: Tensor, tmp_path: Path) -> None:
    (tmp_path / "frost1.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"frost_root=.* lacks frost2.png, frost3.png, frost4.jpg, frost5.jpg: give"):
        bad(name="frost", frost_root=tmp_path)(small)
    for name in ("frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg"):
        (tmp_path / name).write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"frost1.png cannot be read as a picture"):
        bad(name="frost", frost_root=tmp_path)(small)
