"""CIFAR-10 (Krizhevsky 2009) in its official Python layout, from a folder, an archive or a download."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import torch

from fsens_cli.data.images import ImageSet
from fsens_cli.errors import DataError, require

ARCHIVE = "cifar-10-python.tar.gz"
ARCHIVE_MD5 = "c58f30108f718f92721af3b95e74349a"
FOLDER = "cifar-10-batches-py"
SUPPLY = f"Give data.root=FOLDER with {FOLDER} or {ARCHIVE}, set data.mirror=URL, or try --data dualband."


@dataclass(kw_only=True)
class Cifar10Config:
    """Where CIFAR-10 lies or is to be put.

    Attributes:
        root: folder with the official archive or its extracted folder; downloads go here too.
        mirror: address of another copy of the archive; its checksum must be the official one.
        title: for tables and figures.
    """

    name: str = "cifar10"
    title: str = "CIFAR-10"
    root: str = "~/.cache/fsens/cifar10"
    mirror: str = ""

    def __post_init__(self) -> None:
        """Check the address."""
        require(
            not self.mirror or self.mirror.startswith(("http://", "https://")),
            f"data.mirror={self.mirror}: give an address that begins with https:// or http://; a folder is data.root.",
        )


def load_cifar10(config: Cifar10Config, split: str) -> ImageSet:
    """Read one split; extract or download the archive first where needed (checked by its published MD5).

    Raises:
        DataError: neither there nor downloadable, or damaged.
    """
    from torchvision.datasets import CIFAR10

    root = _find_or_fetch(config)
    try:
        data = CIFAR10(str(root), train=split == "train", download=False)
    except (RuntimeError, OSError, EOFError, ValueError) as error:
        raise DataError(f"{root / FOLDER} is damaged or incomplete: remove it and try again. {SUPPLY}") from error
    return ImageSet(
        images_NCHW=torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous(),
        label_N=torch.tensor(data.targets),
        index_N=torch.arange(len(data.targets)),
        class_names=tuple(data.classes),
        title=config.title,
        split=split,
    )


def _find_or_fetch(config: Cifar10Config) -> Path:
    """Return the folder that contains ``cifar-10-batches-py``."""
    from torchvision.datasets.utils import extract_archive

    root = Path(config.root).expanduser()
    if root.name == FOLDER and root.is_dir():
        return root.parent
    if (root / FOLDER).is_dir():
        return root
    if not (root / ARCHIVE).is_file():
        _download(config, root)
    elif not _is_official(root / ARCHIVE):
        raise DataError(f"{root / ARCHIVE} is not the official archive (MD5 differs): remove it. {SUPPLY}")
    extract_archive(str(root / ARCHIVE), str(root))
    return root


def _is_official(archive: Path) -> bool:
    from torchvision.datasets.utils import check_md5

    return check_md5(str(archive), ARCHIVE_MD5)


def _download(config: Cifar10Config, root: Path) -> None:
    from torchvision.datasets import CIFAR10
    from torchvision.datasets.utils import download_url

    if os.environ.get("FSENS_OFFLINE", "0") not in ("", "0"):
        raise DataError(f"CIFAR-10 is not at data.root={root} and FSENS_OFFLINE forbids downloading. {SUPPLY}")
    url = config.mirror or os.environ.get("FSENS_CIFAR10_URL", "") or CIFAR10.url
    existed = root.is_dir()
    try:
        # The function reports on standard output, which belongs to the command's own result.
        with contextlib.redirect_stdout(None):
            download_url(url, str(root), ARCHIVE, ARCHIVE_MD5)
    except (URLError, OSError, RuntimeError, ValueError) as error:
        (root / ARCHIVE).unlink(missing_ok=True)
        if not existed and root.is_dir() and not any(root.iterdir()):
            root.rmdir()
        reason = getattr(error, "reason", error)
        raise DataError(f"CIFAR-10 is neither at data.root={root} nor downloadable ({reason}). {SUPPLY}") from error
