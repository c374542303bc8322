"""CIFAR-10 and CIFAR-100: found, unpacked, fetched, refused or explained, against a server on this machine."""

import hashlib
import io
import os
import pickle
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from loopback import Web

from fsens_cli.data import cifar
from fsens_cli.data.catalog import CATALOG, load_images, place_of
from fsens_cli.data.cifar import LAYOUTS, CifarLayout
from fsens_cli.data.images import ImageSet
from fsens_cli.errors import ConfigError, DataError

NAMES = ["cifar10", "cifar100"]
PUBLISHED = dict(LAYOUTS)


def tiny(layout: CifarLayout, num_classes: int) -> tuple[CifarLayout, bytes, dict[str, bytes]]:
    """Return the layout of two pictures a file with its checksums, the archive and the files."""
    generator = np.random.default_rng(0)
    files: dict[str, bytes] = {}
    for name in [*layout.train, *layout.test]:
        pixels = generator.integers(0, 256, (2, 3072), dtype=np.uint8)
        labels = [int(v) for v in generator.integers(0, num_classes, 2)]
        files[name] = pickle.dumps({"data": pixels, layout.label_key: labels})
    (names_file,) = layout.names
    files[names_file] = pickle.dumps({layout.names_key: [f"kind{i}" for i in range(num_classes)]})
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(f"{layout.folder}/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    sums = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    own = replace(
        layout,
        archive=replace(layout.archive, md5=hashlib.md5(packed.getvalue()).hexdigest()),
        train={name: sums[name] for name in layout.train},
        test={name: sums[name] for name in layout.test},
        names={names_file: sums[names_file]},
    )
    return own, packed.getvalue(), files


class Tiny:
    """A few pictures in the official layout, their checksums taken for the official ones."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.layout, self.archive, self.files = tiny(PUBLISHED[name], len(CLASSES[name]))

    def extract(self, folder: Path) -> Path:
        (folder / self.layout.folder).mkdir(parents=True)
        for name, content in self.files.items():
            (folder / self.layout.folder / name).write_bytes(content)
        return folder

    def pack(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / self.layout.archive.name).write_bytes(self.archive)
        return folder

    def load(self, split: str = "test", **settings: object) -> ImageSet:
        return load_images(CATALOG[self.name].config(**settings), split)


CLASSES = {"cifar10": range(10), "cifar100": range(100)}


@pytest.fixture(params=NAMES)
def official(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    made = Tiny(request.param)
    monkeypatch.setitem(cifar.LAYOUTS, made.name, made.layout)
    monkeypatch.delenv("FSENS_CIFAR10_URL", raising=False)
    return made


@pytest.fixture
def served(official: Tiny, web: Web) -> Web:
    web.files[f"/{official.layout.archive.name}"] = official.archive
    return web


def mirror(official: Tiny, web: Web) -> str:
    return f"{web.address}/{official.layout.archive.name}"


def check(official: Tiny, images: ImageSet, split: str = "test") -> None:
    stored = [pickle.loads(official.files[name]) for name in official.layout.files(split)]
    assert images.label_N.tolist() == [label for s in stored for label in s[official.layout.label_key]]
    # The file's order is all of red, then green, then blue, rows first.
    pixels = np.concatenate([s["data"] for s in stored])
    assert torch.equal(images.images_NCHW, torch.from_numpy(pixels).reshape(-1, 3, 32, 32))
    assert images.class_names == tuple(f"kind{i}" for i in CLASSES[official.name])
    assert images.title == {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100"}[official.name]


def test_checksums_are_the_published_ones() -> None:
    """Torchvision keeps the same list, written down independently."""
    from torchvision.datasets import CIFAR10, CIFAR100

    for theirs, name in ((CIFAR10, "cifar10"), (CIFAR100, "cifar100")):
        ours = PUBLISHED[name]
        assert (ours.archive.name, ours.archive.md5, ours.folder) == (
            theirs.filename,
            theirs.tgz_md5,
            theirs.base_folder,
        )
        assert ours.archive.url == theirs.url
        assert [[n, m] for n, m in ours.train.items()] == theirs.train_list
        assert [[n, m] for n, m in ours.test.items()] == theirs.test_list
        assert ours.names == {theirs.meta["filename"]: theirs.meta["md5"]}


@pytest.mark.parametrize("place", ["around", "itself", "above", "archive", "archive's folder", "archive below"])
def test_files_are_accepted_wherever_they_are(place: str, official: Tiny, tmp_path: Path) -> None:
    root = {
        "around": lambda: official.extract(tmp_path),
        "itself": lambda: official.extract(tmp_path) / official.layout.folder,
        "above": lambda: official.extract(tmp_path / "sub").parent,
        "archive": lambda: official.pack(tmp_path) / official.layout.archive.name,
        "archive's folder": lambda: official.pack(tmp_path),
        "archive below": lambda: official.pack(tmp_path / "sub").parent,
    }[place]()
    for split in ("train", "test"):
        check(official, official.load(split, root=str(root)), split)


def test_a_renamed_folder_is_recognised_by_its_files(official: Tiny, tmp_path: Path) -> None:
    official.extract(tmp_path)
    (tmp_path / official.layout.folder).rename(tmp_path / "mine")
    check(official, official.load(root=str(tmp_path / "mine")))


def test_an_archive_beside_which_nothing_can_be_written_is_unpacked_into_the_cache(
    official: Tiny, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar, "writable", lambda folder: False)
    check(official, official.load(root=str(official.pack(tmp_path))))
    assert [p.name for p in tmp_path.iterdir()] == [official.layout.archive.name]
    assert (own_cache / "fsens" / official.name / official.layout.folder).is_dir()


def test_downloaded_once_from_the_mirror(official: Tiny, served: Web, own_cache: Path) -> None:
    for split in ("test", "train"):
        check(official, official.load(split, mirror=mirror(official, served)), split)
    assert len(served.requests) == 1
    assert place_of(CATALOG[official.name].config()) == own_cache / "fsens" / official.name / official.layout.folder


def test_a_mirror_that_ends_in_a_slash_is_a_folder(official: Tiny, served: Web) -> None:
    check(official, official.load(mirror=f"{served.address}/"))


def test_mirror_from_the_environment(official: Tiny, served: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"FSENS_{official.name.upper()}_URL", mirror(official, served))
    check(official, official.load())


def test_the_settings_come_before_the_environment(official: Tiny, served: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"FSENS_{official.name.upper()}_URL", f"{served.address}/elsewhere")
    check(official, official.load(mirror=mirror(official, served)))


def test_a_broken_connection_is_resumed(official: Tiny, served: Web) -> None:
    path = f"/{official.layout.archive.name}"
    served.break_after[path] = [len(official.archive) // 2]
    check(official, official.load(mirror=mirror(official, served)))
    assert served.gets(path) == ["", f"bytes={len(official.archive) // 2}-"]


def test_a_download_goes_to_the_named_folder(official: Tiny, served: Web, tmp_path: Path) -> None:
    check(official, official.load(root=str(tmp_path / "mine"), mirror=mirror(official, served)))
    assert (tmp_path / "mine" / official.layout.archive.name).is_file()


@pytest.mark.parametrize("switch", ["FSENS_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_says_how_to_supply_it(
    switch: str, official: Tiny, served: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(switch, "1")
    root = tmp_path / "nothing"
    with pytest.raises(DataError) as caught:
        official.load(root=str(root), mirror=mirror(official, served))
    message = str(caught.value)
    assert f"CIFAR-10{'0' * official.name.endswith('100')} is not at data.root={root} and {switch} forbids" in message
    files = f"{official.layout.folder} or {official.layout.archive.name}"
    for way in (f"Give data.root=FOLDER with {files}", "set data.mirror=URL", "FSENS_CACHE=FOLDER", "--data dualband"):
        assert way in message
    assert "\n" not in message
    assert served.requests == []
    assert not root.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "answers 404"),
        (b"something else", r"is not the published file \(MD5 differs\)"),
        (b"<html><body>Sorry</body></html>", "is an HTML page, not the file"),
    ],
    ids=["missing", "wrong", "page"],
)
@pytest.mark.parametrize("existed", [False, True])
def test_failed_download_says_why_and_leaves_nothing(
    content: bytes | None, reason: str, existed: bool, official: Tiny, web: Web, tmp_path: Path
) -> None:
    if content is not None:
        web.files[f"/{official.layout.archive.name}"] = content
    root = tmp_path / "cache"
    if existed:
        root.mkdir()
    with pytest.raises(DataError, match=rf"neither at data.root=.*cache nor downloadable \(.*{reason}.*\)\. Give data"):
        official.load(root=str(root), mirror=mirror(official, web))
    assert root.exists() == existed
    assert not existed or list(root.iterdir()) == []


@pytest.mark.parametrize("mirror", ["file:///tmp/x.tar.gz", "/tmp/x.tar.gz", "example.org/x"])
def test_mirror_that_is_no_web_address(mirror: str) -> None:
    with pytest.raises(ConfigError, match=f"data.mirror: '{mirror}' is no address: expected https://HOST/PATH"):
        CATALOG["cifar10"].config(mirror=mirror)


def test_archive_with_another_checksum(official: Tiny, tmp_path: Path) -> None:
    file = official.pack(tmp_path) / official.layout.archive.name
    file.write_bytes(b"not the archive")
    with pytest.raises(DataError, match=r"-python\.tar\.gz is not the official archive \(MD5 differs\): remove it"):
        official.load(root=str(tmp_path))
    assert file.read_bytes() == b"not the archive"


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("damage", ["changed", "missing", "empty folder"])
def test_damaged_folders_are_refused_and_never_unpickled(damage: str, official: Tiny, tmp_path: Path) -> None:
    folder = official.extract(tmp_path) / official.layout.folder
    (file,) = (folder / name for name in official.layout.test)
    if damage == "changed":
        file.write_bytes(pickle.dumps(Trap(tmp_path / "ran")))
    elif damage == "missing":
        file.unlink()
    else:
        for child in folder.iterdir():
            child.unlink()
    with pytest.raises(DataError, match=f"{official.layout.folder} is damaged or incomplete .*remove it and try again"):
        official.load(root=str(tmp_path))
    assert not (tmp_path / "ran").exists()


def test_a_mirror_whose_secrets_were_not_kept(monkeypatch: pytest.MonkeyPatch, web: Web) -> None:
    """As a resumed run finds it in its settings, where the data were not fetched before."""
    config = CATALOG["cifar10"].config(mirror="https://***@host/c.tar.gz?***")
    monkeypatch.delenv("FSENS_CIFAR10_URL", raising=False)
    with pytest.raises(
        DataError, match=r"query of data\.mirror are not kept with a run: give them in FSENS_CIFAR10_URL"
    ):
        load_images(config, "test")
    monkeypatch.setenv("FSENS_CIFAR10_URL", f"{web.address}/elsewhere")
    with pytest.raises(DataError, match="/elsewhere answers 404"):
        load_images(config, "test")


def test_a_pipe_in_place_of_a_batch_is_not_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    os.mkfifo(folder / "test_batch")
    with pytest.raises(DataError, match=r"damaged or incomplete \(test_batch is not the official file\)"):
        load_images(CATALOG["cifar10"].config(root=str(tmp_path)), "test")
