"""Signs that a model is none that these attacks can judge, each in one line.

Shape letters: N images, L classes, C channels, H, W pixels.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from fsens_cli.perturb.attacks.goal import Goal, Model, decide
from fsens_cli.perturb.attacks.losses import margin
from fsens_cli.perturb.attacks.opening import require_images, require_logits

# Rows of probabilities sum to 1 up to this, also in half precision.
SUM_TOLERANCE = 2e-3
# Said where a verb takes probabilities for logits.
LIKE_PROBABILITIES = "the model's output looks like probabilities: its logits are meant, take away the last softmax."
# Two passes of a model that is not random differ by rounding at most.
SAME = 1e-4


@dataclass(frozen=True, slots=True)
class Finding:
    """One sign: its ``kind`` (``probabilities``, ``random``, ``dynamic``, ``no-gradient``, ``zero-gradient``)."""

    kind: str
    message: str


def look_like_probabilities(logits_NL: Tensor) -> bool:
    """Return whether every row is positive and sums to 1.

    >>> look_like_probabilities(torch.tensor([[0.25, 0.75]])), look_like_probabilities(torch.tensor([[-1.0, 2.0]]))
    (True, False)
    """
    sums_N = logits_NL.double().sum(dim=1)
    return bool((logits_NL >= 0).all()) and bool(((sums_N - 1).abs() < SUM_TOLERANCE).all())


def inspect_model(model: Model, images_NCHW: Tensor, label_N: Tensor) -> list[Finding]:
    """Return what about the model would make the attacks weaker than they seem; an empty list if nothing.

    Three passes over the images given, and one over the first; a few dozen are enough.

    Raises:
        DataError: images or labels cannot be used.
        ModelError: the output is not one row of finite numbers an image.
    """
    require_images(images_NCHW, label_N)
    logits_NL = decide(model, images_NCHW)
    require_logits(logits_NL, label_N)
    found = []
    if look_like_probabilities(logits_NL):
        found.append(
            Finding(
                "probabilities",
                "the model's output looks like probabilities: attacks need logits, take away the last softmax.",
            )
        )
    again_NL = decide(model, images_NCHW)
    # Masked classes are -inf both times, which is no difference; NaN would hide one.
    differs_NL = torch.where(again_NL == logits_NL, 0.0, again_NL - logits_NL).abs()
    largest = logits_NL.where(logits_NL.isfinite(), 0.0).abs().max()
    if not float(differs_NL.max()) <= SAME * (1 + float(largest)):
        found.append(
            Finding(
                "random",
                "the model is random, two passes over the same images differ: average with attack.eot=20 or more, or "
                "take suite.attacks=[autoattack-rand].",
            )
        )
    return found + _dynamic_findings(model, images_NCHW) + _gradient_findings(model, images_NCHW, label_N)


class _Noticing(TorchFunctionMode):
    """Notices when derivatives are asked for while it is active."""

    asked = False

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        del types
        self.asked |= func in (torch.autograd.grad, torch.autograd.backward, torch.Tensor.backward)
        return func(*args, **(kwargs or {}))


def _dynamic_findings(model: Model, images_NCHW: Tensor) -> list[Finding]:
    """Return a finding where the forward pass takes gradients itself: such a defence adapts while it is attacked."""
    with _Noticing() as noticing, torch.enable_grad():
        try:
            model(images_NCHW[:1])
        except RuntimeError:
            return []  # the other findings say what is wrong
    if not noticing.asked:
        return []
    message = "the model takes gradients in its forward pass: what adapts to an image needs an attack made for it."
    return [Finding("dynamic", message)]


def _gradient_findings(model: Model, images_NCHW: Tensor, label_N: Tensor) -> list[Finding]:
    remedy = "attacks by gradient say nothing about it, take attack=square too."
    images = images_NCHW.detach().requires_grad_()
    try:
        with torch.enable_grad():
            logits_NL = model(images)
            if not logits_NL.requires_grad:
                raise RuntimeError("no gradient")
            (grad,) = torch.autograd.grad(margin(logits_NL, Goal(label_N)).sum(), images, materialize_grads=True)
    except RuntimeError as error:
        # A forward pass that worked without gradient and does not with it leaves torch, for example through numpy.
        if "out of memory" in str(error):
            raise
        return [Finding("no-gradient", f"the model is not differentiable by its input: {remedy}")]
    flat = grad.flatten(1)
    dead_N = ~flat.isfinite().all(dim=1) | (flat == 0).all(dim=1)
    if not bool(dead_N.any()):
        return []
    share = f"{int(dead_N.sum())} of {len(dead_N)} images"
    return [Finding("zero-gradient", f"the input gradient is zero or not a number on {share}: {remedy}")]
