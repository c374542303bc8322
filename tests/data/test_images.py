"""Image sets: samples, batches, splits and statistics."""

import pytest
import torch

from fsens_cli.data.images import ImageSet, channel_statistics, split_off, to_unit
from fsens_cli.errors import DataError


def make(num_images: int = 20, num_classes: int = 4, **changes: object) -> ImageSet:
    generator = torch.Generator().manual_seed(0)
    fields: dict[str, object] = {
        "images_NCHW": torch.randint(256, (num_images, 3, 4, 5), generator=generator).to(torch.uint8),
        "label_N": torch.arange(num_images) % num_classes,
        "index_N": torch.arange(num_images),
        "class_names": tuple("abcdefgh"[:num_classes]),
        "title": "toy",
        "split": "test",
    }
    return ImageSet(**(fields | changes))  # type: ignore[arg-type]


def test_sample_is_without_replacement_in_file_order_and_fixed_by_the_seed() -> None:
    images = make(200)
    chosen = images.sample(50, seed=3)
    assert len(chosen) == 50
    assert chosen.index_N.tolist() == sorted(set(chosen.index_N.tolist()))
    assert chosen.index_N.tolist() == images.sample(50, seed=3).index_N.tolist()
    assert chosen.index_N.tolist() != images.sample(50, seed=4).index_N.tolist()
    assert torch.equal(chosen.images_NCHW, images.images_NCHW[chosen.index_N])
    assert torch.equal(chosen.label_N, images.label_N[chosen.index_N])


@pytest.mark.parametrize("asked", [20, 21, 1000])
def test_sample_of_at_least_all_is_all(asked: int) -> None:
    assert make(20).sample(asked, seed=0).index_N.tolist() == list(range(20))


def test_sample_of_a_sample_keeps_the_first_numbers() -> None:
    images = make(100)
    once = images.sample(50, seed=1)
    twice = once.sample(10, seed=2)
    assert set(twice.index_N.tolist()) < set(once.index_N.tolist())
    assert torch.equal(twice.images_NCHW, images.images_NCHW[twice.index_N])


def test_select_keeps_the_order_asked_for() -> None:
    assert make().select(torch.tensor([5, 2, 9])).index_N.tolist() == [5, 2, 9]


def test_batches_are_unit_floats_in_order() -> None:
    images = make(7)
    batches = list(images.batches(3, torch.device("cpu")))
    assert [len(b) for b, _ in batches] == [3, 3, 1]
    joined = torch.cat([b for b, _ in batches])
    assert joined.dtype == torch.float32
    torch.testing.assert_close(joined, images.images_NCHW.float() / 255, rtol=1e-7, atol=0)
    assert torch.cat([labels for _, labels in batches]).tolist() == images.label_N.tolist()


def test_unit_scale_leaves_its_input_alone() -> None:
    pixels = torch.tensor([0, 51, 255], dtype=torch.uint8)
    assert to_unit(pixels).tolist() == [0.0, pytest.approx(0.2), 1.0]
    assert pixels.tolist() == [0, 51, 255]


def test_fingerprint_sees_pixels_labels_and_classes() -> None:
    images = make()
    assert images.fingerprint() == make().fingerprint()
    assert len(images.fingerprint()) == 64
    pixels = images.images_NCHW.clone()
    pixels[3, 1, 2, 2] += 1
    others = [
        make(images_NCHW=pixels),
        make(label_N=(torch.arange(20) + 1) % 4),
        make(class_names=("a", "b", "c", "x")),
        make(images_NCHW=images.images_NCHW.reshape(20, 3, 5, 4)),
    ]
    assert len({images.fingerprint(), *(o.fingerprint() for o in others)}) == 5
    # Where it came from does not matter.
    assert make(title="elsewhere", split="train").fingerprint() == images.fingerprint()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label_N": torch.full((20,), 4)}, r"toy: labels must lie in 0\.\.3, got 4"),
        ({"label_N": torch.arange(20) % 3 - 1}, r"toy: labels must lie in 0\.\.3, got -1"),
        ({"class_names": ("only",), "label_N": torch.zeros(20, dtype=torch.long)}, "toy has 1 class"),
    ],
)
def test_refuses_labels(changes: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        make(**changes)


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_split_takes_the_same_part_of_every_class(fraction: float) -> None:
    labels = torch.cat([torch.full((40,), 0), torch.full((80,), 1), torch.full((20,), 2)])
    labels = labels[torch.randperm(140, generator=torch.Generator().manual_seed(1))]
    kept, held = split_off(labels, fraction, seed=5)
    assert sorted([*kept.tolist(), *held.tolist()]) == list(range(140))
    assert kept.tolist() == sorted(kept.tolist())
    assert held.tolist() == sorted(held.tolist())
    assert torch.bincount(labels[held]).tolist() == [40 * fraction, 80 * fraction, 20 * fraction]


def test_split_is_fixed_by_its_seed() -> None:
    labels = torch.arange(100) % 5
    assert split_off(labels, 0.2, 1)[1].tolist() == split_off(labels, 0.2, 1)[1].tolist()
    assert split_off(labels, 0.2, 1)[1].tolist() != split_off(labels, 0.2, 2)[1].tolist()


def test_channel_statistics_are_torch_s() -> None:
    generator = torch.Generator().manual_seed(2)
    # More than one block of 4096.
    pixels = torch.randint(256, (4100, 3, 3, 2), generator=generator).to(torch.uint8)
    pixels[:, 1] //= 3
    mean, std = channel_statistics(pixels)
    unit = pixels.double() / 255
    assert mean == pytest.approx(unit.mean(dim=(0, 2, 3)).tolist(), abs=5.1e-5)
    assert std == pytest.approx(unit.std(dim=(0, 2, 3), correction=0).tolist(), abs=5.1e-5)


def test_a_constant_channel_has_a_usable_deviation() -> None:
    mean, std = channel_statistics(torch.full((4, 1, 2, 2), 255, dtype=torch.uint8))
    assert (mean, std) == ([1.0], [1e-4])
