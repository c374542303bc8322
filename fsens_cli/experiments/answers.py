"""A model's answers to changed images: right or wrong, and how sure.

Shape letters: N images, C channels, H, W pixels, K changes, M metrics of the user's, L classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.data.images import ImageSet
from fsens_cli.experiments.evaluate_shared import Setting
from fsens_cli.experiments.right_answers import require_decisions, right_answers
from fsens_cli.guest.hook import Hook
from fsens_cli.models.classifier import Classifier
from fsens_cli.perturb.attacks.inspection import look_like_probabilities
from fsens_cli.statistics.calibration import Scores, scores

# Images (N, C, H, W) and their indices (N,) to changed images.
Perturb = Callable[[Tensor, Tensor], Tensor]
SHOWN = "perturbed images"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Answers(Scores):
    """The scores of every image under every change, the user's metrics, and whether these were probabilities."""

    metric_MNK: Tensor
    look_like_probabilities: bool = False


def ask(setting: Setting, images: ImageSet, changes: Sequence[Perturb]) -> Answers:
    """Return the model's answers to each image under each change, on the CPU.

    Raises:
        ModelError: the model's output is not a number.
    """
    blocks = []
    with torch.no_grad():
        for batch, labels, index in setting.batches(images):
            blocks.append(side_by_side([_answers(setting, change(batch, index), labels) for change in changes]))
    return _joined(blocks, dim=0)


def side_by_side(columns: Sequence[Answers]) -> Answers:
    """Return answers about the same images under different changes as one."""
    return _joined(columns, dim=1)


def is_right(classifier: Classifier, images: Tensor, labels: Tensor) -> Tensor:
    """Return whether the model is right on each image, bool, shape (N,).

    Raises:
        ModelError: the model's output is not a number.
    """
    return right_answers(classifier(images), labels, shown=SHOWN)


def _answers(setting: Setting, images: Tensor, labels: Tensor) -> Answers:
    logits = setting.classifier(images)
    require_decisions(logits, shown=SHOWN)
    found = scores(logits, labels)
    return Answers(
        right_NK=found.right_NK.cpu(),
        confidence_NK=found.confidence_NK.cpu(),
        loss_NK=found.loss_NK.cpu(),
        brier_NK=found.brier_NK.cpu(),
        metric_MNK=torch.stack([measured(hook, logits, labels)[:, None] for hook in setting.metrics()])
        if setting.metrics()
        else torch.zeros(0, len(labels), 1, dtype=torch.float64),
        look_like_probabilities=look_like_probabilities(logits),
    )


def measured(hook: Hook, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the user's number of each answer, float64, shape (N,), on the CPU.

    Raises:
        ModelError: it fails, or returns something other than one finite number an image.
    """
    found = hook(logits.clone(), labels.clone())
    if not isinstance(found, Tensor):
        raise hook.refuse(f"returned {type(found).__name__}")
    if found.shape != labels.shape or found.is_complex():
        raise hook.refuse(f"returned a tensor of shape {tuple(found.shape)} for {len(labels)} images")
    values = found.detach().double().cpu()
    if not bool(values.isfinite().all()):
        raise hook.refuse("returned NaN or infinite numbers")
    return values


def _joined(answers: Sequence[Answers], *, dim: int) -> Answers:
    return Answers(
        right_NK=torch.cat([a.right_NK for a in answers], dim=dim),
        confidence_NK=torch.cat([a.confidence_NK for a in answers], dim=dim),
        loss_NK=torch.cat([a.loss_NK for a in answers], dim=dim),
        brier_NK=torch.cat([a.brier_NK for a in answers], dim=dim),
        metric_MNK=torch.cat([a.metric_MNK for a in answers], dim=dim + 1),
        look_like_probabilities=all(a.look_like_probabilities for a in answers),
    )
