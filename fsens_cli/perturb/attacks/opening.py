"""What must hold before a model is attacked: images, labels and output of the right kind.

Shape letters: N images, L classes, C channels, H, W pixels.
"""

import math

from torch import Tensor

from fsens_cli.errors import ConfigError, DataError, ModelError
from fsens_cli.perturb.attacks.config import AttackConfig, record_of
from fsens_cli.perturb.attacks.goal import Goal, Model, decide
from fsens_cli.perturb.attacks.watch import undecided


def require_images(images_NCHW: Tensor, label_N: Tensor) -> None:
    """Raise DataError unless these are labelled images in [0, 1].

    NaN is refused too.
    """
    if images_NCHW.ndim != 4 or not images_NCHW.is_floating_point():
        raise DataError(
            f"images must be floating point of shape (N, C, H, W), got {images_NCHW.dtype} of shape "
            f"{tuple(images_NCHW.shape)}."
        )
    if label_N.shape != images_NCHW.shape[:1] or len(label_N) == 0:
        raise DataError(f"{len(images_NCHW)} images need as many labels, got shape {tuple(label_N.shape)}.")
    low, high = (float(v) for v in images_NCHW.aminmax())
    # NaN fails both comparisons, so write the condition for what is allowed.
    if not (low >= 0 and high <= 1):
        raise DataError(
            f"images must lie in [0, 1], got {low:.3g} to {high:.3g}: divide by 255, and leave normalisation to the "
            "model."
        )


def require_logits(logits_NL: Tensor, label_N: Tensor) -> None:
    """Raise ModelError or DataError unless the output is one row of logits an image that has the labels.

    -inf, the logit of a masked class, is allowed.
    """
    if logits_NL.ndim != 2 or len(logits_NL) != len(label_N) or logits_NL.shape[1] < 2:
        raise ModelError(
            f"the model must give (N, L) logits of at least two classes, got shape {tuple(logits_NL.shape)} for "
            f"{len(label_N)} images."
        )
    _require_classes("labels", label_N, logits_NL.shape[1])
    bad = undecided(logits_NL)
    if bool(bad.any()):
        raise ModelError(f"the model's output on image {int(bad.nonzero()[0])} is not a number.")


def num_open(logits_NL: Tensor) -> int:
    """Return how many classes are open to every image: masked ones, of logit -inf, cannot be compared."""
    return int((logits_NL > -math.inf).sum(dim=1).min())


def open_goal(
    model: Model,
    images_NCHW: Tensor,
    label_N: Tensor,
    config: AttackConfig,
    target_N: Tensor | None = None,
) -> tuple[Goal, Tensor]:
    """Check everything, and return the goal together with the clean logits (mean of ``eot`` passes)."""
    require_images(images_NCHW, label_N)
    widest = math.sqrt(images_NCHW[0].numel())
    if config.norm == "l2" and config.eps > widest:
        raise ConfigError(
            f"attack.eps={config.eps}: images of {images_NCHW[0].numel()} numbers in [0, 1] are at most "
            f"{widest:.4g} apart in l2."
        )
    logits_NL = decide(model, images_NCHW, eot=config.eot)
    require_logits(logits_NL, label_N)
    num_classes = num_open(logits_NL)
    needed = 4 if target_N is not None and config.name == "apgd-dlr" else record_of(config.name).classes
    if num_classes < needed:
        raise ModelError(
            f"attack={config.name} compares at least {needed} logits, and the model has {num_classes}: take "
            "attack=apgd-ce."
        )
    if target_N is not None:
        if not record_of(config.name).takes_target:
            raise ConfigError(f"attack={config.name} is untargeted: take apgd-ce or apgd-dlr for given targets.")
        if target_N.shape != label_N.shape:
            raise DataError(f"{len(label_N)} images need as many targets, got shape {tuple(target_N.shape)}.")
        _require_classes("targets", target_N, logits_NL.shape[1])
        same = target_N == label_N
        if bool(same.any()):
            raise DataError(f"the target of image {int(same.nonzero()[0])} is its own label.")
    return Goal(label_N, target_N).watched(), logits_NL


def _require_classes(what: str, class_N: Tensor, num_classes: int) -> None:
    low, high = (int(v) for v in class_N.aminmax())
    if low < 0 or high >= num_classes:
        raise DataError(f"{what} must lie in 0..{num_classes - 1} for this model, got {low if low < 0 else high}.")
