"""The penalty of a batch: a regularizer's price for the spectrum of its input gradients.

Method: Krishnamachari, Ng, Foo, *Fourier Sensitivity and Regularization of Computer Vision Models*, TMLR 2022:
loss = cross-entropy + weight x R(SFS), SFS the spatial-frequency sensitivity of the current batch, by exact double
backpropagation.

Shape letters: N images, L classes, C channels, H, W pixels, K radial bins.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.errors import ConfigError
from fsens_cli.fourier.bases import Basis, fourier_basis
from fsens_cli.fourier.sensitivity import sensitivity_share
from fsens_cli.objectives.batch_shares import BatchGradients, BatchShares
from fsens_cli.objectives.convolution import for_inputs_alone
from fsens_cli.objectives.input_gradient import twice_differentiable_cotangent
from fsens_cli.objectives.regularizer import GradientRegularizer, Regularizer
from fsens_cli.objectives.regularizers import RegularizerConfig, regularizer_of
from fsens_cli.parallel.world import ALONE, World


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedPenalty:
    """A penalty made ready for one image size and device, so that a step computes nothing twice.

    Attributes:
        config: what is penalised.
        basis: Fourier basis with its bins on the device.
        counted_K: what a regularizer of the spectrum is told of this image size, float32; empty for others.
    """

    config: RegularizerConfig
    basis: Basis
    counted_K: Tensor


def prepare_penalty(config: RegularizerConfig, height: int, width: int, device: torch.device) -> PreparedPenalty:
    """Return the penalty for images of H x W pixels.

    Raises:
        ConfigError: too few radii for the bands, or a target of another length.
    """
    if config.name == "none" or config.compares_pairs:
        raise ConfigError(f"regularizer={config.name} has no penalty.")
    basis = fourier_basis(height, width)
    bins = basis.bins
    entry = regularizer_of(config.name)
    counted_K = entry.counted(config, bins) if isinstance(entry, Regularizer) else torch.zeros(0)
    on_device = Basis(name=basis.name, power=basis.power, bins=bins.to(device))
    return PreparedPenalty(config=config, basis=on_device, counted_K=counted_K.float().to(device))


def penalty_of_share(share_NK: Tensor, used_N: Tensor, prepared: PreparedPenalty, world: World = ALONE) -> Tensor:
    """Return R of a batch's sensitivities; only images where ``used_N`` is True count.

    A batch without a usable image has penalty 0.

    The batch is that of all processes together: each gets the same value, and the sum of what all of them derive from
    it is ``world.size`` times its derivative.
    """
    entry = regularizer_of(prepared.config.name)
    assert isinstance(entry, Regularizer), "others have no penalty of a share"
    counted_K = prepared.counted_K.to(share_NK.dtype)
    shares = BatchShares.of(share_NK, used_N, world)
    return entry.penalty(shares, counted_K, prepared.config)


@dataclass(frozen=True, slots=True)
class Penalty:
    """The penalty of one batch.

    Attributes:
        value: R, with a graph.
        num_skipped: images here that could not take part: a gradient that is not finite, or of which no share can be
            taken because it is zero.
        mean_share_K: mean share of the images here with a gradient, without a graph.
    """

    value: Tensor
    num_skipped: Tensor
    mean_share_K: Tensor


def fourier_penalty(
    logits_NL: Tensor,
    images_NCHW: Tensor,
    label_N: Tensor,
    prepared: PreparedPenalty,
    *,
    std: Tensor,
    world: World = ALONE,
) -> Penalty:
    """Return the penalty on the input gradient of the cross-entropy, differentiable with respect to the parameters.

    Args:
        logits_NL: the model's output for ``images_NCHW``, which must require a gradient.
        std: the model's normalisation (broadcastable to the images), for ``space="normalized"``.
        world: the processes that hold parts of the batch; the images are this one's part.

    The transform and the penalty run in float32 or wider whatever the model computes in. An image whose gradient is
    not finite, or zero where its spectrum is asked for, is left out and counted; it never switches the penalty of the
    others off.
    """
    config = prepared.config
    entry = regularizer_of(config.name)
    with torch.autocast(images_NCHW.device.type, enabled=False):
        logits = logits_NL.float() if logits_NL.dtype in (torch.float16, torch.bfloat16) else logits_NL
        cotangent_NL = twice_differentiable_cotangent(logits, label_N)
        with for_inputs_alone():
            (grad,) = torch.autograd.grad(logits, images_NCHW, cotangent_NL, create_graph=True)
        grad = grad if grad.dtype == torch.float64 else grad.float()
        if config.space == "normalized":
            grad = grad * std.to(grad)
        finite_N = grad.detach().flatten(1).isfinite().all(dim=1)
        # A masked 0 x NaN is still NaN in the backward pass, so bad gradients are replaced before anything is computed.
        grad = torch.where(finite_N[:, None, None, None], grad, torch.zeros_like(grad))
        spectral = isinstance(entry, Regularizer)
        share_NK = sensitivity_share(grad if spectral else grad.detach(), prepared.basis, config.channels)
        seen_N = finite_N & (share_NK.detach().sum(dim=1) > 0)
        if isinstance(entry, Regularizer):
            used_N = seen_N
            value = penalty_of_share(share_NK, used_N, prepared, world)
        else:
            used_N = finite_N
            assert isinstance(entry, GradientRegularizer), "pairs of images have no input gradient"
            value = entry.penalty(BatchGradients.of(grad, used_N, world), config)
        shares_NK = share_NK.detach() * seen_N[:, None]
        mean_share_K = shares_NK.sum(dim=0) / seen_N.sum().clamp_min(1)
    return Penalty(value, (~used_N).sum(), mean_share_K)
