"""The spatial-frequency sensitivity of single images, with a graph to the model's parameters.

Method: Krishnamachari, Ng, Foo, *Fourier Sensitivity and Regularization of Computer Vision Models*, TMLR 2022.
Shape letters: N images, C channels, H, W pixels, K radial bins.
"""

import torch
from torch import Tensor, nn

from fsens_cli.errors import ModelError
from fsens_cli.fourier.bases import Basis
from fsens_cli.fourier.sensitivity import sensitivity_share
from fsens_cli.objectives.convolution import for_inputs_alone
from fsens_cli.objectives.input_gradient import (
    input_gradient,
    require_classes,
    target_cotangent,
    twice_differentiable_cotangent,
)
from fsens_cli.objectives.penalised_pass import logits_of, twice_differentiable


def image_sensitivity(
    model: nn.Module,
    images_NCHW: Tensor,
    label_N: Tensor,
    basis: Basis,
    *,
    target: str = "loss",
    channels: str = "mean",
) -> Tensor:
    """Return the sensitivity SFS(r) of each image, shape (N, K); rows sum to 1, bin 0 is 0.

    Args:
        model: treats images one by one (evaluation mode), else their gradients would mix.
        images_NCHW: floating point; where they require a gradient themselves, the result has a graph to them too.
        label_N: class numbers.
        basis: with its bins on the images' device.
        target: what is differentiated: ``loss``, ``logit`` or ``margin``.
        channels: ``mean`` or ``power``.

    Where gradients are switched off the result has no graph, and costs one backward pass instead of two.

    Raises:
        DataError: a label outside the model's classes.
        ModelError: a gradient that is not finite; names the image. Or the output is no (N, L) logits.
    """
    grad = _gradient_with_graph(model, images_NCHW, label_N, target) if torch.is_grad_enabled() else None
    if grad is None:
        _, grad, _ = input_gradient(model, images_NCHW, label_N, target)
    bad_N = ~grad.detach().flatten(1).isfinite().all(dim=1)
    if bool(bad_N.any()):
        raise ModelError(f"the input gradient of image {int(bad_N.nonzero()[0])} is not finite: the model overflows.")
    return sensitivity_share(grad if grad.dtype == torch.float64 else grad.float(), basis, channels)


def _gradient_with_graph(model: nn.Module, images_NCHW: Tensor, label_N: Tensor, target: str) -> Tensor | None:
    """Return the input gradient up to a positive factor an image, on which shares do not depend; None without one."""
    images = images_NCHW if images_NCHW.requires_grad else images_NCHW.detach().requires_grad_()
    with twice_differentiable(images.device):
        logits = logits_of(model, images)
        require_classes(label_N, logits.shape[1], target)
        if not logits.requires_grad:
            return None
        if target == "loss":
            cotangent = twice_differentiable_cotangent(logits, label_N)
        else:
            cotangent, _ = target_cotangent(logits, label_N, target)
        with for_inputs_alone():
            gradients = torch.autograd.grad(logits, images, cotangent, create_graph=True, allow_unused=True)
    return gradients[0]
