"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009) in their official Python layout, from a folder, an archive or a download."""

import hashlib
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsens_cli.cache.places import Meter, cache_folder
from fsens_cli.cache.unpack import unpack, writable
from fsens_cli.data.official import OfficialFile, fetch, root_of, supply_words
from fsens_cli.data.record import DataSet, from_whole_split
from fsens_cli.data.settings import FetchedSettings
from fsens_cli.errors import DataError, FetchError
from fsens_cli.home import shown

if TYPE_CHECKING:
    from fsens_cli.data.images import ImageSet

SIZE = (32, 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class CifarLayout:
    """How the authors packed one of the two; the values of ``train``, ``test`` and ``names`` are MD5 sums.

    Attributes:
        archive: the published file.
        folder: what it unpacks to.
        train, test: the files of each split in their order.
        names: the file of class names.
        label_key, names_key: of what is wanted in the files.
    """

    archive: OfficialFile
    folder: str
    train: dict[str, str]
    test: dict[str, str]
    names: dict[str, str]
    label_key: str
    names_key: str

    def files(self, split: str) -> dict[str, str]:
        """Return the files of a split."""
        return self.train if split == "train" else self.test


HOME = "https://www.cs.toronto.edu/~kriz/"
LAYOUTS = {
    "cifar10": CifarLayout(
        archive=OfficialFile(
            name="cifar-10-python.tar.gz",
            url=f"{HOME}cifar-10-python.tar.gz",
            md5="c58f30108f718f92721af3b95e74349a",
            size=170_498_071,
        ),
        folder="cifar-10-batches-py",
        train={
            "data_batch_1": "c99cafc152244af753f735de768cd75f",
            "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
            "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
            "data_batch_4": "634d18415352ddfa80567beed471001a",
            "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        },
        test={"test_batch": "40351d587109b95175f43aff81a1287e"},
        names={"batches.meta": "5ff9c542aee3614f3951f8cda6e48888"},
        label_key="labels",
        names_key="label_names",
    ),
    "cifar100": CifarLayout(
        archive=OfficialFile(
            name="cifar-100-python.tar.gz",
            url=f"{HOME}cifar-100-python.tar.gz",
            md5="eb9058c3a382ffc7106e4002c42a8d85",
            size=169_001_437,
        ),
        folder="cifar-100-python",
        train={"train": "16019d7e3df5f24257cddd939b257f8d"},
        test={"test": "f0ef6b0ae62326f3e7ffdfab6717acfc"},
        names={"meta": "7973b15100ade9c7d40fb424638fde48"},
        label_key="fine_labels",
        names_key="fine_label_names",
    ),
}


@dataclass(kw_only=True)
class Cifar10Config(FetchedSettings):
    """CIFAR-10: 50,000 and 10,000 pictures of 32 x 32 pixels, 10 classes."""

    name: str = "cifar10"
    title: str = "CIFAR-10"


@dataclass(kw_only=True)
class Cifar100Config(FetchedSettings):
    """CIFAR-100: 50,000 and 10,000 pictures of 32 x 32 pixels, 100 classes."""

    name: str = "cifar100"
    title: str = "CIFAR-100"


def load_cifar(config: FetchedSettings, split: str, meter: Meter) -> "ImageSet":
    """Read one split; unpack or download the archive first where needed, checked by its published MD5.

    Raises:
        DataError: neither there nor downloadable, or damaged.
    """
    import numpy as np
    import torch

    from fsens_cli.data.images import ImageSet

    layout = LAYOUTS[config.name]
    folder = find_cifar(config) or _unpacked(config, layout, meter)
    batches = [_read(folder / name, md5, layout) for name, md5 in layout.files(split).items()]
    ((names_file, md5),) = layout.names.items()
    names = _read(folder / names_file, md5, layout)[layout.names_key]
    pixels = np.concatenate([np.asarray(batch["data"], dtype=np.uint8) for batch in batches])
    labels = [label for batch in batches for label in batch[layout.label_key]]
    return ImageSet(
        images_NCHW=torch.from_numpy(pixels.reshape(-1, 3, *SIZE)),
        label_N=torch.tensor(labels),
        index_N=torch.arange(len(labels)),
        class_names=tuple(names),
        title=config.title,
        split=split,
    )


def find_cifar(config: FetchedSettings) -> Path | None:
    """Return the folder with the official batches where it is at ``data.root`` or one level below."""
    layout, root = LAYOUTS[config.name], root_of(config)
    candidates = [root, root / layout.folder, *sorted(root.glob(f"*/{layout.folder}"))]
    if root.is_file():
        candidates = []
    marks = [*layout.train, *layout.test]
    return next((f for f in candidates if f.name == layout.folder and f.is_dir()), None) or next(
        (f for f in candidates if all((f / name).is_file() for name in marks)), None
    )


def find_archive(config: FetchedSettings) -> Path | None:
    """Return the official archive where it is at ``data.root`` or one level below."""
    layout, root = LAYOUTS[config.name], root_of(config)
    name = layout.archive.name
    return next((f for f in (root, root / name, *sorted(root.glob(f"*/{name}"))) if f.is_file()), None)


def _unpacked(config: FetchedSettings, layout: CifarLayout, meter: Meter) -> Path:
    archive, root = find_archive(config), root_of(config)
    files = f"{layout.folder} or {layout.archive.name}"
    if archive is None:
        archive = fetch(layout.archive, root, config, meter, files=files)
    elif not _is_official(archive, layout.archive.md5):
        raise DataError(
            f"{shown(archive)} is not the official archive (MD5 differs): remove it to download it again. "
            f"{supply_words(files)}"
        )
    beside = archive.parent
    try:
        return unpack(archive, layout.folder, beside if writable(beside) else cache_folder(config.name))
    except FetchError as error:
        raise DataError(f"{error}. {supply_words(files)}") from error


def _is_official(file: Path, md5: str) -> bool:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "md5").hexdigest() == md5


def _read(file: Path, md5: str, layout: CifarLayout) -> dict[str, Any]:
    supply = supply_words(f"{layout.folder} or {layout.archive.name}")
    try:
        # What is there and no file, such as a pipe, would be waited for.
        published = b"" if file.exists() and not file.is_file() else file.read_bytes()
    except OSError as error:
        raise DataError(
            f"{shown(file.parent)} is damaged or incomplete ({file.name}: {error.strerror}): "
            f"remove it and try again. {supply}"
        ) from error
    if hashlib.md5(published, usedforsecurity=False).hexdigest() != md5:
        raise DataError(
            f"{shown(file.parent)} is damaged or incomplete ({file.name} is not the official file): "
            f"remove it and try again. {supply}"
        )
    # The checksum says that these very bytes are the authors', so unpickling them runs nothing of anybody else's.
    return pickle.loads(published, encoding="latin1")


def _place(config: FetchedSettings) -> Path | None:
    return find_cifar(config) or find_archive(config)


CIFAR10 = DataSet(
    config=Cifar10Config,
    load=from_whole_split(load_cifar),
    needs="one download (170 MB), or data.root=FOLDER",
    size=SIZE,
    num_classes=10,
    channels=3,
    place=_place,
)
CIFAR100 = DataSet(
    config=Cifar100Config,
    load=from_whole_split(load_cifar),
    needs="one download (169 MB), or data.root=FOLDER",
    size=SIZE,
    num_classes=100,
    channels=3,
    place=_place,
)
