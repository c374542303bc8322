"""The attack inside TRADES: ascent of the divergence of a neighbour's prediction from the image's own.

Zhang et al., *Theoretically Principled Trade-off between Robustness and Accuracy*, ICML 2019.
Shape letters: N images, L classes, C channels, H, W pixels.
"""

import torch
from torch import Tensor

from fsens_cli.perturb.attacks.goal import Model
from fsens_cli.perturb.attacks.pgd import step_inside

# Of the normal noise at which the ascent starts: at the image itself the divergence has no slope.
NOISE_SD = 0.001


def prediction_divergence(logits_NL: Tensor, neighbour_logits_NL: Tensor) -> Tensor:
    """Return KL(p || q) of each image in nats, shape (N,): p its prediction, q its neighbour's.

    >>> float(prediction_divergence(torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 0.0]])))
    0.0
    """
    log_p_NL, log_q_NL = logits_NL.log_softmax(dim=1), neighbour_logits_NL.log_softmax(dim=1)
    return (log_p_NL.exp() * (log_p_NL - log_q_NL)).sum(dim=1)


def divergence_adversary(
    model: Model,
    images_NCHW: Tensor,
    *,
    norm: str,
    eps: float,
    step_size: float,
    num_steps: int,
    start_NCHW: Tensor,
) -> Tensor:
    """Return images inside the ball and [0, 1] after ``num_steps`` steps up the divergence from the image's prediction.

    Args:
        start_NCHW: the perturbation to begin with; as published, noise of standard deviation ``NOISE_SD``.
    """
    with torch.no_grad():
        own_NL = model(images_NCHW)
    x = (images_NCHW + start_NCHW).clamp(0, 1)
    for _ in range(num_steps):
        x = x.detach().requires_grad_()
        with torch.enable_grad():
            (grad,) = torch.autograd.grad(prediction_divergence(own_NL, model(x)).sum(), x)
        x = step_inside(images_NCHW, x.detach(), grad, norm, eps, step_size)
    return x.detach()
