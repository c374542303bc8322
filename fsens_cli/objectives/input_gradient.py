"""The gradient of a classifier's output with respect to its input image.

Shape letters: N images, L classes, C channels, H, W pixels.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from fsens_cli.errors import DataError, ModelError, require_one_of
from fsens_cli.objectives.targets import TARGETS

Model = Callable[[Tensor], Tensor]

SMALLEST_LOG_PROBABILITY = -46.0


def _others(logits_NL: Tensor, label_N: Tensor) -> Tensor:
    return logits_NL.scatter(1, label_N[:, None], float("-inf"))


def loss_cotangent(logits_NL: Tensor, label_N: Tensor) -> tuple[Tensor, Tensor]:
    """Return d(cross-entropy)/d(logits) of each image up to a positive factor, and the logarithm of that factor.

    The derivative is softmax - onehot. For a confident sample its entries underflow and the label's entry cancels to
    0, which turns the input gradient into rounding noise. Divided by the largest other class's probability the
    entries are exp(z_k - max_j z_j) for k other than the label, and minus their sum at the label: exact at every
    confidence.
    """
    logits = logits_NL.float() if logits_NL.dtype in (torch.float16, torch.bfloat16) else logits_NL
    others = _others(logits, label_N)
    top = others.amax(dim=1, keepdim=True)
    ratio = torch.exp(others - top)
    cotangent = ratio.scatter(1, label_N[:, None], -ratio.sum(dim=1, keepdim=True))
    log_factor = (top - torch.logsumexp(logits, dim=1, keepdim=True)).squeeze(1)
    return cotangent, log_factor


def twice_differentiable_cotangent(logits_NL: Tensor, label_N: Tensor) -> Tensor:
    """Return d(cross-entropy)/d(logits), (N, L), with a graph to the logits.

    The label's entry, p - 1, is written as minus the sum of the others: for a confident image p rounds to 1, and the
    difference, its derivative and the input gradient that rests on them would be rounding noise. An image whose other
    classes have a probability below e^-46 (1e-20) counts with that factor, since smaller gradients leave the range of
    single precision on their way. Its own sensitivity does not depend on the factor; what it adds to other images
    through batch statistics is nothing either way.

    >>> twice_differentiable_cotangent(torch.tensor([[20.0, 0.0]]), torch.tensor([0]))
    tensor([[-2.0612e-09,  2.0612e-09]])
    """
    others_NL = _others(logits_NL, label_N)
    log_p_NL = others_NL - torch.logsumexp(logits_NL, dim=1, keepdim=True)
    raised_N1 = (SMALLEST_LOG_PROBABILITY - log_p_NL.detach().amax(dim=1, keepdim=True)).clamp_min(0)
    # Where all other classes are masked there is nothing to raise.
    raised_N1 = torch.where(raised_N1.isfinite(), raised_N1, 0.0)
    p_NL = torch.exp(log_p_NL + raised_N1)
    return p_NL.scatter(1, label_N[:, None], -p_NL.sum(dim=1, keepdim=True))


def target_cotangent(logits_NL: Tensor, label_N: Tensor, target: str) -> tuple[Tensor, Tensor]:
    """Return the derivative of ``target`` with respect to the logits, and the logarithm of a left-out factor.

    ``loss`` is the cross-entropy of the label, ``logit`` the label's logit, ``margin`` that logit minus the largest
    other one.
    """
    require_one_of("target", target, TARGETS)
    if target == "loss":
        return loss_cotangent(logits_NL, label_N)
    cotangent = torch.zeros_like(logits_NL).scatter(1, label_N[:, None], 1.0)
    if target == "margin":
        rival = _others(logits_NL, label_N).argmax(dim=1, keepdim=True)
        cotangent = cotangent.scatter(1, rival, -1.0)
    return cotangent, logits_NL.new_zeros(len(label_N))


def target_value(logits_NL: Tensor, label_N: Tensor, target: str) -> Tensor:
    """Return the scalar of each image that ``target`` names, shape (N,)."""
    require_one_of("target", target, TARGETS)
    own = logits_NL.gather(1, label_N[:, None]).squeeze(1)
    if target == "logit":
        return own
    others = _others(logits_NL, label_N)
    if target == "margin":
        return own - others.amax(dim=1)
    # Equal to the cross-entropy, and keeps its digits where that rounds to 0.
    return torch.logaddexp(others.logsumexp(dim=1) - own, torch.zeros_like(own))


def input_gradient(
    model: Model, images_NCHW: Tensor, label_N: Tensor, target: str = "loss"
) -> tuple[Tensor, Tensor, Tensor]:
    """Return (logits (N, L), gradient (N, C, H, W) up to a factor per image, log of that factor (N,)).

    One forward and one backward pass. The true gradient is exp(log factor) times the one returned. The model must
    treat images one by one (evaluation mode), else the factors would mix. Where the output does not depend on the
    images at all, the gradient is zero.

    Raises:
        DataError: a label outside the model's classes.
        ModelError: the model has one output only, or hides its gradient.
    """
    images = images_NCHW.detach().requires_grad_()
    with torch.enable_grad():
        logits = model(images)
    require_classes(label_N, logits.shape[1], target)
    cotangent, log_factor = target_cotangent(logits.detach(), label_N, target)
    grad: Tensor | None = None
    if logits.requires_grad:
        # A scalar, because grad_outputs of any other shape would make torch import sympy.
        with torch.enable_grad():
            along = (logits * cotangent.to(logits.dtype)).sum()
        (grad,) = torch.autograd.grad(along, images, allow_unused=True)
    if grad is None:
        _require_constant(model, images, logits)
        grad = torch.zeros_like(images)
    return logits.detach(), grad, log_factor


def _require_constant(model: Model, images_NCHW: Tensor, logits_NL: Tensor) -> None:
    """Raise ModelError if logits without a gradient do depend on the images: their gradient is hidden, not zero."""
    with torch.no_grad():
        other = model(1.0 - images_NCHW)
    if not torch.equal(other, logits_NL.detach()):
        raise ModelError(
            "the model's output depends on the image but carries no gradient: it is quantised, or detaches its input. "
            "Measure the model before it was quantised (--weights of the floating-point network)."
        )


def require_classes(label_N: Tensor, num_classes: int, target: str) -> None:
    """Raise ModelError where there is one class only, DataError where a label lies outside of them."""
    if num_classes < 2 and target != "logit":
        raise ModelError("the model has one output: a loss or a margin needs the logits of at least two classes.")
    low, high = (int(v) for v in label_N.aminmax())
    if low < 0 or high >= num_classes:
        raise DataError(f"labels must lie in 0..{num_classes - 1} for this model, got {low if low < 0 else high}.")
