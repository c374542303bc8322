"""Pictures in folders: layouts, sizes, and every way in which they can be wrong."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fsens_cli.data.folder import FolderConfig, load_folder
from fsens_cli.errors import ConfigError, DataError


def picture(path: Path, height: int = 6, width: int = 9, *, seed: int = 0, mode: str = "RGB") -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (height, width) if mode == "L" else (height, width, 3)
    array = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(array).save(path)
    return array


def tree(root: Path, names: str = "ab", count: int = 3, **options: int) -> None:
    for c, name in enumerate(names):
        for i in range(count):
            picture(root / name / f"{i}.png", seed=10 * c + i, **options)  # type: ignore[arg-type]


def load(root: Path, split: str = "test", **settings: object):  # noqa: ANN201
    return load_folder(FolderConfig(root=str(root), **settings), split)  # type: ignore[arg-type]


def test_flat_folder_is_one_test_split(tmp_path: Path) -> None:
    tree(tmp_path / "pets")
    images = load(tmp_path / "pets")
    assert images.images_NCHW.shape == (6, 3, 6, 9)
    assert images.label_N.tolist() == [0, 0, 0, 1, 1, 1]
    assert images.class_names == ("a", "b")
    assert (images.title, images.split) == ("pets", "test")


def test_pixels_arrive_unchanged(tmp_path: Path) -> None:
    arrays = [picture(tmp_path / c / "1.png", seed=s) for s, c in enumerate("ab")]
    images = load(tmp_path)
    for image, array in zip(images.images_NCHW, arrays, strict=True):
        np.testing.assert_array_equal(image.permute(1, 2, 0).numpy(), array)


@pytest.mark.parametrize(
    ("train", "test"), [("train", "test"), ("training", "val"), ("train", "valid"), ("train", "validation")]
)
def test_split_folders(train: str, test: str, tmp_path: Path) -> None:
    tree(tmp_path / train, count=4)
    tree(tmp_path / test, count=2)
    assert len(load(tmp_path, "train")) == 8
    assert len(load(tmp_path, "test")) == 4


def test_labels_are_the_training_classes_in_both_splits(tmp_path: Path) -> None:
    tree(tmp_path / "train", "abc")
    tree(tmp_path / "test", "ac")
    test = load(tmp_path, "test")
    assert test.class_names == load(tmp_path, "train").class_names == ("a", "b", "c")
    assert test.label_N.tolist() == [0, 0, 0, 2, 2, 2]


def test_a_test_class_that_was_never_trained_is_refused(tmp_path: Path) -> None:
    tree(tmp_path / "train", "ab")
    tree(tmp_path / "test", "abz")
    with pytest.raises(DataError, match="test has the class z, which the training folder has not: a, b"):
        load(tmp_path, "test")


def test_flat_folder_with_a_part_kept_for_testing(tmp_path: Path) -> None:
    tree(tmp_path, "abc", count=5)
    train, test = (load(tmp_path, s, test_fraction=0.4) for s in ("train", "test"))
    assert torch.bincount(train.label_N).tolist() == [3, 3, 3]
    assert torch.bincount(test.label_N).tolist() == [2, 2, 2]
    assert sorted([*train.index_N.tolist(), *test.index_N.tolist()]) == list(range(15))
    assert load(tmp_path, "test", test_fraction=0.4, seed=1).index_N.tolist() != test.index_N.tolist()


@pytest.mark.parametrize(("fraction", "split"), [(0.1, "test"), (0.9, "train")])
def test_a_fraction_that_leaves_a_split_empty(fraction: float, split: str, tmp_path: Path) -> None:
    tree(tmp_path, count=2)
    with pytest.raises(DataError, match=rf"data.test_fraction={fraction} leaves no picture for the {split} split"):
        load(tmp_path, split, test_fraction=fraction)


def test_training_needs_a_test_part(tmp_path: Path) -> None:
    tree(tmp_path)
    with pytest.raises(DataError, match=r"has no train and test folders: give data\.test_fraction=0\.2"):
        load(tmp_path, "train")


def test_gray(tmp_path: Path) -> None:
    array = picture(tmp_path / "a" / "1.png", mode="L")
    picture(tmp_path / "b" / "1.png", seed=3)
    images = load(tmp_path, channels=1)
    assert images.images_NCHW.shape == (2, 1, 6, 9)
    np.testing.assert_array_equal(images.images_NCHW[0, 0].numpy(), array)
    three = load(tmp_path, channels=3)
    np.testing.assert_array_equal(three.images_NCHW[0, 2].numpy(), array)


def test_pictures_are_brought_to_one_size(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "1.png", 40, 60)
    picture(tmp_path / "b" / "1.jpg", 31, 17)
    assert load(tmp_path, size=[12, 20]).images_NCHW.shape == (2, 3, 12, 20)


def test_other_files_and_hidden_folders_are_passed_over(tmp_path: Path) -> None:
    tree(tmp_path)
    (tmp_path / "a" / "notes.txt").write_text("hello")
    (tmp_path / "a" / "._0.png").write_bytes(b"resource fork of another system")
    (tmp_path / "LICENSE").write_text("x")
    (tmp_path / ".cache").mkdir()
    assert len(load(tmp_path)) == 6


@pytest.mark.parametrize("name", ["x.jpg", "x.jpeg", "x.png", "x.bmp", "x.gif", "x.tif", "x.webp", "X.JPG"])
def test_formats(name: str, tmp_path: Path) -> None:
    picture(tmp_path / "a" / name, 8, 8)
    picture(tmp_path / "b" / name, 8, 8)
    assert load(tmp_path).images_NCHW.shape == (2, 3, 8, 8)


def test_sixteen_bits_are_scaled_or_refused(tmp_path: Path) -> None:
    tree(tmp_path, names="b")
    (tmp_path / "a").mkdir()
    Image.fromarray(np.full((6, 9), 1000, dtype=np.uint16)).save(tmp_path / "a" / "0.png")
    with pytest.raises(DataError, match=r"0\.png has more than 8 bits a channel"):
        load(tmp_path)


def test_unreadable_picture_is_named(tmp_path: Path) -> None:
    tree(tmp_path)
    (tmp_path / "b" / "1.png").write_bytes(b"not a picture")
    with pytest.raises(DataError, match=r"b/1\.png cannot be read as a picture"):
        load(tmp_path)


def test_truncated_picture_is_named(tmp_path: Path) -> None:
    tree(tmp_path)
    picture(tmp_path / "a" / "2.jpg", 64, 64)
    whole = (tmp_path / "a" / "2.jpg").read_bytes()
    (tmp_path / "a" / "2.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"a/2\.jpg cannot be read as a picture"):
        load(tmp_path)


def test_picture_of_another_size_is_named(tmp_path: Path) -> None:
    tree(tmp_path)
    picture(tmp_path / "b" / "1.png", 9, 6)
    with pytest.raises(DataError, match=r"b/1\.png is 9x6 pixels and .*a/0\.png is 6x9 .*data\.size=\[HEIGHT,WIDTH\]"):
        load(tmp_path)


def test_class_without_pictures_is_named(tmp_path: Path) -> None:
    tree(tmp_path)
    (tmp_path / "c").mkdir()
    with pytest.raises(DataError, match="/c holds no pictures"):
        load(tmp_path)


def test_missing_root(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere is not a folder"):
        load(tmp_path / "nowhere")


def test_empty_root(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no sub-folder: expected one sub-folder of pictures a class"):
        load(tmp_path)


def test_one_class(tmp_path: Path) -> None:
    tree(tmp_path, "a")
    with pytest.raises(DataError, match="holds only a: expected one sub-folder"):
        load(tmp_path)


def test_missing_split(tmp_path: Path) -> None:
    tree(tmp_path / "train")
    with pytest.raises(DataError, match=r"has train but no test folder \(one of test, val, valid, validation\)"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"root": ""}, "data=folder needs data.root=FOLDER"),
        ({"size": [32]}, r"data.size=\[32\]: give \[HEIGHT,WIDTH\]"),
        ({"size": [32, 0]}, r"data.size=\[32, 0\]"),
        ({"channels": 4}, "data.channels=4"),
        ({"test_fraction": 1.0}, "data.test_fraction=1.0"),
        ({"test_fraction": -0.1}, "data.test_fraction=-0.1"),
    ],
)
def test_refuses_settings(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FolderConfig(**({"root": "x"} | settings))  # type: ignore[arg-type]
