"""A data set: equally sized 8-bit images with integer labels, given out as [0, 1] batches.

Shape letters: N images, C channels, H, W pixels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from fsens_cli.errors import DataError
from fsens_cli.short_repr import ShortRepr


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ImageSet(ShortRepr):
    """Labelled images in memory.

    Attributes:
        images_NCHW: uint8, 0 to 255.
        label_N: int64.
        index_N: position of each image in the whole split, int64; it names an image across runs.
        class_names: one a label.
        title: for tables and figures.
        split: ``train``, ``test``, or ``all`` where nothing says which images are for training.
        rules: how files were read, for the record.
        notes: what a user may not expect of that, to be said aloud.
        warnings: what puts in question whatever is found on them.
        files: the picture file of each image, where images come from such.
    """

    images_NCHW: Tensor
    label_N: Tensor
    index_N: Tensor
    class_names: tuple[str, ...]
    title: str
    split: str
    rules: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        """Check that there are pixels, and that labels fit the classes."""
        if self.images_NCHW[:1].numel() == 0 and len(self):
            shape = " x ".join(str(s) for s in self.images_NCHW.shape[1:])
            raise DataError(f"{self.title} has images of {shape} (channels x height x width), which hold no pixel.")
        if len(self.class_names) < 2:
            raise DataError(f"{self.title} has {len(self.class_names)} class: a classifier needs at least two.")
        low, high = (int(v) for v in self.label_N.aminmax()) if len(self) else (0, 0)
        if low < 0 or high >= self.num_classes:
            wrong = low if low < 0 else high
            raise DataError(f"{self.title}: labels must lie in 0..{self.num_classes - 1}, got {wrong}.")

    def __len__(self) -> int:
        """Return N."""
        return len(self.label_N)

    @property
    def num_classes(self) -> int:
        """Number of classes, also of those without an image here."""
        return len(self.class_names)

    @property
    def subject(self) -> str:
        """What the images are, in words: ``CIFAR-10 test``, ``pictures, all images``."""
        return f"{self.title}, all images" if self.split == "all" else f"{self.title} {self.split}"

    def fingerprint(self) -> str:
        """Return a SHA-256 over shape, pixels and labels: equal for equal data, whatever file it came from."""
        digest = hashlib.sha256(repr((tuple(self.images_NCHW.shape), self.class_names)).encode())
        digest.update(self.images_NCHW.contiguous().numpy().data)
        digest.update(self.label_N.contiguous().numpy().data)
        return digest.hexdigest()

    def select(self, rows_N: Tensor) -> ImageSet:
        """Return the images at ``rows_N`` (int64), in that order."""
        return replace(
            self,
            images_NCHW=self.images_NCHW[rows_N],
            label_N=self.label_N[rows_N],
            index_N=self.index_N[rows_N],
            files=tuple(self.files[row] for row in rows_N.tolist()) if self.files else (),
        )

    def with_pixels(self, images_NCHW: Tensor) -> ImageSet:
        """Return the same labels with other pixels."""
        return replace(self, images_NCHW=images_NCHW)

    def sample(self, num_images: int, seed: int) -> ImageSet:
        """Return at most ``num_images`` images drawn without replacement from ``seed``, in file order."""
        return self if num_images >= len(self) else self.select(sampled_rows(len(self), num_images, seed))

    def batches(self, batch_size: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield ([0, 1] float32 images, labels) on ``device``, in order."""
        for start in range(0, len(self), batch_size):
            images = self.images_NCHW[start : start + batch_size].to(device)
            yield to_unit(images), self.label_N[start : start + batch_size].to(device)


def to_unit(images_u8: Tensor) -> Tensor:
    """Return 8-bit images as float32 in [0, 1]."""
    return images_u8.float().div_(255.0)


def sampled_rows(num_rows: int, count: int, seed: int) -> Tensor:
    """Return at most ``count`` of the rows 0, 1, ..., drawn without replacement, in ascending order."""
    if count >= num_rows:
        return torch.arange(num_rows)
    return torch.randperm(num_rows, generator=torch.Generator().manual_seed(seed))[:count].sort().values


def stratified_rows(label_N: Tensor, count: int, seed: int) -> Tensor:
    """Return at most ``count`` rows, every class in proportion (largest remainders), in ascending order.

    >>> stratified_rows(torch.tensor([0, 0, 0, 0, 1, 1]), 3, seed=0).numel()
    3
    """
    if count >= len(label_N):
        return torch.arange(len(label_N))
    generator = torch.Generator().manual_seed(seed)
    labels, sizes = label_N.unique(return_counts=True)
    exact = sizes.double() * count / len(label_N)
    shares = exact.floor().long()
    # Of equal remainders the earlier class gets the image; a float's last digit must not decide.
    order = torch.argsort((exact - shares).mul(1e9).round(), descending=True, stable=True)
    shares[order[: count - int(shares.sum())]] += 1
    chosen = []
    for label, share in zip(labels.tolist(), shares.tolist(), strict=True):
        rows = torch.nonzero(label_N == label).flatten()
        chosen.append(rows[torch.randperm(len(rows), generator=generator)[:share]])
    return torch.cat(chosen).sort().values


def split_off(labels_N: Tensor, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Return row numbers (kept, held out), ``fraction`` of every class held out at random, both in ascending order."""
    generator = torch.Generator().manual_seed(seed)
    held: list[Tensor] = []
    for label in labels_N.unique().tolist():
        rows = torch.nonzero(labels_N == label).flatten()
        count = round(fraction * len(rows))
        held.append(rows[torch.randperm(len(rows), generator=generator)[:count]])
    out = torch.cat(held).sort().values
    mask = torch.ones(len(labels_N), dtype=torch.bool)
    mask[out] = False
    return torch.nonzero(mask).flatten(), out


def channel_statistics(images_NCHW: Tensor) -> tuple[Sequence[float], Sequence[float]]:
    """Return mean and standard deviation of each channel of 8-bit images on the [0, 1] scale, to 4 digits."""
    # Blocks keep a large data set from being copied to floating point at once.
    total = torch.zeros(images_NCHW.shape[1], dtype=torch.float64)
    square = torch.zeros_like(total)
    for block in images_NCHW.split(4096):
        unit = block.double() / 255.0
        total += unit.sum(dim=(0, 2, 3))
        square += unit.square().sum(dim=(0, 2, 3))
    count = images_NCHW.numel() / images_NCHW.shape[1]
    mean = total / count
    std = (square / count - mean.square()).clamp_min(0).sqrt().clamp_min(1e-4)
    return [round(m, 4) for m in mean.tolist()], [round(s, 4) for s in std.tolist()]


def resized(images_NCHW: Tensor, height: int, width: int) -> Tensor:
    """Return 8-bit images scaled (bicubic, averaging where it makes smaller) to cover H x W, the middle cropped."""
    scale = max(height / images_NCHW.shape[-2], width / images_NCHW.shape[-1])
    covering = [max(height, round(images_NCHW.shape[-2] * scale)), max(width, round(images_NCHW.shape[-1] * scale))]
    top, left = (covering[0] - height) // 2, (covering[1] - width) // 2
    blocks = []
    for block in images_NCHW.split(1024):
        scaled = torch.nn.functional.interpolate(
            block.float(), covering, mode="bicubic", antialias=True, align_corners=False
        )
        cropped = scaled[..., top : top + height, left : left + width]
        blocks.append(cropped.round().clamp(0, 255).to(torch.uint8))
    return torch.cat(blocks)
