"""CIFAR-10: found, refused or explained, without a network."""

import pickle
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
import torchvision

from fsens_cli.data.cifar10 import ARCHIVE, FOLDER, Cifar10Config, load_cifar10
from fsens_cli.errors import ConfigError, DataError


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FSENS_OFFLINE", "1")
    monkeypatch.delenv("FSENS_CIFAR10_URL", raising=False)


@pytest.fixture
def official(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve pictures in the official layout, their checksums taken for the official ones."""
    folder = tmp_path / FOLDER
    folder.mkdir()
    generator = np.random.default_rng(0)

    def write(name: str, content: object) -> None:
        (folder / name).write_bytes(pickle.dumps(content))

    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        pixels = generator.integers(0, 256, (2, 3072), dtype=np.uint8)
        write(name, {"data": pixels, "labels": [int(v) for v in generator.integers(0, 10, 2)]})
    write("batches.meta", {"label_names": [f"kind{i}" for i in range(10)]})
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "_check_integrity", lambda self: True)
    monkeypatch.setattr(torchvision.datasets.cifar, "check_integrity", lambda path, md5: True)
    return tmp_path


@pytest.mark.parametrize("inside", [False, True], ids=["the folder around it", "the folder itself"])
def test_official_layout(inside: bool, official: Path) -> None:
    root = official / FOLDER if inside else official
    train, test = (load_cifar10(Cifar10Config(root=str(root)), s) for s in ("train", "test"))
    assert train.images_NCHW.shape == (10, 3, 32, 32)
    assert test.images_NCHW.shape == (2, 3, 32, 32)
    assert test.class_names == tuple(f"kind{i}" for i in range(10))
    stored = pickle.loads((official / FOLDER / "test_batch").read_bytes())
    assert test.label_N.tolist() == stored["labels"]
    # The file's order is all of red, then green, then blue, rows first.
    assert torch.equal(test.images_NCHW, torch.from_numpy(stored["data"]).reshape(2, 3, 32, 32))
    assert (test.title, test.split) == ("CIFAR-10", "test")


def test_nothing_there_and_no_network_says_how_to_supply_it(tmp_path: Path) -> None:
    root = tmp_path / "nothing"
    with pytest.raises(DataError) as caught:
        load_cifar10(Cifar10Config(root=str(root)), "test")
    message = str(caught.value)
    assert f"CIFAR-10 is not at data.root={root}" in message
    for way in (f"Give data.root=FOLDER with {FOLDER} or {ARCHIVE}", "set data.mirror=URL", "--data dualband"):
        assert way in message
    assert not root.exists()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A web server on this machine that offers one wrong archive."""
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "wrong.tar.gz").write_bytes(b"something else")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "web"))) as http:
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


@pytest.mark.parametrize(("name", "reason"), [("missing.tar.gz", "File not found"), ("wrong.tar.gz", "corrupted")])
@pytest.mark.parametrize("existed", [False, True])
def test_failed_download_says_why_and_leaves_nothing(
    name: str, reason: str, existed: bool, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FSENS_OFFLINE", "0")
    root = tmp_path / "cache"
    if existed:
        root.mkdir()
    with pytest.raises(DataError, match=rf"neither at data.root=.*cache nor downloadable \(.*{reason}.*\)\. Give data"):
        load_cifar10(Cifar10Config(root=str(root), mirror=f"{server}/{name}"), "test")
    assert root.exists() == existed
    assert not existed or list(root.iterdir()) == []


@pytest.mark.parametrize("mirror", ["file:///tmp/x.tar.gz", "/tmp/x.tar.gz", "example.org/x"])
def test_mirror_that_is_no_web_address(mirror: str) -> None:
    with pytest.raises(ConfigError, match=f"data.mirror={mirror}: give an address that begins with https://"):
        Cifar10Config(mirror=mirror)


def test_archive_with_another_checksum(tmp_path: Path) -> None:
    (tmp_path / ARCHIVE).write_bytes(b"not the archive")
    with pytest.raises(DataError, match=r"cifar-10-python\.tar\.gz is not the official archive \(MD5 differs\)"):
        load_cifar10(Cifar10Config(root=str(tmp_path)), "test")
    assert (tmp_path / ARCHIVE).read_bytes() == b"not the archive"


def test_damaged_folder(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    with pytest.raises(DataError, match=f"{FOLDER} is damaged or incomplete: remove it and try again"):
        load_cifar10(Cifar10Config(root=str(tmp_path)), "test")
