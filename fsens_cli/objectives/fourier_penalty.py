"""What does a training pay for listening to the wrong frequencies? LSF, MSF, HSF, ASF and any target spectrum.

Regularizers of Krishnamachari, Ng, Foo, *Fourier Sensitivity and Regularization of Computer Vision Models*, TMLR 2022:
loss = cross-entropy + weight x R(SFS), SFS the spatial-frequency sensitivity of the current batch, by exact double
backpropagation. The target spectrum is our generalisation.

Shape letters: N images, L classes, C channels, H, W pixels, K radial bins.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from fsens_cli.errors import ConfigError, require, require_one_of
from fsens_cli.fourier.bands import band_mask, frequency_bands
from fsens_cli.fourier.bases import Basis, fourier_basis
from fsens_cli.fourier.bins import RadialBins
from fsens_cli.fourier.sensitivity import CHANNEL_REDUCTIONS, sensitivity_share
from fsens_cli.objectives.convolution import for_inputs_alone
from fsens_cli.objectives.input_gradient import twice_differentiable_cotangent
from fsens_cli.parallel.world import ALONE, World

REGULARIZERS = ("none", "lsf", "msf", "hsf", "asf", "target")
KEPT_BAND = {"lsf": "low", "msf": "mid", "hsf": "high"}
ENTROPIES = ("batch", "per_image")
SMALLEST_SHARE = 1e-12


@dataclass(kw_only=True)
class RegularizerConfig:
    """Which spectrum is asked for, and how strongly.

    Attributes:
        name: ``none``; ``lsf``, ``msf``, ``hsf`` keep one band; ``asf`` keeps all radii alike; ``target`` a given
            spectrum.
        weight: lambda, the factor on the penalty.
        every: apply at every k-th step, with k times the weight.
        fraction: part of the batch that is penalised; below 1 it gets a forward pass of its own.
        entropy: for ``asf``, entropy of the ``batch`` mean spectrum (published) or the mean of ``per_image`` entropies.
        channels: ``mean`` (published) or ``power``, as in a measurement.
        space: ``pixel`` or ``normalized`` (published), as in a measurement.
        file: for ``target``, a CSV with the columns ``radius`` and ``share`` (or ``share_mean``).
        target: that spectrum from radius 1 on; read from ``file`` at the start of a run.
    """

    name: str = "none"
    weight: float = 0.5
    every: int = 1
    fraction: float = 1.0
    entropy: str = "batch"
    channels: str = "mean"
    space: str = "pixel"
    file: str = ""
    target: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Check names and ranges."""
        require_one_of("regularizer", self.name, REGULARIZERS)
        require_one_of("regularizer.entropy", self.entropy, ENTROPIES)
        require_one_of("regularizer.channels", self.channels, CHANNEL_REDUCTIONS)
        require_one_of("regularizer.space", self.space, ("pixel", "normalized"))
        require(0 <= self.weight < 1e6, f"regularizer.weight={self.weight} must not be negative.")
        require(self.every >= 1, f"regularizer.every={self.every} must be at least 1 step.")
        require(0 < self.fraction <= 1, f"regularizer.fraction={self.fraction} must lie in (0, 1].")
        has_target = bool(self.file) or bool(self.target)
        require(self.name != "target" or has_target, "regularizer=target needs regularizer.file=SPECTRUM.csv.")
        require(self.name == "target" or not has_target, "regularizer.file belongs to regularizer=target alone.")

    @property
    def is_on(self) -> bool:
        """Whether anything is added to the loss."""
        return self.name != "none" and self.weight > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedPenalty:
    """A penalty made ready for one image size and device, so that a step computes nothing twice.

    Attributes:
        config: what is penalised.
        basis: Fourier basis with its bins on the device.
        counted_K: for lsf, msf, hsf: 1 outside the band that is kept; for asf: 1 for the radii whose entropy counts;
            for target: the target's shares.
    """

    config: RegularizerConfig
    basis: Basis
    counted_K: Tensor


def prepare_penalty(config: RegularizerConfig, height: int, width: int, device: torch.device) -> PreparedPenalty:
    """Return the penalty for images of H x W pixels.

    Raises:
        ConfigError: too few radii for the bands, or a target of another length.
    """
    basis = fourier_basis(height, width)
    bins = basis.bins
    radius_K = bins.cycles_per_image_K
    if config.name in KEPT_BAND:
        kept = next(b for b in frequency_bands(bins) if b.name == KEPT_BAND[config.name])
        counted_K = (~band_mask(bins, kept)).double()
    elif config.name == "asf":
        last = min(height, width) // 2
        require(last >= 2, f"regularizer=asf needs images of at least 4x4 pixels, got {height}x{width}.")
        counted_K = ((radius_K >= 1) & (radius_K <= last)).double()
    elif config.name == "target":
        counted_K = _target_spectrum(config, bins)
    else:
        raise ConfigError(f"regularizer={config.name} has no penalty.")
    on_device = Basis(name=basis.name, power=basis.power, bins=bins.to(device))
    return PreparedPenalty(config=config, basis=on_device, counted_K=counted_K.float().to(device))


def negative_entropy(share: Tensor) -> Tensor:
    """Return the sum of p log2 p over the last dimension, p the share divided by its sum; 0 log 0 is 0.

    Ranges from -log2(length) (flat) to 0 (all in one place).

    >>> float(negative_entropy(torch.tensor([0.25, 0.25, 0.25, 0.25])))
    -2.0
    """
    p = share / share.sum(dim=-1, keepdim=True).clamp_min(SMALLEST_SHARE)
    return (p * torch.log2(p.clamp_min(SMALLEST_SHARE))).sum(dim=-1)


def divergence(target: Tensor, share: Tensor) -> Tensor:
    """Return the Kullback-Leibler divergence of ``share`` from ``target`` in bits: 0 where equal; 0 log 0 is 0.

    >>> round(float(divergence(torch.tensor([0.5, 0.5]), torch.tensor([0.25, 0.75]))), 4)
    0.2075
    """
    return (target * (torch.log2(target.clamp_min(SMALLEST_SHARE)) - torch.log2(share.clamp_min(SMALLEST_SHARE)))).sum(
        -1
    )


def penalty_of_share(share_NK: Tensor, used_N: Tensor, prepared: PreparedPenalty, world: World = ALONE) -> Tensor:
    """Return R of a batch's sensitivities; only images where ``used_N`` is True count.

    lsf, msf, hsf: mean share outside the band that is kept, 0 .. 1. asf: minus the entropy over the radii
    1 .. floor(N / 2), renormalised, in bits, -log2(floor(N / 2)) .. 0. target: Kullback-Leibler divergence of the batch
    mean from the target, in bits, 0 and up. A batch without a usable image has penalty 0.

    The batch is that of all processes together: each gets the same value, and the sum of what all of them derive from
    it is ``world.size`` times its derivative.
    """
    counted_K = prepared.counted_K.to(share_NK.dtype)
    share_NK = torch.where(used_N[:, None], share_NK, torch.zeros_like(share_NK))
    num_used = world.total(used_N.sum())
    any_used = (num_used > 0).to(share_NK.dtype)
    num_used = num_used.clamp_min(1).to(share_NK.dtype)
    if prepared.config.name == "asf" and prepared.config.entropy == "per_image":
        return world.sum(negative_entropy(share_NK * counted_K).sum()) / num_used
    mean_K = world.sum(share_NK.sum(dim=0)) / num_used
    if prepared.config.name == "target":
        return divergence(counted_K, mean_K) * any_used
    if prepared.config.name != "asf":
        return (mean_K * counted_K).sum()
    return negative_entropy(mean_K * counted_K)


@dataclass(frozen=True, slots=True)
class Penalty:
    """The penalty of one batch.

    Attributes:
        value: R, with a graph.
        num_skipped: images here that could not take part (zero or non-finite gradient).
        mean_share_K: mean share of the images here that took part, without a graph.
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
    zero or not finite is left out and counted; it never switches the penalty of the others off.
    """
    config = prepared.config
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
        share_NK = sensitivity_share(grad, prepared.basis, config.channels)
        used_N = finite_N & (share_NK.detach().sum(dim=1) > 0)
        value = penalty_of_share(share_NK, used_N, prepared, world)
        shares_NK = share_NK.detach() * used_N[:, None]
        mean_share_K = shares_NK.sum(dim=0) / used_N.sum().clamp_min(1)
    return Penalty(value, (~used_N).sum(), mean_share_K)


def _target_spectrum(config: RegularizerConfig, bins: RadialBins) -> Tensor:
    """Return the target as shares of all K bins, bin 0 the constant with 0."""
    expected = bins.num_bins - 1
    if len(config.target) != expected:
        size = "x".join(str(s) for s in bins.image_size)
        raise ConfigError(
            f"regularizer.file={config.file} has {len(config.target)} radii and {size} images have {expected}: "
            f"give a share for every radius from 1 to {expected}."
        )
    return torch.tensor([0.0, *config.target], dtype=torch.float64)
