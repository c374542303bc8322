"""Pictures in folders: layouts, sizes, and every way in which they can be wrong."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fsens_cli.data import pictures
from fsens_cli.data.catalog import may_be_imagenet, peek_classes, peek_size
from fsens_cli.data.folder import FolderConfig, ImageNetConfig
from fsens_cli.data.folder_images import load_folder
from fsens_cli.data.geometry import Geometry
from fsens_cli.data.wanted import Wanted
from fsens_cli.errors import ConfigError, DataError


def picture(path: Path, height: int = 6, width: int = 9, *, seed: int = 0, mode: str = "RGB") -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (height, width) if mode == "L" else (height, width, 3)
    array = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(array).save(path)
    return array


def tree(root: Path, names: Sequence[str] = "ab", count: int = 3, **options: int) -> None:
    for c, name in enumerate(names):
        for i in range(count):
            picture(root / name / f"{i}.png", seed=10 * c + i, **options)  # type: ignore[arg-type]


def load(root: Path, split: str = "test", **settings: object):  # noqa: ANN201
    return load_folder(FolderConfig(root=str(root), **settings), split)  # type: ignore[arg-type]


def test_a_flat_folder_is_all_images_and_no_test_split(tmp_path: Path) -> None:
    tree(tmp_path / "pets")
    images = load(tmp_path / "pets")
    assert images.images_NCHW.shape == (6, 3, 6, 9)
    assert images.label_N.tolist() == [0, 0, 0, 1, 1, 1]
    assert images.class_names == ("a", "b")
    assert (images.title, images.split, images.subject) == ("pets", "all", "pets, all images")


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
        ({"size": [32, 32, 3]}, r"data.size=\[32, 32, 3\]: give \[HEIGHT,WIDTH\]"),
        ({"size": [32, 0]}, r"data.size=\[32, 0\]"),
        ({"channels": 4}, "data.channels=4"),
        ({"test_fraction": 1.0}, "data.test_fraction=1.0"),
        ({"test_fraction": -0.1}, "data.test_fraction=-0.1"),
    ],
)
def test_refuses_settings(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FolderConfig(**({"root": "x"} | settings))  # type: ignore[arg-type]


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return a list that fills with the pictures that are decoded."""
    decoded: list[Path] = []
    read = pictures.read_picture
    monkeypatch.setattr(pictures, "read_picture", lambda file, *rest: decoded.append(file) or read(file, *rest))
    return decoded


def test_a_second_start_decodes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path)
    first = load(tmp_path)
    decoded = counted(monkeypatch)
    again = load(tmp_path)
    assert decoded == []
    assert torch.equal(first.images_NCHW, again.images_NCHW)
    assert first.fingerprint() == again.fingerprint()


@pytest.mark.parametrize("change", ["content", "size", "channels", "new picture"])
def test_what_changes_the_pictures_decodes_them_again(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path)
    before = load(tmp_path)
    settings: dict[str, object] = {"size": {"size": [5, 5]}, "channels": {"channels": 1}}.get(change, {})
    if change == "content":
        picture(tmp_path / "a" / "1.png", seed=99)
    if change == "new picture":
        picture(tmp_path / "a" / "9.png", seed=99)
    decoded = counted(monkeypatch)
    after = load(tmp_path, **settings)
    assert len(decoded) >= len(after)
    assert after.fingerprint() != before.fingerprint()


def test_only_the_wanted_pictures_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, "abcd", count=5)
    whole = load(tmp_path)
    picture(tmp_path / "a" / "0.png", seed=77)  # another store
    decoded = counted(monkeypatch)
    config = FolderConfig(root=str(tmp_path))
    few = load_folder(config, "test", Wanted(num_images=3, seed=5))
    assert len(decoded) == len(few) == 3
    assert torch.equal(few.index_N, whole.sample(3, 5).index_N)
    more = load_folder(config, "test", Wanted(num_images=3, seed=6))
    assert len(set(decoded)) == len(decoded) == len({*few.index_N.tolist(), *more.index_N.tolist()})


def test_a_subset_of_pictures_is_stratified(tmp_path: Path) -> None:
    tree(tmp_path, "ab", count=6)
    assert torch.bincount(load(tmp_path, subset=4).label_N).tolist() == [2, 2]


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path / "pics")
    (tmp_path / "taken").write_text("x")
    monkeypatch.setenv("FSENS_CACHE", str(tmp_path / "taken"))
    assert len(load(tmp_path / "pics")) == 6


WORDNET = {"n01440764": 0, "n01443537": 1, "n02119789": 278, "n15075141": 999}


@pytest.fixture
def wordnet(tmp_path: Path) -> Path:
    for seed, name in enumerate(WORDNET):
        picture(tmp_path / "val" / name / "x.JPEG", 40, 50, seed=seed)
    return tmp_path


def test_imagenet_s_numbers_of_a_part_of_its_classes(wordnet: Path) -> None:
    """The numbers are published ones: tench, goldfish, kit fox, toilet tissue; not the folders' own order."""
    config = ImageNetConfig(root=str(wordnet), size=[32, 32])
    images = load_folder(config, "test")
    assert images.label_N.tolist() == list(WORDNET.values())
    assert (images.num_classes, images.title) == (1000, "ImageNet")
    assert images.class_names[278] == "n02119789"


def test_imagenet_without_a_val_folder(wordnet: Path) -> None:
    assert load_folder(ImageNetConfig(root=str(wordnet / "val")), "test").label_N.tolist() == list(WORDNET.values())


@pytest.mark.parametrize(
    ("classes", "imagenet", "labels"),
    [
        ("auto", True, list(WORDNET.values())),
        ("auto", False, [0, 1, 2, 3]),
        ("own", True, [0, 1, 2, 3]),
        ("imagenet", False, list(WORDNET.values())),
    ],
)
def test_wordnet_folders_are_numbered_as_the_weights_need(
    classes: str, imagenet: bool, labels: list[int], wordnet: Path
) -> None:
    config = FolderConfig(root=str(wordnet), classes=classes)
    images = load_folder(config, "test", Wanted(imagenet=imagenet))
    assert images.label_N.tolist() == labels
    assert peek_classes(config, "test", imagenet=imagenet) == images.num_classes


def test_other_folders_are_never_numbered_as_imagenet(tmp_path: Path) -> None:
    tree(tmp_path)
    assert load_folder(FolderConfig(root=str(tmp_path)), "test", Wanted(imagenet=True)).num_classes == 2
    with pytest.raises(DataError, match=r"class folder a is named by no WordNet id of ImageNet-1k .*data\.classes=own"):
        load_folder(ImageNetConfig(root=str(tmp_path)), "test")


def test_pictures_become_what_the_weights_were_made_for(wordnet: Path) -> None:
    native = Geometry(height=16, width=16, shorter=20, interpolation="bilinear")
    images = load_folder(ImageNetConfig(root=str(wordnet)), "test", Wanted(native=native))
    assert images.images_NCHW.shape == (4, 3, 16, 16)
    with Image.open(wordnet / "val" / "n01440764" / "x.JPEG") as opened:
        expected = np.asarray(native.of_picture(opened.convert("RGB")))
    np.testing.assert_array_equal(images.images_NCHW[0].permute(1, 2, 0).numpy(), expected)
    own = load_folder(ImageNetConfig(root=str(wordnet), size=[8, 8]), "test", Wanted(native=native))
    assert own.images_NCHW.shape[-2:] == (8, 8)


def test_imagenet_as_it_is_downloaded(tmp_path: Path) -> None:
    picture(tmp_path / "val" / "ILSVRC2012_val_00000001.JPEG", 8, 8)
    with pytest.raises(DataError, match="holds pictures but no class folders: sort them into one folder a class"):
        load_folder(ImageNetConfig(root=str(tmp_path)), "test")


def test_the_size_is_known_before_loading(tmp_path: Path) -> None:
    tree(tmp_path)
    config = FolderConfig(root=str(tmp_path))
    assert peek_size(config, "test") == (6, 9)
    assert peek_size(config, "test", Geometry(height=4, width=5)) == (4, 5)
    assert peek_size(FolderConfig(root=str(tmp_path / "none")), "test") is None


def test_a_link_to_nowhere_is_named(tmp_path: Path) -> None:
    tree(tmp_path / "pics")
    (tmp_path / "pics" / "a" / "9.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(DataError, match=r"a/9\.png cannot be read \(No such file or directory\): look at data\.root"):
        load(tmp_path / "pics")


@pytest.mark.slow
def test_ten_thousand_pictures_start_in_less_than_a_second_the_second_time(tmp_path: Path) -> None:
    for i in range(10_000):
        file = tmp_path / f"c{i % 10}" / f"{i}.png"
        if i < 10:
            picture(file, 64, 64, seed=i)
        else:
            file.hardlink_to(tmp_path / f"c{i % 10}" / f"{i % 10}.png")
    load(tmp_path)
    start = time.perf_counter()
    images = load(tmp_path)
    took = time.perf_counter() - start
    assert len(images) == 10_000
    assert took < 1.0


def test_deeper_trees_are_read_like_torchvision_reads_them(tmp_path: Path) -> None:
    """Tiny-ImageNet keeps its pictures in CLASS/images."""
    from torchvision.datasets import ImageFolder

    for c, name in enumerate("ab"):
        for i, place in enumerate(("images/1.png", "images/0.png", "0.png", "z/deep/er/0.png", "images-2/0.png")):
            picture(tmp_path / "set" / name / place, seed=10 * c + i)
    (tmp_path / "set" / "a" / "images" / "back").symlink_to(tmp_path / "set" / "a")
    (tmp_path / "set" / "b" / "notes").mkdir()
    images = load(tmp_path / "set")
    assert len(images) == 10
    (tmp_path / "set" / "a" / "images" / "back").unlink()
    theirs = ImageFolder(str(tmp_path / "set"))
    assert [str(f) for f in images.files] == [f for f, _ in theirs.samples]
    assert images.label_N.tolist() == theirs.targets
    (said,) = images.notes
    assert said.startswith("pictures below class folders (a/images/0.png, ...) belong to the class of the topmost one")


@pytest.mark.parametrize(("train", "test"), [("Train", "Test"), ("TRAIN", "Val"), ("training", "Validation")])
def test_split_folders_in_any_case(train: str, test: str, tmp_path: Path) -> None:
    tree(tmp_path / train, count=4)
    tree(tmp_path / test, count=2)
    assert (len(load(tmp_path, "train")), len(load(tmp_path, "test"))) == (8, 4)


def test_split_folders_that_differ_in_case_alone(tmp_path: Path) -> None:
    tree(tmp_path / "train")
    tree(tmp_path / "Train")
    with pytest.raises(DataError, match="has Train and train: keep one of them"):
        load(tmp_path, "train")


def test_unsorted_pictures_of_tiny_imagenet(tmp_path: Path) -> None:
    tree(tmp_path / "train")
    picture(tmp_path / "val" / "images" / "val_0.png")
    (tmp_path / "val" / "val_annotations.txt").write_text("val_0.png a 0 0 6 9")
    with pytest.raises(DataError, match=r"val_annotations\.txt says which picture is of which class: sort them"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("classes", "names"),
    [
        ("auto", ("0", "1", "10", "2")),
        ("own", ("0", "1", "10", "2")),
        ("numeric", ("0", "1", "2", "10")),
        (["10", "2", "1", "0", "7"], ("10", "2", "1", "0", "7")),
        ([10, 2, 1, 0], ("10", "2", "1", "0")),
    ],
)
def test_class_folders_named_by_numbers(classes: object, names: tuple[str, ...], tmp_path: Path) -> None:
    tree(tmp_path, ("0", "1", "2", "10"), count=1)
    images = load(tmp_path, classes=classes)
    assert images.class_names == names
    assert images.label_N.tolist() == [names.index(folder) for folder in ("0", "1", "10", "2")]
    said = "labelled in order of their names (0, 1, 10, 2, ...), as torchvision does; data.classes=numeric"
    assert any(said in note for note in images.notes) == (classes == "auto")


def test_nothing_is_said_of_numbers_whose_order_is_that_of_their_names(tmp_path: Path) -> None:
    tree(tmp_path, ("0", "1", "2"), count=1)
    assert load(tmp_path).notes == ()


def test_folders_0_to_999_are_imagenet_s_where_the_weights_are(tmp_path: Path) -> None:
    """ImageNet-V2 names its class folders so."""
    picture(tmp_path / "0" / "x.png")
    for i in range(1, 1000):
        (tmp_path / str(i)).mkdir()
        (tmp_path / str(i) / "x.png").hardlink_to(tmp_path / "0" / "x.png")
    config = FolderConfig(root=str(tmp_path))
    assert may_be_imagenet(config)
    images = load_folder(config, "test", Wanted(imagenet=True))
    assert images.label_N.tolist() == [int(f.parent.name) for f in images.files]
    assert images.class_names[1] == "n01443537"  # goldfish, as published
    assert images.notes == ("class folders named 0 to 999 are read as the numbers of ImageNet-1k's classes",)
    other = load_folder(config, "test")
    assert other.class_names[:3] == ("0", "1", "10")


def test_a_few_numbers_are_imagenet_s_where_that_is_asked_for(tmp_path: Path) -> None:
    tree(tmp_path, ("7", "412", "30"), count=1)
    assert load_folder(FolderConfig(root=str(tmp_path)), "test", Wanted(imagenet=True)).num_classes == 3
    for classes in ("imagenet", "numeric"):
        config = FolderConfig(root=str(tmp_path), classes=classes)
        images = load_folder(config, "test", Wanted(imagenet=True))
        assert (images.label_N.tolist(), images.num_classes) == ([30, 412, 7], 1000)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["a"], "give at least two class folders"),
        (["a", "b", "a"], "data.classes has a twice"),
        ("names", "data.classes=names is not known; data.classes can be auto, own, numeric, imagenet"),
        (3, "data.classes=3: give auto, own, numeric, imagenet or a list"),
    ],
)
def test_refuses_classes(classes: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FolderConfig(root="x", classes=classes)


def test_classes_that_do_not_fit_the_folders(tmp_path: Path) -> None:
    tree(tmp_path)
    with pytest.raises(DataError, match=r"the class folder a is named by no number; give data\.classes=own"):
        load(tmp_path, classes="numeric")
    with pytest.raises(DataError, match=r"has the class a, which data\.classes has not: b, c"):
        load(tmp_path, classes=["b", "c"])


def test_how_pictures_are_read_is_said_for_the_record(tmp_path: Path) -> None:
    tree(tmp_path)
    assert "transparency is laid over white" in load(tmp_path).rules
