"""A classifier as everything here takes it: [0, 1] images in, logits out, with its normalisation inside.

Shape letters: N images, C channels, H, W pixels, L classes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from fsens_cli.errors import ModelError


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Normalization:
    """Mean and standard deviation of [0, 1] images, and where they come from.

    Attributes:
        mean, std: per channel, or one number for all; empty for none.
        source: ``given``, ``stored``, ``assumed`` or ``unknown``.
        remarks, warnings: what is to be said of it.
    """

    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    source: str = "given"
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Mean and standard deviation in words, one number for all channels where they agree."""

        def shown(row: tuple[float, ...]) -> str:
            told = [f"{number:.4g}" for number in (row[:1] if len(set(row)) == 1 else row)]
            # As many digits for each channel.
            digits = max(len(number.partition(".")[2]) for number in told)
            return "/".join(f"{number:.{digits}f}" for number in row[: len(told)])

        return f"mean {shown(self.mean)}, std {shown(self.std)}" if self.mean else "none"

    def in_words(self, label: str) -> str:
        """Return what is done to the images and who says so.

        Args:
            label: of the weights.

        >>> Normalization(mean=(0.5,), std=(0.25,), source="stored").in_words("w.pt")
        'normalised by mean 0.5, std 0.25 (w.pt)'
        """
        return f"normalised by {self.text} ({label if self.source == 'stored' else self.source})"


class Classifier(nn.Module):
    """A network together with everything between the [0, 1] image and its logits.

    Args:
        module: maps normalised images (N, C, H, W) to logits (N, L).
        name: what the user calls it.
        num_classes: L.
        mean: per channel, one number for all channels, or empty for no normalisation.
        std: the same.
        front_end: a filter on the [0, 1] image that belongs to the model; gradients and attacks go through it.

    Attributes:
        remarks: what was decided on the way from a file to this classifier, in sentences.
        warnings: what of it makes numbers doubtful.
        normalization: where mean and std come from.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        name: str,
        num_classes: int,
        mean: Sequence[float] = (),
        std: Sequence[float] = (),
        front_end: nn.Module | None = None,
    ) -> None:
        super().__init__()
        if len(mean) != len(std):
            raise ModelError(
                f"model.mean has {len(mean)} entries and model.std {len(std)}: give one of each a channel."
            )
        if not all(s > 0 for s in std):
            raise ModelError(f"model.std={list(std)}: every entry must be positive.")
        self.module = module
        self.name = name
        self.num_classes = num_classes
        self.remarks: list[str] = []
        self.warnings: list[str] = []
        self.normalization = Normalization()
        self.front_end = front_end if front_end is not None else nn.Identity()
        self.register_buffer("mean", torch.tensor(list(mean) or [0.0]).reshape(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(list(std) or [1.0]).reshape(1, -1, 1, 1), persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Return logits (N, L) of images in [0, 1]."""
        filtered = self.front_end(images_NCHW)
        if self.mean.shape[1] not in (1, filtered.shape[1]):
            raise ModelError(
                f"mean and std have {self.mean.shape[1]} entries and the images {filtered.shape[1]} channels: give one "
                "a channel."
            )
        normalised = (filtered - self.mean.to(filtered)) / self.std.to(filtered)
        narrow = _narrow_type(self.module)
        output = self.module(normalised if narrow is None else normalised.to(narrow))
        logits = output if isinstance(output, Tensor) else logits_of(output, self.num_classes)
        return logits if narrow is None else logits.float()


def logits_of(output: object, num_classes: int) -> Tensor:
    """Return the logits of a network that returns more than these.

    They are what is called ``logits``, else the only tensor of shape (N, ``num_classes``); 0 classes are any number.

    Raises:
        ModelError: nothing there is called so, and none or several have that shape.
    """
    named = output.get("logits") if isinstance(output, Mapping) else getattr(output, "logits", None)
    if isinstance(named, Tensor):
        return named
    parts: Iterable[object] = ()
    if isinstance(output, Mapping):
        parts = output.values()
    elif isinstance(output, tuple | list):
        parts = output
    elif dataclasses.is_dataclass(output):
        parts = [getattr(output, field.name) for field in dataclasses.fields(output)]
    tensors = [part for part in parts if isinstance(part, Tensor) and part.ndim == 2]
    fitting = [part for part in tensors if num_classes in (0, part.shape[1])]
    if len(fitting) == 1:
        return fitting[0]
    what = f"{len(fitting)} tensors of {num_classes} columns" if fitting else "no tensor with a column for each class"
    raise ModelError(
        f"the network returns a {type(output).__name__} with {what} in it, and nothing called logits: "
        "return the logits tensor."
    )


def _narrow_type(module: nn.Module) -> torch.dtype | None:
    """Return the 16-bit type that a module computes in; None for wider ones, which take the images as they are."""
    first = next((p.dtype for p in module.parameters() if p.is_floating_point()), None)
    return first if first in (torch.float16, torch.bfloat16) else None


def as_classifier(model: nn.Module) -> Classifier:
    """Return ``model`` itself if it is a Classifier, else wrap it; a plain module must take [0, 1] images."""
    if isinstance(model, Classifier):
        return model
    return Classifier(model, name=type(model).__name__, num_classes=0)


def device_of(module: nn.Module) -> torch.device:
    """Return where the module's first parameter or buffer lies (CPU if it has none)."""
    tensors = [*module.parameters(), *module.buffers()]
    return tensors[0].device if tensors else torch.device("cpu")


@contextmanager
def in_evaluation(module: nn.Module) -> Iterator[None]:
    """Put the module in evaluation mode, and leave it afterwards exactly as it was found.

    In training mode batch norm mixes the images of a batch, so a gradient would not belong to one image.
    """
    training = [(child, child.training) for child in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for child, was_training in training:
            child.training = was_training


@contextmanager
def held_still(module: nn.Module) -> Iterator[None]:
    """Put the module in evaluation mode without parameter gradients; leave it afterwards exactly as it was found."""
    required = [(parameter, parameter.requires_grad) for parameter in module.parameters()]
    try:
        for parameter, _ in required:
            parameter.requires_grad_(False)
        with in_evaluation(module):
            yield
    finally:
        for parameter, was_required in required:
            parameter.requires_grad_(was_required)
