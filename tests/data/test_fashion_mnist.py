"""Fashion-MNIST: its four files, packed or not, wherever they are."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
from loopback import Web

from fsens_cli.data import fashion_mnist
from fsens_cli.data.catalog import load_images, place_of
from fsens_cli.data.fashion_mnist import CLASSES, HOME, PUBLISHED, FashionMnistConfig
from fsens_cli.errors import ConfigError, DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)
LABELS = np.array([0, 9, 3, 3, 1, 7], dtype=np.uint8)
IMAGES_FILE, LABELS_FILE = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def idx(values: np.ndarray) -> bytes:
    sizes = b"".join(int(n).to_bytes(4, "big") for n in values.shape)
    return bytes([0, 0, 8, values.ndim]) + sizes + values.tobytes()


def supply(folder: Path, *, packed: bool = True, **changed: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in ((IMAGES_FILE, PIXELS), (LABELS_FILE, LABELS)):
        content = idx(values)
        (folder / f"{name}{'.gz' * packed}").write_bytes(gzip.compress(content) if packed else content)
    return folder


@pytest.fixture(autouse=True)
def no_debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fashion_mnist, "DEBIAN", tmp_path / "debian")


def test_checksums_are_the_published_ones() -> None:
    """Torchvision keeps the same list, written down independently."""
    from torchvision.datasets import FashionMNIST

    assert [(f"{n}.gz", m) for n, (m, _) in PUBLISHED.items()] == FashionMNIST.resources
    assert FashionMNIST.mirrors == [HOME]
    assert list(CLASSES) == FashionMNIST.classes


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("place", ["", "FashionMNIST/raw"])
def test_own_files(packed: bool, place: str, tmp_path: Path) -> None:
    supply(tmp_path / "x" / place, packed=packed)
    images = load_images(FashionMnistConfig(root=str(tmp_path / "x")), "test")
    np.testing.assert_array_equal(images.images_NCHW[:, 0].numpy(), PIXELS)
    assert images.label_N.tolist() == LABELS.tolist()


def test_debian_s_package_is_found(tmp_path: Path) -> None:
    assert place_of(FashionMnistConfig()) is None
    supply(tmp_path / "debian")
    assert len(load_images(FashionMnistConfig(), "test")) == 6
    assert place_of(FashionMnistConfig()) == tmp_path / "debian" / f"{IMAGES_FILE}.gz"


def test_three_channels(tmp_path: Path) -> None:
    images = load_images(FashionMnistConfig(root=str(supply(tmp_path)), channels=3), "test").images_NCHW
    assert images.shape == (6, 3, 28, 28)
    np.testing.assert_array_equal(images[:, 2].numpy(), PIXELS)
    with pytest.raises(ConfigError, match=r"data\.channels=2: 3 is RGB, 1 is gray"):
        FashionMnistConfig(channels=2)


def test_fetched(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, values in ((IMAGES_FILE, PIXELS), (LABELS_FILE, LABELS)):
        content = web.files[f"/f/{name}.gz"] = gzip.compress(idx(values))
        monkeypatch.setitem(fashion_mnist.PUBLISHED, name, (hashlib.md5(content).hexdigest(), len(content)))
    monkeypatch.setenv("FSENS_FASHION_MNIST_URL", f"{web.address}/f/")
    assert len(load_images(FashionMnistConfig(), "test")) == 6
    assert len(load_images(FashionMnistConfig(), "test")) == 6
    assert [path for _, path, _ in web.requests] == [f"/f/{IMAGES_FILE}.gz", f"/f/{LABELS_FILE}.gz"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (IMAGES_FILE, b"not gzip", "is damaged"),
        (IMAGES_FILE, gzip.compress(idx(PIXELS), mtime=0)[:500], "is damaged"),
        (IMAGES_FILE, gzip.compress(b"hello", mtime=0), "is not the official file"),
        (IMAGES_FILE, gzip.compress(idx(LABELS), mtime=0), "is not the official file"),
        (IMAGES_FILE, gzip.compress(idx(PIXELS)[:-1], mtime=0), "is damaged"),
        (LABELS_FILE, gzip.compress(idx(LABELS[:4]), mtime=0), "is damaged: images of shape"),
        (IMAGES_FILE, gzip.compress(idx(PIXELS[:, :14]), mtime=0), "is damaged: images of shape"),
        (LABELS_FILE, gzip.compress(idx(LABELS + 20), mtime=0), r"labels must lie in 0\.\.9, got 29"),
    ],
)
def test_damaged(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (supply(tmp_path) / f"{name}.gz").write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_images(FashionMnistConfig(root=str(tmp_path)), "test")


def test_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Fashion-MNIST is not at data\.root=.*dataset-fashion-mnist"):
        load_images(FashionMnistConfig(root=str(tmp_path)), "train")
