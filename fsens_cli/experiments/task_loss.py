"""The loss of the task on a batch: cross-entropy, alone or together with other versions of the same images.

Shape letters: A versions, N images, L classes, C channels, H, W pixels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from fsens_cli.data.policies import POLICIES
from fsens_cli.experiments.own_norms import OwnNorms
from fsens_cli.experiments.train_settings import StepConfig
from fsens_cli.models.classifier import Classifier
from fsens_cli.perturb.attacks.trades import prediction_divergence

SMALLEST_MIXTURE = 1e-7


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
    classifier: Classifier, batch: Batch, label_N: Tensor, config: StepConfig, norms: OwnNorms | None = None
) -> tuple[Tensor, Tensor]:
    """Return (mean loss, logits of ``batch.images``).

    ``trades``: CE(images) + beta KL(images || neighbours), each in a pass of its own, with a gradient through both.
    Policies of several versions: CE of the first plus a weight times the divergence of all; the sum of all CE
    (``apr-p``, ``apr-sp``); the mean of both (``afa``). Versions share one pass, and so the statistics of batch norm,
    but for a last one that has norms of its own.

    Args:
        norms: these.
    """
    if config.adversary.is_trades:
        (neighbours,) = batch.beside
        logits_NL = _wide(classifier(batch.images))
        divergence_N = prediction_divergence(logits_NL, _wide(classifier(neighbours)))
        return _smoothed(logits_NL, label_N, config) + config.adversary.beta * divergence_N.mean(), logits_NL
    logits_ANL = _logits_of_all(classifier, batch, norms)
    first = _smoothed(logits_ANL[0], label_N, config)
    if not batch.beside:
        return first, logits_ANL[0]
    policy, weight = POLICIES[config.augment.policy], config.augment.divergence_weight
    if weight > 0:
        return first + weight * jensen_shannon(torch.stack(logits_ANL)), logits_ANL[0]
    total = first + torch.stack([_smoothed(each, label_N, config) for each in logits_ANL[1:]]).sum()
    return total if policy.adds_up else total / len(logits_ANL), logits_ANL[0]


def _logits_of_all(classifier: Classifier, batch: Batch, norms: OwnNorms | None) -> list[Tensor]:
    together = (batch.images, *batch.beside) if norms is None else (batch.images, *batch.beside[:-1])
    joined = torch.cat(together) if len(together) > 1 else batch.images
    logits = list(_wide(classifier(joined)).chunk(len(together)))
    if norms is not None:
        logits.append(_wide(norms.logits_of(classifier, batch.beside[-1])))
    return logits


def jensen_shannon(logits_ANL: Tensor) -> Tensor:
    """Return the divergence of the predictions for A versions of each image: mean KL to their mixture, in nats.

    The mixture is at least 1e-7 (Hendrycks et al., *AugMix*, ICLR 2020, whose loss is CE(clean) + 12 times this).

    >>> float(jensen_shannon(torch.zeros(3, 2, 10)))
    0.0
    """
    log_ANL = logits_ANL.log_softmax(dim=-1)
    mixture_NL = log_ANL.exp().mean(dim=0).clamp(SMALLEST_MIXTURE, 1)
    return (log_ANL.exp() * (log_ANL - mixture_NL.log())).sum(dim=-1).mean()


def _smoothed(logits_NL: Tensor, label_N: Tensor, config: StepConfig) -> Tensor:
    return cross_entropy(logits_NL, label_N, label_smoothing=config.label_smoothing)


def _wide(logits_NL: Tensor) -> Tensor:
    """Return logits in float32 at least; a network in double stays in double."""
    return logits_NL if logits_NL.dtype == torch.float64 else logits_NL.float()
