"""The loss of the task on a batch: cross-entropy, alone or together with other versions of the same images.

Shape letters: N images, L classes, C channels, H, W pixels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from fsens_cli.experiments.train_settings import AdversaryConfig
from fsens_cli.models.classifier import Classifier
from fsens_cli.perturb.attacks.trades import prediction_divergence


@dataclass(frozen=True, slots=True)
class Batch:
    """The images of a step, (N, C, H, W) in [0, 1].

    Attributes:
        images: what accuracy and penalty are taken of.
        beside: other versions of the same images, for losses that compare or add them.
    """

    images: Tensor
    beside: tuple[Tensor, ...] = ()


def task_loss(
    classifier: Classifier, batch: Batch, label_N: Tensor, *, label_smoothing: float, adversary: AdversaryConfig
) -> tuple[Tensor, Tensor]:
    """Return (mean loss, logits of ``batch.images``).

    ``trades``: CE(images) + beta KL(images || neighbours), each in a pass of its own, with a gradient through both.
    """
    logits_NL = classifier(batch.images)
    loss = cross_entropy(_wide(logits_NL), label_N, label_smoothing=label_smoothing)
    if adversary.is_trades:
        (neighbours,) = batch.beside
        divergence_N = prediction_divergence(_wide(logits_NL), _wide(classifier(neighbours)))
        loss = loss + adversary.beta * divergence_N.mean()
    return loss, logits_NL


def _wide(logits_NL: Tensor) -> Tensor:
    """Return logits in float32 at least; a network in double stays in double."""
    return logits_NL if logits_NL.dtype == torch.float64 else logits_NL.float()
