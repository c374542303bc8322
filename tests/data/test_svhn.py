"""SVHN: read as its authors packed it, fetched, refused or explained."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from loopback import Web
from scipy.io import savemat

from fsens_cli.data import svhn
from fsens_cli.data.catalog import load_images, place_of
from fsens_cli.data.svhn import SvhnConfig
from fsens_cli.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 5), dtype=np.uint8)


@pytest.fixture
def mat(tmp_path: Path) -> Path:
    file = tmp_path / "test_32x32.mat"
    savemat(file, {"X": PIXELS, "y": np.array([[1], [10], [9], [2], [10]], dtype=np.uint8)})
    return file


def test_checksums_are_the_published_ones() -> None:
    """Torchvision keeps the same list, written down independently."""
    from torchvision.datasets import SVHN

    for split, file in svhn.FILES.items():
        assert [file.url, file.name, file.md5] == SVHN.split_list[split]


def test_ten_is_the_digit_zero(mat: Path) -> None:
    images = load_images(SvhnConfig(root=str(mat.parent)), "test")
    assert images.label_N.tolist() == [1, 0, 9, 2, 0]
    assert images.class_names[9] == "9"
    np.testing.assert_array_equal(images.images_NCHW[3].permute(1, 2, 0).numpy(), PIXELS[..., 3])


def test_fetched_from_a_mirror(mat: Path, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    content = mat.read_bytes()
    web.files["/svhn/test_32x32.mat"] = content
    official = replace(svhn.FILES["test"], md5=hashlib.md5(content).hexdigest())
    monkeypatch.setitem(svhn.FILES, "test", official)
    assert place_of(SvhnConfig()) is None
    images = load_images(SvhnConfig(mirror=f"{web.address}/svhn/"), "test")
    assert len(images) == 5
    assert str(place_of(SvhnConfig())).endswith("fsens/svhn/test_32x32.mat")


@pytest.mark.parametrize("content", [b"", b"no MATLAB file", b"MATLAB 5.0 MAT-file" + bytes(200)])
def test_damaged(content: bytes, mat: Path) -> None:
    mat.write_bytes(content)
    with pytest.raises(
        DataError, match=r"test_32x32\.mat is damaged: remove it and try again\. Give data\.root=FOLDER"
    ):
        load_images(SvhnConfig(root=str(mat.parent)), "test")


def test_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"SVHN is not at data\.root=.* and FSENS_OFFLINE forbids downloading\. Give"):
        load_images(SvhnConfig(root=str(tmp_path)), "test")
