"""Street View House Numbers (Netzer et al. 2011), cropped digits, from its official MATLAB files."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fsens_cli.cache.places import Meter
from fsens_cli.data.official import OfficialFile, fetch, root_of, supply_words
from fsens_cli.data.record import DataSet, from_whole_split
from fsens_cli.data.settings import FetchedSettings
from fsens_cli.errors import DataError
from fsens_cli.home import shown

if TYPE_CHECKING:
    from fsens_cli.data.images import ImageSet

SIZE = (32, 32)
HOME = "http://ufldl.stanford.edu/housenumbers/"
FILES = {
    "train": OfficialFile(
        name="train_32x32.mat",
        url=f"{HOME}train_32x32.mat",
        md5="e26dedcc434d2e4c54c9b2d4a06d8373",
        size=182_040_794,
    ),
    "test": OfficialFile(
        name="test_32x32.mat",
        url=f"{HOME}test_32x32.mat",
        md5="eb5a983be6a315427106f1b164d9cef3",
        size=64_275_384,
    ),
}


@dataclass(kw_only=True)
class SvhnConfig(FetchedSettings):
    """SVHN: 73,257 and 26,032 pictures of 32 x 32 pixels, 10 digits."""

    name: str = "svhn"
    title: str = "SVHN"


def load_svhn(config: SvhnConfig, split: str, meter: Meter) -> "ImageSet":
    """Read one split; label 10 of the files is the digit 0.

    Raises:
        DataError: neither there nor downloadable, or damaged.
    """
    import numpy as np
    import torch
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    from fsens_cli.data.images import ImageSet

    official, root = FILES[split], root_of(config)
    file = root / official.name
    if not file.is_file():
        file = fetch(official, root, config, meter, files="train_32x32.mat and test_32x32.mat")
    try:
        content = loadmat(str(file))
        pixels, label = content["X"], content["y"].reshape(-1).astype(np.int64)
        images = torch.from_numpy(np.ascontiguousarray(pixels.transpose(3, 2, 0, 1)))
    except (
        MatReadError,
        ValueError,
        KeyError,
        IndexError,
        OSError,
        TypeError,
        EOFError,
        NotImplementedError,
        MemoryError,
    ) as error:
        raise DataError(
            f"{shown(file)} is damaged: remove it and try again. {supply_words('train_32x32.mat and test_32x32.mat')}"
        ) from error
    return ImageSet(
        images_NCHW=images,
        label_N=torch.from_numpy(label % 10),
        index_N=torch.arange(len(label)),
        class_names=tuple("0123456789"),
        title=config.title,
        split=split,
    )


def _place(config: SvhnConfig) -> Path | None:
    file = root_of(config) / FILES["test"].name
    return file if file.is_file() else None


SVHN = DataSet(
    config=SvhnConfig,
    load=from_whole_split(load_svhn),
    needs="one download (64 MB a split or more), or data.root=FOLDER",
    size=SIZE,
    num_classes=10,
    channels=3,
    mirror_keeps_class=False,
    place=_place,
)
