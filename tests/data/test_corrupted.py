"""Official corrupted sets: read in place, lined up with the clean images, refused where they are not as published."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fsens_cli.data.corrupted import open_corrupted
from fsens_cli.data.images import ImageSet
from fsens_cli.errors import ConfigError, DataError

CLASSES = tuple(f"kind{i}" for i in range(10))


@pytest.fixture
def clean() -> ImageSet:
    """Six of the ten thousand images of a test set, in an order of their own."""
    index = torch.tensor([0, 9999, 17, 5000, 3, 8])
    return ImageSet(
        images_NCHW=torch.zeros(6, 3, 32, 32, dtype=torch.uint8),
        label_N=index % 10,
        index_N=index,
        class_names=CLASSES,
        title="CIFAR-10",
        split="test",
    )


def stamp(severity: int, index: int) -> int:
    return (40 * severity + index) % 256


def write_arrays(root: Path, clean: ImageSet, names: tuple[str, ...] = ("fog", "snow")) -> None:
    """Write full-length files, which take no room on disk where nothing is written into them."""
    for name in names:
        pixels = np.lib.format.open_memmap(root / f"{name}.npy", "w+", np.uint8, (50_000, 32, 32, 3))
        for severity in range(1, 6):
            for index in clean.index_N.tolist():
                pixels[(severity - 1) * 10_000 + index, 0, :2] = [[stamp(severity, index), 1, 2], [3, 4, 5]]
        del pixels
    np.save(root / "labels.npy", np.tile(np.arange(10_000) % 10, 5).astype(np.uint8))


def test_arrays_line_up_with_the_clean_images(tmp_path: Path, clean: ImageSet) -> None:
    write_arrays(tmp_path, clean)
    sets = open_corrupted(str(tmp_path), clean)
    assert sets.names == ("fog", "snow")
    for severity in (1, 5):
        corrupted = sets.load("fog", severity)
        assert corrupted.images_NCHW.shape == (6, 3, 32, 32)
        assert corrupted.images_NCHW.dtype == torch.uint8
        assert torch.equal(corrupted.index_N, clean.index_N)
        assert torch.equal(corrupted.label_N, clean.label_N)
        assert corrupted.class_names == clean.class_names
        assert corrupted.title == f"CIFAR-10, fog {severity}"
        expected = [stamp(severity, index) for index in clean.index_N.tolist()]
        # Rows first, then columns, channels last in the file: red is stamped, green 1, blue 2; its neighbour 3, 4, 5.
        assert corrupted.images_NCHW[:, 0, 0, 0].tolist() == expected
        assert corrupted.images_NCHW[:, :, 0, 1].tolist() == [[3, 4, 5]] * 6


def save(root: Path, name: str, array: np.ndarray) -> None:
    np.save(root / name, array)


def other_labels(root: Path, clean: ImageSet) -> None:
    label = np.tile(np.arange(10_000) % 10, 5)
    label[23_000] += 1
    np.save(root / "labels.npy", label)


def cut_off(root: Path, clean: ImageSet) -> None:
    with (root / "snow.npy").open("r+b") as file:
        file.truncate(1_000_000)


def pipe(root: Path, clean: ImageSet) -> None:
    (root / "snow.npy").unlink()
    os.mkfifo(root / "snow.npy")


ARRAY_FAULTS: dict[str, tuple[Callable[[Path, ImageSet], object], str]] = {
    "no labels": (lambda r, c: (r / "labels.npy").unlink(), r"labels.npy is missing: the official folder has it"),
    "labels too short": (
        lambda r, c: save(r, "labels.npy", np.zeros(10_000, np.uint8)),
        r"labels.npy has shape \(10000,\) of uint8: expected \(50000,\) of whole numbers",
    ),
    "labels as text": (lambda r, c: save(r, "labels.npy", np.full(50_000, "a")), r"of <U1: expected \(50000,\)"),
    "blocks differ": (other_labels, r"the labels of severity 3 differ from those of severity 1"),
    "one severity only": (
        lambda r, c: save(r, "snow.npy", np.zeros((10, 32, 32, 3), np.uint8)),
        r"snow.npy has shape \(10, 32, 32, 3\) of uint8: expected \(50000, 32, 32, 3\) of uint8, five severities",
    ),
    "channels first": (
        lambda r, c: np.lib.format.open_memmap(r / "snow.npy", "w+", np.uint8, (50_000, 3, 32, 32)),
        r"snow.npy has shape \(50000, 3, 32, 32\)",
    ),
    "floats": (
        lambda r, c: np.lib.format.open_memmap(r / "snow.npy", "w+", np.float32, (50_000, 32, 32, 3)),
        r"snow.npy has shape .* of float32: expected",
    ),
    "cut off": (cut_off, r"snow.npy is damaged or no array file"),
    "a pipe": (pipe, r"snow.npy is no file \(a pipe"),
    "no array": (lambda r, c: (r / "snow.npy").write_text("snow"), r"snow.npy is damaged or no array file"),
}


@pytest.mark.parametrize(("spoil", "message"), ARRAY_FAULTS.values(), ids=ARRAY_FAULTS.keys())
def test_arrays_that_are_not_as_published(
    spoil: Callable[[Path, ImageSet], object], message: str, tmp_path: Path, clean: ImageSet
) -> None:
    write_arrays(tmp_path, clean)
    spoil(tmp_path, clean)
    with pytest.raises(DataError, match=message) as caught:
        open_corrupted(str(tmp_path), clean)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_another_test_set(tmp_path: Path, clean: ImageSet) -> None:
    write_arrays(tmp_path, clean)
    moved = clean.select(torch.arange(6))
    moved.label_N[2] = 4
    with pytest.raises(DataError, match=r"picture 17 has label 7, and in CIFAR-10 it has 4 \(1 of 6 differ\)"):
        open_corrupted(str(tmp_path), moved)
    moved = clean.select(torch.arange(6))
    moved.index_N[1] = 10_000
    with pytest.raises(DataError, match=r"10000 pictures a severity, and CIFAR-10 uses number 10000"):
        open_corrupted(str(tmp_path), moved)


def image_set(images: torch.Tensor, split: str = "test") -> ImageSet:
    label = torch.zeros(len(images), dtype=torch.int64)
    return ImageSet(
        images_NCHW=images,
        label_N=label,
        index_N=torch.arange(len(images)),
        class_names=CLASSES,
        title="mine",
        split=split,
    )


def test_clean_images_of_another_kind(tmp_path: Path, clean: ImageSet) -> None:
    write_arrays(tmp_path, clean)
    pixels = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    with pytest.raises(DataError, match="holds 32x32 pictures, and mine has 64x64 pixels"):
        open_corrupted(str(tmp_path), image_set(pixels.repeat(1, 1, 2, 2)))
    with pytest.raises(DataError, match="RGB pictures, and mine has one channel"):
        open_corrupted(str(tmp_path), image_set(pixels[:, :1]))
    with pytest.raises(DataError, match="belong to the test split, and mine is its train split"):
        open_corrupted(str(tmp_path), image_set(pixels, "train"))


def test_names_severities_and_folders_that_do_not_exist(tmp_path: Path, clean: ImageSet) -> None:
    write_arrays(tmp_path, clean)
    sets = open_corrupted(str(tmp_path), clean)
    with pytest.raises(ConfigError, match=r"corruption=frog is not in .*, which has fog, snow\. Closest: fog\."):
        sets.load("frog", 1)
    with pytest.raises(ConfigError, match="severity=6: give a whole number from 1 to 5"):
        sets.load("fog", 6)
    with pytest.raises(DataError, match=r"is not a folder\. Expected the official layout"):
        open_corrupted(str(tmp_path / "nothing"), clean)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"holds no corrupted set\. Expected the official layout"):
        open_corrupted(str(tmp_path / "empty"), clean)


WNIDS = ("n01", "n02", "n07")


@pytest.fixture
def photographs() -> ImageSet:
    """Of three classes with two pictures each, five pictures in an order of their own."""
    index = torch.tensor([5, 0, 1, 2, 4])
    return ImageSet(
        images_NCHW=torch.zeros(5, 3, 20, 24, dtype=torch.uint8),
        label_N=index // 2,
        index_N=index,
        class_names=WNIDS,
        title="photographs",
        split="test",
    )


def write_folders(root: Path, wnids: tuple[str, ...] = WNIDS, severities: tuple[int, ...] = (1, 2, 3, 4, 5)) -> None:
    for severity in severities:
        for c, wnid in enumerate(wnids):
            folder = root / "fog" / str(severity) / wnid
            folder.mkdir(parents=True)
            for p in range(2):
                value = 40 * severity + 2 * c + p
                Image.fromarray(np.full((20, 24, 3), value, np.uint8)).save(folder / f"val_{p}.JPEG", quality=95)


@pytest.mark.parametrize("between", ["", "weather"])
def test_folders_line_up_with_the_clean_images(between: str, tmp_path: Path, photographs: ImageSet) -> None:
    write_folders(tmp_path / between)
    sets = open_corrupted(str(tmp_path), photographs)
    assert sets.names == ("fog",)
    corrupted = sets.load("fog", 3)
    assert corrupted.images_NCHW.shape == (5, 3, 20, 24)
    assert corrupted.images_NCHW[:, 0, 0, 0].tolist() == [125, 120, 121, 122, 124]
    assert torch.equal(corrupted.index_N, photographs.index_N)


def test_strengths_stand_for_severities_as_in_imagenet_c_bar(tmp_path: Path, photographs: ImageSet) -> None:
    write_folders(tmp_path)
    # As numbers: 10.00 is the strongest, though its name comes before 4.75.
    for severity, strength in enumerate(("4.75", "7.00", "8.50", "9.25", "10.00"), start=1):
        (tmp_path / "fog" / str(severity)).rename(tmp_path / "fog" / strength)
    (tmp_path / "fog").rename(tmp_path / "plasma_noise")
    sets = open_corrupted(str(tmp_path), photographs)
    assert sets.names == ("plasma_noise",)
    assert [int(sets.load("plasma_noise", s).images_NCHW[1, 0, 0, 0]) for s in (1, 3, 5)] == [40, 120, 200]


def test_classes_that_the_clean_images_do_not_have_are_passed_over(tmp_path: Path, photographs: ImageSet) -> None:
    write_folders(tmp_path, ("n01", "n02", "n05", "n07"))
    values = open_corrupted(str(tmp_path), photographs).load("fog", 1).images_NCHW[:, 0, 0, 0]
    # n07 is the fourth class there and the third here.
    assert values.tolist() == [47, 40, 41, 42, 46]


def test_labels_follow_the_clean_images_numbering_of_the_classes(tmp_path: Path, photographs: ImageSet) -> None:
    write_folders(tmp_path)
    # The pictures' order is that of the folders, their labels count through the clean set's own list.
    renumbered = replace(
        photographs, class_names=("n07", "n01", "n02"), label_N=torch.tensor([1, 2, 0])[photographs.label_N]
    )
    corrupted = open_corrupted(str(tmp_path), renumbered).load("fog", 3)
    assert corrupted.images_NCHW[:, 0, 0, 0].tolist() == [125, 120, 121, 122, 124]


def test_class_names_in_words_count_in_the_order_of_the_folders(tmp_path: Path, photographs: ImageSet) -> None:
    write_folders(tmp_path)
    in_words = replace(photographs, class_names=("tench", "goldfish", "cock"))
    assert len(open_corrupted(str(tmp_path), in_words).load("fog", 1)) == 5


def test_pictures_are_found_by_name_where_there_are_names(tmp_path: Path, photographs: ImageSet) -> None:
    write_folders(tmp_path, ("n01", "n07"))
    # Of a test set with one picture a class: by position the first of n07 would be the second of n01.
    few = ImageSet(
        images_NCHW=photographs.images_NCHW[:2],
        label_N=torch.tensor([2, 0]),
        index_N=torch.tensor([1, 0]),
        class_names=WNIDS,
        title="few",
        split="test",
        files=(Path("clean/n07/val_0.JPEG"), Path("clean/n01/val_1.JPEG")),
    )
    assert open_corrupted(str(tmp_path), few).load("fog", 1).images_NCHW[:, 0, 0, 0].tolist() == [42, 41]
    other = replace(few, files=(*few.files[:1], Path("clean/n01/val_9.JPEG")))
    with pytest.raises(DataError, match="of 1 of 2 clean images by name, and none of n01/val_9: they are not of one"):
        open_corrupted(str(tmp_path), other).load("fog", 1)


def one_too_few(root: Path) -> None:
    (root / "fog" / "2" / "n01" / "val_0.JPEG").unlink()


def other_size(root: Path) -> None:
    Image.fromarray(np.zeros((10, 12, 3), np.uint8)).save(root / "fog" / "2" / "n02" / "val_0.JPEG")


FOLDER_FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "picture missing": (one_too_few, r"fog/2 has 5 pictures a severity, and photographs uses number 5"),
    "another size": (other_size, r"val_0.JPEG is 10x12 pixels and photographs has 20x24: .* data.size=\[10,12\]"),
    "no picture": (
        lambda r: (r / "fog" / "2" / "n02" / "val_0.JPEG").write_bytes(b"\xff\xd8"),
        r"n02/val_0.JPEG cannot be read as a picture",
    ),
    "class missing": (
        lambda r: (r / "fog" / "2" / "n02").rename(r / "moved"),
        r"fog/2 has 2 class folders, and the clean images have 3 classes by other names",
    ),
    "severity missing": (
        lambda r: (r / "fog" / "2").rename(r / "moved"),
        r"fog/2 is missing: the official set has severities 1 to 5",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), FOLDER_FAULTS.values(), ids=FOLDER_FAULTS.keys())
def test_folders_that_are_not_as_published(
    spoil: Callable[[Path], object], message: str, tmp_path: Path, photographs: ImageSet
) -> None:
    write_folders(tmp_path)
    spoil(tmp_path)
    with pytest.raises(DataError, match=message) as caught:
        open_corrupted(str(tmp_path), photographs).load("fog", 2)
    assert "\n" not in str(caught.value)
