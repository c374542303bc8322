"""Fashion-MNIST (Xiao et al. 2017) from its four official files, packed or not; Debian ships them too."""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fsens_cli.cache.places import Meter
from fsens_cli.data.official import OfficialFile, fetch, root_of, supply_words
from fsens_cli.data.record import DataSet, from_whole_split
from fsens_cli.data.settings import FetchedSettings
from fsens_cli.errors import DataError, require
from fsens_cli.home import shown

if TYPE_CHECKING:
    import numpy as np

    from fsens_cli.data.images import ImageSet

SIZE = (28, 28)
# Of Debian's package dataset-fashion-mnist.
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
HOME = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
# MD5 sum and size of each file as it is published, packed.
PUBLISHED = {
    "train-images-idx3-ubyte": ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
    "train-labels-idx1-ubyte": ("25c81989df183df01b3e8a0aad5dffbe", 29_515),
    "t10k-images-idx3-ubyte": ("bef4ecab320f06d8554ea6380940ec79", 4_422_102),
    "t10k-labels-idx1-ubyte": ("bb300cfdad3c16e7a12a480ee83cd310", 5_148),
}
# The largest of them unpacked: 60,000 pictures and a head of 16 bytes.
LARGEST = 60_000 * 28 * 28 + 16
PREFIX = {"train": "train", "test": "t10k"}
CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
WORDS = "the four official files (train-images-idx3-ubyte.gz, ...; Debian: the package dataset-fashion-mnist)"


@dataclass(kw_only=True)
class FashionMnistConfig(FetchedSettings):
    """Fashion-MNIST: 60,000 and 10,000 gray pictures of 28 x 28 pixels, 10 classes.

    Attributes:
        channels: 1 (gray) or 3 (the same three times, for networks that take colours).
    """

    name: str = "fashion-mnist"
    title: str = "Fashion-MNIST"
    channels: int = 1

    def __post_init__(self) -> None:
        """Check the ranges."""
        FetchedSettings.__post_init__(self)
        require(self.channels in (1, 3), f"data.channels={self.channels}: 3 is RGB, 1 is gray.")


def load_fashion_mnist(config: FashionMnistConfig, split: str, meter: Meter) -> "ImageSet":
    """Read one split.

    Raises:
        DataError: neither there nor downloadable, or damaged.
    """
    import numpy as np
    import torch

    from fsens_cli.data.images import ImageSet

    pixels = _read_idx(_find(f"{PREFIX[split]}-images-idx3-ubyte", config, meter), dimensions=3)
    label = _read_idx(_find(f"{PREFIX[split]}-labels-idx1-ubyte", config, meter), dimensions=1)
    if len(pixels) != len(label) or pixels.shape[1:] != SIZE:
        raise DataError(
            f"{config.title} at data.root={shown(root_of(config))} is damaged: images of shape {pixels.shape}, labels "
            f"of shape {label.shape}. {supply_words(WORDS)}"
        )
    return ImageSet(
        images_NCHW=torch.from_numpy(pixels)[:, None].repeat(1, config.channels, 1, 1),
        label_N=torch.from_numpy(label.astype(np.int64)),
        index_N=torch.arange(len(label)),
        class_names=CLASSES,
        title=config.title,
        split=split,
    )


def find_fashion_mnist(name: str, config: FashionMnistConfig) -> Path | None:
    """Return one of the files: at ``data.root``, in torchvision's folders below it, or where Debian has it."""
    root = root_of(config)
    folders = [root, root / "FashionMNIST" / "raw", *([] if config.root else [DEBIAN])]
    return next((f / n for f in folders for n in (name, f"{name}.gz") if (f / n).is_file()), None)


def _find(name: str, config: FashionMnistConfig, meter: Meter) -> Path:
    found = find_fashion_mnist(name, config)
    if found is not None:
        return found
    md5, size = PUBLISHED[name]
    official = OfficialFile(name=f"{name}.gz", url=f"{HOME}{name}.gz", md5=md5, size=size)
    return fetch(official, root_of(config), config, meter, files=WORDS)


def _read_idx(file: Path, *, dimensions: int) -> "np.ndarray":
    """Return the bytes of an IDX file: two zeros, type 8, the number of dimensions, their sizes, the values."""
    import numpy as np

    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as opened:
            content = opened.read(LARGEST)  # a small file may unpack to one without end
        if content[:4] != bytes([0, 0, 8, dimensions]):
            raise DataError(f"{shown(file)} is not the official file. {supply_words(WORDS)}")
        sizes = np.frombuffer(content, dtype=">u4", count=dimensions, offset=4)
        values = np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * dimensions)
        return values.reshape(sizes.tolist()).copy()
    except DataError:
        raise
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise DataError(f"{shown(file)} is damaged: remove it and try again. {supply_words(WORDS)}") from error


FASHION_MNIST = DataSet(
    config=FashionMnistConfig,
    load=from_whole_split(load_fashion_mnist),
    needs="one download (31 MB), data.root=FOLDER, or Debian's dataset-fashion-mnist",
    size=SIZE,
    num_classes=10,
    channels=1,
    place=lambda config: find_fashion_mnist("t10k-images-idx3-ubyte", config),
)
