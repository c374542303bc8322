"""NumPy files: names, layouts, types, and nothing unpickled."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fsens_cli.data.arrays import ArraysConfig
from fsens_cli.data.catalog import load_images, peek_size
from fsens_cli.data.images import ImageSet
from fsens_cli.errors import ConfigError, DataError

RANDOM = np.random.default_rng(0)
COLOUR = RANDOM.integers(0, 256, (6, 8, 10, 3), dtype=np.uint8)
LABEL = np.array([0, 1, 2, 2, 1, 0])


def load(path: Path, split: str = "test", **settings: object) -> ImageSet:
    return load_images(ArraysConfig(root=str(path), **settings), split)  # type: ignore[arg-type]


@pytest.mark.parametrize(("x", "y"), [("images", "labels"), ("x", "y"), ("data", "targets"), ("x_test", "y_test")])
def test_one_file(x: str, y: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "my.npz", **{x: COLOUR, y: LABEL})
    images = load(tmp_path / "my.npz")
    np.testing.assert_array_equal(images.images_NCHW.permute(0, 2, 3, 1).numpy(), COLOUR)
    assert images.label_N.tolist() == LABEL.tolist()
    assert (images.title, images.class_names) == ("my", ("0", "1", "2"))
    assert peek_size(ArraysConfig(root=str(tmp_path / "my.npz")), "test") == (8, 10)


def test_a_folder_of_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", COLOUR)
    np.save(tmp_path / "labels.npy", LABEL[:, None])
    assert load(tmp_path).label_N.tolist() == LABEL.tolist()
    assert peek_size(ArraysConfig(root=str(tmp_path)), "test") == (8, 10)


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i4", "u4", "i8", "u8"])
def test_labels_of_any_whole_numbers(kind: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=COLOUR, labels=LABEL.astype(kind))
    assert load(tmp_path / "a.npz").label_N.tolist() == LABEL.tolist()


def test_the_largest_labels_do_not_turn_negative(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=COLOUR, labels=np.array([0, 1, 2, 3, 4, 2**64 - 1], dtype="u8"))
    with pytest.raises(DataError, match="labels reach 9,223,372,036,854,775,807"):
        load(tmp_path / "a.npz")


def test_both_splits_count_the_same_classes(tmp_path: Path) -> None:
    arrays = {"x_train": COLOUR[:4], "y_train": LABEL[:4], "x_test": COLOUR[4:], "y_test": LABEL[4:]}
    np.savez(tmp_path / "a.npz", **arrays)
    train, test = load(tmp_path / "a.npz", "train"), load(tmp_path / "a.npz")
    assert (len(train), len(test)) == (4, 2)
    assert train.num_classes == test.num_classes == 3
    assert load(tmp_path / "a.npz", num_classes=7).num_classes == 7


@pytest.mark.parametrize(
    ("images", "shape"),
    [
        (COLOUR, (6, 3, 8, 10)),
        (COLOUR.transpose(0, 3, 1, 2), (6, 3, 8, 10)),
        (COLOUR[..., 0], (6, 1, 8, 10)),
        (COLOUR[..., :1], (6, 1, 8, 10)),
    ],
)
def test_layouts(images: np.ndarray, shape: tuple[int, ...], tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", images=images, labels=LABEL)
    loaded = load(tmp_path / "a.npz").images_NCHW
    assert loaded.shape == shape
    assert int(loaded[2, 0, 3, 4]) == COLOUR[2, 3, 4, 0]


def test_numbers_from_0_to_1_become_eight_bits(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=COLOUR / 255.0, labels=LABEL)
    np.testing.assert_array_equal(load(tmp_path / "a.npz").images_NCHW.permute(0, 2, 3, 1).numpy(), COLOUR)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": COLOUR}, "holds images: expected an array named labels"),
        ({"foo": COLOUR, "bar": LABEL}, "holds foo, bar: expected an array named images"),
        ({"images": COLOUR, "labels": LABEL[:3]}, "has 6 images and 3 labels"),
        ({"images": COLOUR, "labels": LABEL * 0.5}, r"labels must be integers of shape \(N,\), got float64"),
        ({"images": COLOUR, "labels": np.ones((6, 3), dtype=int)}, r"labels must be integers of shape \(N,\)"),
        ({"images": COLOUR, "labels": np.eye(3)[LABEL]}, r"labels are one-hot, 3 numbers an image: .*argmax"),
        ({"images": COLOUR.astype(np.int32), "labels": LABEL}, "got int32"),
        ({"images": COLOUR[0], "labels": LABEL}, "has 8 images and 6 labels"),
        ({"images": COLOUR.astype(float), "labels": LABEL}, r"must lie in \[0, 1\], got 0 to 255"),
        ({"images": COLOUR * np.nan, "labels": LABEL}, r"must lie in \[0, 1\]"),
        ({"images": COLOUR[:0], "labels": LABEL[:0]}, "has 0 images and 0 labels"),
        (
            {"images": COLOUR, "labels": LABEL - 2},
            "labels are -1 for 2 of 6 images, which usually means unlabelled or ignore",
        ),
        ({"images": COLOUR, "labels": LABEL - 5}, r"labels must lie in 0\.\..*, got -5"),
        (
            {"images": COLOUR, "labels": LABEL + 1},
            "labels count from 1 to 3, and labels here count from 0: save labels - 1",
        ),
        (
            {"images": COLOUR, "labels": np.where(LABEL == 2, 255, LABEL)},
            "labels are 255 for 2 of 6 images, which .*ignore",
        ),
        ({"images": COLOUR, "labels": np.where(LABEL == 2, -100, LABEL)}, "labels are -100 for 2 of 6 images"),
        ({"images": COLOUR, "labels": LABEL * 2**40}, r"labels reach 2,199,023,255,552, and at most 100,000 classes"),
        ({"images": COLOUR, "labels": np.array([0, 1, 2, 3, 4, 2**64 - 1], dtype=np.uint64)}, "labels reach 9,223,"),
        (
            {"images": COLOUR, "labels": np.array(list("abcabc"))},
            r"labels are words \(<U1\): number the classes from 0",
        ),
        ({"images": COLOUR[:, :0], "labels": LABEL}, "has images of 3 x 0 x 10 .*, which hold no pixel"),
        ({"images": np.array([object()] * 6), "labels": LABEL}, "arrays of Python objects are refused"),
    ],
)
def test_refusals(arrays: dict[str, np.ndarray], message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path / "a.npz")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.npz", None, "there is no such file or folder"),
        ("a.npz", b"no zip", "cannot be read as NumPy arrays"),
        ("a.npz", b"", "cannot be read as NumPy arrays"),
        ("a.mat", b"x", r"give an \.npz with images and labels"),
    ],
)
def test_files_that_are_no_arrays(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        load(tmp_path / name)
    assert peek_size(ArraysConfig(root=str(tmp_path / name)), "test") is None


def test_the_training_split_needs_its_own_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=COLOUR, labels=LABEL)
    with pytest.raises(DataError, match="expected an array named train_images"):
        load(tmp_path / "a.npz", "train")


def test_a_root_is_needed() -> None:
    with pytest.raises(ConfigError, match=r"data=arrays needs data\.root=PATH"):
        ArraysConfig()


@pytest.mark.parametrize(
    ("arrays", "labels"),
    [
        ({"coarse_labels": LABEL * 0, "fine_labels": LABEL}, "fine_labels"),
        ({"label_names": np.array(list("abc")), "labels": LABEL}, "labels"),
        ({"image_id": np.arange(6), "labels": LABEL}, "labels"),
        ({"class_names": np.array(["a", None], dtype=object), "y": LABEL}, "y"),
        ({"train_labels": LABEL * 0, "Labels": LABEL}, "Labels"),
    ],
)
def test_an_exact_name_comes_before_one_that_contains_it(
    arrays: dict[str, np.ndarray], labels: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "a.npz", **arrays, images=COLOUR)
    loaded = load(tmp_path / "a.npz")
    assert loaded.label_N.tolist() == arrays[labels].tolist()
    assert (loaded.split, loaded.notes) == ("all", ())


def test_an_array_whose_name_only_contains_the_word_is_taken_and_said(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", my_images=COLOUR, my_labels=LABEL, image_id=np.arange(6))
    loaded = load(tmp_path / "a.npz")
    assert loaded.notes == ("images are the array my_images", "labels are the array my_labels")


def test_of_several_that_fit_none_is_taken(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=COLOUR, labels=LABEL, y=LABEL * 0)
    with pytest.raises(DataError, match=r"holds labels and y, which may all be the labels: give data\.labels=NAME"):
        load(tmp_path / "a.npz")
    assert load(tmp_path / "a.npz", labels="y", num_classes=2).label_N.tolist() == [0] * 6


def test_a_name_that_is_given_holds_for_both_splits(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "a.npz", train_pics=COLOUR, pics_test=COLOUR[:2], train_kind=LABEL, test_kind=LABEL[:2], y=LABEL
    )
    for split, count in (("train", 6), ("test", 2)):
        images = load(tmp_path / "a.npz", split, images="pics", labels="kind")
        assert (len(images), images.split, images.num_classes) == (count, split, 3)


def test_labels_from_1_are_taken_where_the_classes_are_given(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=COLOUR, labels=LABEL + 1)
    assert load(tmp_path / "a.npz", num_classes=4).label_N.tolist() == (LABEL + 1).tolist()
    with pytest.raises(DataError, match="labels count from 1 to 3"):
        load(tmp_path / "a.npz", num_classes=3)


def lying(file: Path, shape: tuple[int, ...]) -> None:
    """Write an array of 480 bytes whose header says another shape."""
    with file.open("wb") as opened:
        np.lib.format.write_array_header_1_0(opened, {"descr": "|u1", "fortran_order": False, "shape": shape})
        opened.write(bytes(480))


@pytest.mark.parametrize("shape", [(10**12, 8, 10, 3), (-1, 8, 10, 3), (1, 8, 10, 3)])
def test_a_header_that_lies_is_refused_before_anything_is_allocated(shape: tuple[int, ...], tmp_path: Path) -> None:
    lying(tmp_path / "images.npy", shape)
    np.save(tmp_path / "labels.npy", LABEL)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.write(tmp_path / "images.npy", "images.npy")
        archive.write(tmp_path / "labels.npy", "labels.npy")
    for path in (tmp_path, tmp_path / "a.npz"):
        with pytest.raises(DataError, match=r"images.* is damaged: its header says uint8 .*, and 480 bytes follow it"):
            load(path)


def test_what_exceeds_the_memory_is_refused_with_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "a.npz", images=np.zeros((40, 32, 32, 3), np.uint8), labels=np.arange(40) % 2)
    monkeypatch.setattr("fsens_cli.memory.machine_memory", lambda: 100_000)
    with pytest.raises(DataError, match=r"images of .*a\.npz take 0\.1 MB, and this machine has 0\.1 MB: save fewer"):
        load(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x93NUMPY\x01\x00", "is a single .npy array: save images and labels into one file"),
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
        (b"\x80\x04K\x01.", "is a pickle, which could run code"),
        (b"\x1f\x8b\x08\x00", "is a gzip file: unpack it"),
        (b"PK\x03\x04 and no more", "cannot be read as NumPy arrays"),
    ],
)
def test_files_that_are_no_npz_though_named_so(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=message):
        load(tmp_path / "a.npz")


def test_a_pipe_among_the_arrays_is_not_waited_for(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", COLOUR)
    os.mkfifo(tmp_path / "labels.npy")
    with pytest.raises(DataError, match=r"labels\.npy is no file"):
        load(tmp_path)
