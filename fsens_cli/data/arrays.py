"""Images that lie in NumPy files: one ``.npz``, or a folder with ``images.npy`` and ``labels.npy``.

A file of both splits names its arrays with ``train`` and ``test`` in them (``x_train``, ``test_labels``, ...); one
without them holds all images. Images are (N, H, W), (N, H, W, C) or (N, C, H, W), 8-bit or floating point in [0, 1].
"""

from dataclasses import dataclass

from fsens_cli.data.record import DataSet, Peek, from_whole_split
from fsens_cli.data.settings import DataSettings
from fsens_cli.deferred import deferred
from fsens_cli.errors import require

LAYOUT = "an .npz with images and labels, or a folder with images.npy and labels.npy"
MAX_CLASSES = 100_000


@dataclass(kw_only=True)
class ArraysConfig(DataSettings):
    """Where the arrays lie.

    Attributes:
        root: the ``.npz`` file or the folder.
        images, labels: names of the arrays, without what names the split; empty finds them.
        num_classes: 0 takes the largest label of all splits plus one.
    """

    name: str = "arrays"
    root: str = ""
    images: str = ""
    labels: str = ""
    num_classes: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        DataSettings.__post_init__(self)
        require(self.root != "", f"data=arrays needs data.root=PATH of {LAYOUT}.")
        require(
            0 <= self.num_classes <= MAX_CLASSES,
            f"data.num_classes={self.num_classes} must lie in 0..{MAX_CLASSES}.",
        )


ARRAYS = DataSet(
    config=ArraysConfig,
    load=from_whole_split(deferred("fsens_cli.data.array_images:load_arrays")),
    needs="data.root=FILE.npz or a folder of .npy files",
    peek=Peek(
        size=deferred("fsens_cli.data.array_images:peek_arrays"),
        classes=lambda config, *_: config.num_classes or None,
    ),
)
