"""The pictures that a list names, and the first ones in file order."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fsens_cli.data.catalog import load_images
from fsens_cli.data.dualband import DualbandConfig
from fsens_cli.data.folder import FolderConfig
from fsens_cli.data.folder_images import load_folder
from fsens_cli.data.wanted import Wanted
from fsens_cli.errors import ConfigError, DataError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for c, name in enumerate(("n01440764", "n01443537")):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for p in range(4):
            picture = Image.fromarray(np.full((16, 16, 3), 10 * c + p, np.uint8))
            picture.save(tmp_path / "pictures" / name / f"ILSVRC2012_val_{p}.png")
    return tmp_path


def first_pixels(root: Path, lines: str, **settings: object) -> list[int]:
    (root / "list.txt").write_text(lines)
    config = FolderConfig(root=str(root / "pictures"), list=str(root / "list.txt"), **settings)  # type: ignore[arg-type]
    images = load_folder(config, "test", Wanted(num_images=3))
    assert images.index_N.tolist() == sorted(images.index_N.tolist())
    return images.images_NCHW[:, 0, 0, 0].tolist()


def test_a_list_in_any_order_gives_its_pictures_in_file_order(root: Path) -> None:
    lines = "n01443537/ILSVRC2012_val_3.png\n\nval/n01440764/ILSVRC2012_val_1.png\n"
    assert first_pixels(root, lines) == [1, 13]


def test_the_first_are_the_first_of_the_list(root: Path) -> None:
    lines = "".join(f"n0144{c}/ILSVRC2012_val_{p}.png\n" for c in ("0764", "3537") for p in (2, 3))
    assert first_pixels(root, lines, choice="first") == [2, 3, 12]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("", "names no picture"),
        ("n01440764/ILSVRC2012_val_9.png\n", r"is not among the 8 pictures \(1 of 1 lines are not\)"),
        ("\udcff", "cannot be read as text"),
    ],
)
def test_lists_that_name_nothing(root: Path, lines: str, said: str) -> None:
    (root / "list.txt").write_bytes(lines.encode(errors="surrogateescape"))
    config = FolderConfig(root=str(root / "pictures"), list=str(root / "list.txt"))
    with pytest.raises(DataError, match=said):
        load_folder(config, "test")
    with pytest.raises(DataError, match="cannot be read"):
        load_folder(FolderConfig(root=str(root / "pictures"), list=str(root / "nowhere")), "test")


def test_the_first_images_of_any_set() -> None:
    config = DualbandConfig(test_size=40, choice="first")
    assert load_images(config, "test", Wanted(num_images=7, seed=3)).index_N.tolist() == list(range(7))
    with pytest.raises(ConfigError, match=r"data.choice=last .* random, first"):
        DualbandConfig(choice="last")
