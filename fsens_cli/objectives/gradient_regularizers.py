"""Regularizers of the input gradient itself: its size (gradient-norm), and how low its frequencies are (jafr).

Shape letters: N images, C channels, H, W pixels, Q = floor(N / 2) + 1 frequencies of one quadrant along an axis.
"""

import torch
from torch import Tensor

from fsens_cli.objectives.batch_shares import BatchGradients
from fsens_cli.objectives.regularizer import RegularizerSettings

FLOOR = 1e-5


def gradient_size(grad_NCHW: Tensor, norm: str, *, eps: float = 4 / 255) -> Tensor:
    """Return the size of each image's input gradient, shape (N,).

    ``l1``: ``eps * ||g||_1``, to first order the rise of the loss under the worst perturbation that moves no pixel by
    more than ``eps`` (Rodriguez-Munoz et al., *Characterizing model robustness via natural input gradients*, 2024).
    ``l2``: ``||g||_2^2 / 2``, double backpropagation (Drucker, LeCun, 1992); ``eps`` is not used.

    Args:
        grad_NCHW: gradient of each image's own loss with respect to its pixels on the [0, 1] scale.
        norm: ``l1`` or ``l2``.
        eps: budget on the [0, 1] scale.

    >>> gradient = torch.tensor([[[[3.0, -4.0]]]])
    >>> gradient_size(gradient, "l1", eps=0.5), gradient_size(gradient, "l2")
    (tensor([3.5000]), tensor([12.5000]))
    """
    flat = grad_NCHW.flatten(1)
    return eps * flat.abs().sum(dim=1) if norm == "l1" else flat.square().sum(dim=1) / 2


def jacobian_frequency(amplitude_HW: Tensor) -> Tensor:
    """Return how low the frequencies of a gradient with this mean amplitude are, shape (); larger is lower.

    Of the quadrant of frequencies 0 .. N/2, the constant kept: F = A / mean(A) + 1e-5; p falls linearly from 1 to -1
    over the quadrant, plus 1e-5; ``R = log(sum_u prod_v F_uv^p_v + sum_v prod_u F_uv^p_u)``. Source: Chan et al., *How
    does frequency bias affect the robustness of neural image classifiers against common corruption and adversarial
    perturbations?*, IJCAI 2022, and its code. Products are sums of logarithms here, and A is divided by its own mean
    first, so that R does not depend on how large the gradient is: beside a tiny gradient the published 1e-5 would
    flatten every spectrum.

    White noise of 32 x 32 pixels gives about 3.5, a gradient whose amplitude falls as 1/f about 9.8.

    Args:
        amplitude_HW: mean over images and channels of the amplitude of the two-dimensional Fourier transform.
    """
    height, width = amplitude_HW.shape
    amplitude_QQ = amplitude_HW[: height // 2 + 1, : width // 2 + 1]
    scale = amplitude_QQ.detach().mean().clamp_min(torch.finfo(amplitude_QQ.dtype).tiny)
    logarithm_QQ = torch.log(amplitude_QQ / scale + FLOOR)
    down_Q, across_Q = (_exponents(length, logarithm_QQ) for length in logarithm_QQ.shape)
    return torch.logsumexp(torch.cat([logarithm_QQ @ across_Q, down_Q @ logarithm_QQ]), dim=0)


def _exponents(length: int, like: Tensor) -> Tensor:
    return torch.linspace(1, -1, length, dtype=like.dtype, device=like.device) + FLOOR


def mean_size(gradients: BatchGradients, settings: RegularizerSettings) -> Tensor:
    """Return the mean size of the gradients of the whole batch."""
    return gradients.mean_of(gradient_size(gradients.grad_NCHW, settings.norm, eps=settings.eps))


def frequency_bias(gradients: BatchGradients, settings: RegularizerSettings) -> Tensor:
    """Return minus R of the whole batch, R itself for ``bias=high``."""
    amplitude_NCHW = torch.fft.fft2(gradients.grad_NCHW, norm="ortho").abs()
    bias = jacobian_frequency(gradients.mean_of(amplitude_NCHW.mean(dim=1))) * gradients.any_used
    return -bias if settings.bias == "low" else bias
