"""Whether a model is right on a batch: what is no decision, and labels it does not have, are refused.

Shape letters: N images, L classes.
"""

from torch import Tensor

from fsens_cli.errors import DataError, ModelError
from fsens_cli.perturb.attacks.watch import undecided


def right_answers(logits_NL: Tensor, label_N: Tensor, *, shown: str) -> Tensor:
    """Return where the largest logit is the label's, shape (N,), bool.

    A class that is masked out has the logit -inf, which is legal.

    Args:
        logits_NL: what the model says.
        label_N: integer labels from 0 on.
        shown: what the model was shown, for the message.

    Raises:
        ModelError: a logit is not a number, or the largest one is infinite.
        DataError: a label is none of the model's classes.

    >>> import torch
    >>> right_answers(torch.tensor([[0.0, -torch.inf], [0.0, 1.0]]), torch.tensor([0, 0]), shown="two images").tolist()
    [True, False]
    """
    require_decisions(logits_NL, shown=shown)
    require_labels(label_N, logits_NL.shape[1])
    right: Tensor = logits_NL.argmax(dim=1) == label_N
    return right


def require_decisions(logits_NL: Tensor, *, shown: str) -> None:
    """Raise ModelError if an image's logits are no decision."""
    if bool(undecided(logits_NL).any()):
        raise ModelError(f"the model's output on {shown} is not a number: it overflows there.")


def require_labels(label_N: Tensor, num_classes: int) -> None:
    """Raise DataError unless all labels are among the model's classes."""
    largest = int(label_N.max())
    if largest >= num_classes:
        raise DataError(f"labels must lie in 0..{num_classes - 1} for this model, got {largest}.")
