"""NumPy files: names, layouts, types, and nothing unpickled."""

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
        ({"images": COLOUR, "labels": np.eye(6, 3, dtype=int)}, r"labels must be integers of shape \(N,\)"),
        ({"images": COLOUR.astype(np.int32), "labels": LABEL}, "got int32"),
        ({"images": COLOUR[0], "labels": LABEL}, "has 8 images and 6 labels"),
        ({"images": COLOUR.astype(float), "labels": LABEL}, r"must lie in \[0, 1\], got 0 to 255"),
        ({"images": COLOUR * np.nan, "labels": LABEL}, r"must lie in \[0, 1\]"),
        ({"images": COLOUR[:0], "labels": LABEL[:0]}, "has 0 images and 0 labels"),
        ({"images": COLOUR, "labels": LABEL - 1}, "labels must lie in 0"),
        ({"images": np.array([object()] * 6), "labels": LABEL}, "Python objects are refused"),
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
