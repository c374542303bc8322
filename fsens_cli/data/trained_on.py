"""Images that weights were trained on, told again by their fingerprints, wherever they lie."""

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from fsens_cli.data.images import ImageSet

FILES, PIXELS = "files", "pixels"
THREADS = 4


@dataclass(frozen=True, slots=True)
class TrainedImages:
    """What a training saw.

    Attributes:
        kind: ``files``, where images are picture files and the fingerprint is that of the file, whatever size it is
            read at; else ``pixels``.
        prints: one 64-bit fingerprint an image.
    """

    kind: str
    prints: frozenset[int]

    @classmethod
    def of(cls, images: ImageSet) -> "TrainedImages":
        """Return the fingerprints of a training set."""
        if images.files:
            return cls(FILES, frozenset(file_prints(images.files)))
        return cls(PIXELS, frozenset(_pixel_prints(images)))

    def together_with(self, other: "TrainedImages | None") -> "TrainedImages":
        """Return what both saw, as far as it can be told: a training may go on from another one's weights."""
        same = other is not None and other.kind == self.kind
        return TrainedImages(self.kind, self.prints | other.prints) if other is not None and same else self

    def seen(self, images: ImageSet) -> int:
        """Return how many of the images are among them."""
        if self.kind == FILES:
            return sum(p in self.prints for p in file_prints(images.files))
        return sum(p in self.prints for p in _pixel_prints(images))


def file_prints(files: Sequence[Path]) -> list[int]:
    """Return 64 bits of the BLAKE2b hash of each file."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda file: _print_of(file.read_bytes()), files))


def _pixel_prints(images: ImageSet) -> Iterable[int]:
    shape = repr(tuple(images.images_NCHW.shape[1:])).encode()
    return (_print_of(image.contiguous().numpy().tobytes() + shape) for image in images.images_NCHW)


def _print_of(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")
