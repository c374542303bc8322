"""Images that weights were trained on are known again, as files at any size and as pixels in any order."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from fsens_cli.data.dualband import DualbandConfig
from fsens_cli.data.dualband_images import load_dualband
from fsens_cli.data.folder import FolderConfig
from fsens_cli.data.folder_images import load_folder
from fsens_cli.data.trained_on import TrainedImages
from fsens_cli.data.wanted import Wanted


def flat(root: Path, count: int = 10) -> FolderConfig:
    for c, name in enumerate("ab"):
        (root / name).mkdir(parents=True)
        for i in range(count):
            pixels = np.random.default_rng(100 * c + i).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i}.png")
    return FolderConfig(root=str(root))


def test_pictures_are_known_at_another_size_and_under_another_name(tmp_path: Path) -> None:
    config = flat(tmp_path / "pictures")
    trained = TrainedImages.of(load_folder(config, "test"))
    (tmp_path / "pictures" / "a" / "0.png").rename(tmp_path / "pictures" / "a" / "moved.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "pictures" / "b" / "new.png")
    resized = load_folder(FolderConfig(root=config.root, size=[4, 4]), "test")
    assert (trained.seen(resized), len(resized)) == (20, 21)


def test_the_split_travels_with_the_weights(tmp_path: Path) -> None:
    config = flat(tmp_path / "pictures")
    kept = FolderConfig(root=config.root, test_fraction=0.3, seed=4)
    train, test = load_folder(kept, "train"), load_folder(kept, "test")
    wanted = Wanted(trained_on=TrainedImages.of(train))
    measured = load_folder(config, "test", wanted)
    assert (measured.index_N.tolist(), measured.subject) == (test.index_N.tolist(), "pictures test")
    assert measured.notes == ("14 of 20 pictures were trained on by these weights and are left out",)
    assert load_folder(config, "train", wanted).index_N.tolist() == train.index_N.tolist()


def test_pictures_that_were_never_trained_on_are_all_images(tmp_path: Path) -> None:
    trained = TrainedImages.of(load_folder(flat(tmp_path / "pictures", 3), "test"))
    config = flat(tmp_path / "others" / "pictures", 5)
    for picture in (tmp_path / "others").rglob("*.png"):
        Image.new("RGB", (8, 8), int(picture.stem) + 1).save(picture)
    images = load_folder(config, "test", Wanted(trained_on=trained))
    assert (len(images), images.subject, trained.seen(images)) == (10, "pictures, all images", 0)


def test_where_all_were_trained_on_all_are_there(tmp_path: Path) -> None:
    config = flat(tmp_path / "pictures", 3)
    images = load_folder(config, "test")
    again = load_folder(config, "test", Wanted(trained_on=TrainedImages.of(images)))
    assert (len(again), again.split) == (6, "all")


def test_pixels_are_known_in_any_order() -> None:
    config = DualbandConfig(train_size=40, test_size=20)
    train, test = (load_dualband(config, split, Wanted().meter) for split in ("train", "test"))
    trained = TrainedImages.of(train)
    assert trained.seen(train.select(torch.arange(9, -1, -1))) == 10
    assert trained.seen(test) == 0
    assert TrainedImages.of(test).together_with(trained).seen(train) == 40
    assert TrainedImages.of(test).together_with(None).seen(train) == 0
