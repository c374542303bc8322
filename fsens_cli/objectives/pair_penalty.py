"""The penalty of representational similarity as a component for any training loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from fsens_cli.errors import ConfigError, DataError, require, require_one_of
from fsens_cli.objectives.similarity import TapSimilarity, default_taps, similarity_penalty
from fsens_cli.objectives.similarity_settings import TRANSFORMS
from fsens_cli.objectives.similarity_targets import stand_in, thresholded

if TYPE_CHECKING:
    from collections.abc import Sequence

TARGETS = ("pixel", "pixel-raw", "gabor", "gabor-low", "gabor-high")


class SimilarityPenalty(nn.Module):
    """Penalty on the gap between a network's similarity of pairs of images and a target's.

    ``weight * mean over pairs of (T(S_network) - T(S_target))^2``, S_network the cosine similarity of representations,
    weighted over layers by a trainable softmax. Sources: Li et al., *Learning from brains how to regularize machines*,
    2019; Attias et al., 2024. Its parameters belong to the optimizer: ``[*model.parameters(),
    *penalty.parameters()]``; its running means to a checkpoint: ``penalty.state_dict()``.

    Args:
        model: from images to anything; looked at once, with ``example``.
        example: one image, (1, C, H, W).
        taps: names of modules that are compared; empty takes the stem and stages of ResNets and of timm's networks.
        weight: alpha.
        transform: ``artanh`` (published), ``code`` (of the released code: four times the penalty) or ``none``.
        passes: ``separate`` passes for left and right images (published) or one ``joint`` pass.

    Raises:
        ConfigError: an unknown name or a number out of range.
        ModelError: a layer that the model does not have.

    >>> from torchvision.models import resnet18
    >>> model, images = resnet18(num_classes=10), torch.rand(40, 3, 32, 32)
    >>> penalty = SimilarityPenalty(model, images[:1])
    >>> target = SimilarityPenalty.target(images, "gabor")
    >>> left, right = torch.arange(8), torch.arange(8, 16)
    >>> penalty(model, images[left], images[right], target[left, right]).shape
    torch.Size([])
    """

    def __init__(
        self,
        model: nn.Module,
        example: Tensor,
        *,
        taps: Sequence[str] = (),
        weight: float = 10.0,
        transform: str = "artanh",
        passes: str = "separate",
    ) -> None:
        super().__init__()
        require_one_of("transform", transform, TRANSFORMS)
        require(0 <= weight < 1e6, f"weight={weight} must not be negative.")
        self.weight = weight
        self.transform = transform
        self.similarity = TapSimilarity(model, tuple(taps) or default_taps(model), example[:1], passes=passes)

    def forward(self, model: nn.Module, left: Tensor, right: Tensor, target: Tensor) -> Tensor:
        """Return the weighted penalty of the pairs, a scalar with a graph to the parameters of both.

        Args:
            model: the network, in the mode that the training has it in.
            left, right: images of the pairs, (P, C, H, W) each.
            target: how similar each pair should be, (P,).

        Raises:
            DataError: shapes do not fit each other.
        """
        if left.shape != right.shape or target.shape != left.shape[:1]:
            shapes = ", ".join(str(tuple(each.shape)) for each in (left, right, target))
            raise DataError(f"left, right and target of shapes {shapes} do not fit: give as many of each.")
        found, _ = self.similarity(model, left, right)
        return self.weight * similarity_penalty(found, target.to(found), self.transform)

    @property
    def tap_weights(self) -> dict[str, float]:
        """How much each layer counts; they sum to 1."""
        return dict(zip(self.similarity.taps, self.similarity.weights_K.tolist(), strict=True))

    @staticmethod
    def target(images: Tensor, towards: str = "pixel", threshold: float = 0.8) -> Tensor:
        """Return the similarity of all pairs of images in [0, 1], (N, N): a stand-in where there are no recordings.

        Args:
            images: (N, C, H, W).
            towards: ``pixel`` (thresholded, published), ``pixel-raw``, ``gabor``, ``gabor-low``, ``gabor-high``.
            threshold: of ``pixel``.

        Raises:
            ConfigError: an unknown name.
            DataError: an image has the mean image's features.
        """
        require_one_of("towards", towards, TARGETS)
        if images.ndim != 4 or not images.is_floating_point():
            raise ConfigError(f"images must be floating point (N, C, H, W), got {tuple(images.shape)}.")
        with torch.no_grad():
            raw = stand_in(images, towards)
            return thresholded(raw, threshold) if towards == "pixel" else raw
