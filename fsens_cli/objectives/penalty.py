"""The Fourier penalty as a component for any training loop, and what it shares with others of the input gradient.

Shape letters: N images, L classes, C channels, H, W pixels, K radial bins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from fsens_cli.errors import ConfigError, DataError, ModelError, require
from fsens_cli.fourier.bands import Band, band_mask, frequency_bands
from fsens_cli.guest.hooks import require_known
from fsens_cli.objectives.fourier_penalty import PreparedPenalty, fourier_penalty, prepare_penalty
from fsens_cli.objectives.penalised_pass import averages_untouched, bare, logits_of, twice_differentiable, uncompiled
from fsens_cli.objectives.regularizer import Regularizer
from fsens_cli.objectives.regularizers import REGULARIZERS, RegularizerConfig, regularizer_of
from fsens_cli.objectives.smoothness import Activations
from fsens_cli.typed import of_type, row_of_numbers

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class PenaltyRecord:
    """What the last penalised batch looked like. Tensors stay on the device until they are read.

    Attributes:
        value: R of the batch, without weight, shape ().
        share_K: mean share of the sensitivity at each radius, 0 to r_max, shape (K,).
        bands: low, mid and high as radii; empty where the images are too small for three bands.
        num_images: penalised images.
        num_skipped: those among them that took no part, because their gradient is zero or not finite, shape ().
    """

    value: Tensor
    share_K: Tensor
    bands: tuple[Band, ...]
    num_images: int
    num_skipped: Tensor
    masks_BK: Tensor

    @property
    def shares(self) -> dict[str, float]:
        """The share of each band; they sum to 1."""
        by_band = self.masks_BK.to(self.share_K) @ self.share_K
        return {band.name: float(share) for band, share in zip(self.bands, by_band, strict=True)}

    def __repr__(self) -> str:
        """Return the numbers in one line."""
        shares = ", ".join(f"{name} {share:.3f}" for name, share in self.shares.items())
        return f"R {float(self.value):.4f}; {shares}; {self.num_images} images, {int(self.num_skipped)} skipped"


class InputGradientPenalty:
    """Penalty on the input gradient of the cross-entropy, to be added to the loss of any training loop.

    What all such components share: calling, passes, records.
    """

    def __init__(self, config: RegularizerConfig, std: Sequence[float] | Tensor | float | None) -> None:
        # What the images were divided by turns their gradient into the one with respect to pixels.
        self.config = replace(config, space="normalized" if std is not None else "pixel")
        self.std = _as_std(std)
        self.last: PenaltyRecord | None = None
        self._num_calls = 0
        self._needs_look = config.needs_smooth
        self._prepared: dict[tuple[int, int, torch.device], PreparedPenalty] = {}

    def __repr__(self) -> str:
        """Return what is penalised and what the last batch gave."""
        config = self.config
        every = f", every={config.every}" if config.every > 1 else ""
        part = f", fraction={config.fraction:g}" if config.fraction < 1 else ""
        last = f"  # last: {self.last!r}" if self.last is not None else ""
        return f"{type(self).__name__}({self._which!r}, weight={config.weight:g}{self._also}{every}{part}){last}"

    @property
    def _which(self) -> str:
        return self.config.name

    @property
    def _also(self) -> str:
        """What else its kind has, as it is shown."""
        return ""

    def __call__(self, model: nn.Module, images_NCHW: Tensor, labels_N: Tensor) -> Tensor:
        """Return the weighted penalty of the batch, a scalar with a graph to the model's parameters.

        The model gets a forward pass of its own, in float32 and in the mode it is in. Running averages of batch norm
        stay as they are, since the task's own pass has moved them. ``with_loss`` shares that pass instead.

        Raises:
            DataError: images are not (N, C, H, W) floating point, or labels not (N,) integers.
            ModelError: the model's output is not (N, L), or gradients are switched off.
        """
        due = self._next_call_is_due()
        _check_batch(model, images_NCHW, labels_N)
        if not due:
            return images_NCHW.new_zeros(())
        count = self.config.images_of(len(images_NCHW))
        part = images_NCHW[:count].detach().requires_grad_()
        with twice_differentiable(part.device), averages_untouched(model):
            logits = self._logits_of(bare(model), part)
            return self._of(logits, part, labels_N[:count])

    def with_loss(
        self, model: nn.Module, images_NCHW: Tensor, labels_N: Tensor, *, loss: Loss | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return ``(loss + penalty, logits)`` from one forward pass.

        Args:
            model: in the mode that the training has it in; may be wrapped in ``DistributedDataParallel``.
            images_NCHW: in float32 or wider; autocast is off inside.
            labels_N: class numbers.
            loss: of logits and labels, for the task, such as one with label smoothing; without it the cross-entropy.

        With ``fraction`` below 1 the penalised images get a pass of their own, because the gradient of the whole batch
        would cost more.

        Raises:
            DataError, ModelError: as for a plain call.
        """
        task = nn.functional.cross_entropy if loss is None else loss
        if self.config.fraction < 1:
            # The penalty's pass comes first, so that batch norm's averages are last moved by the whole batch.
            penalty = self(model, images_NCHW, labels_N)
            logits = logits_of(model, images_NCHW)
            return task(logits, labels_N) + penalty, logits
        due = self._next_call_is_due()
        _check_batch(model, images_NCHW, labels_N, loss)
        if not due:
            logits = logits_of(model, images_NCHW)
            return task(logits, labels_N), logits
        images = images_NCHW.detach().requires_grad_()
        with twice_differentiable(images.device):
            logits = self._logits_of(uncompiled(model), images)
            return task(logits, labels_N) + self._of(logits, images, labels_N), logits

    def _of(self, logits_NL: Tensor, images_NCHW: Tensor, labels_N: Tensor) -> Tensor:
        prepared = self._prepared_for(images_NCHW)
        _require_fitting(logits_NL, images_NCHW, labels_N, self.std)
        # The gradient with respect to pixels is the one with respect to normalised images, divided by their std.
        scale = torch.ones((), device=images_NCHW.device) if self.std is None else 1 / self.std.to(images_NCHW.device)
        penalty = fourier_penalty(logits_NL, images_NCHW, labels_N, prepared, std=scale)
        bands = _bands_of(prepared)
        bins = prepared.basis.bins
        masks = torch.stack([band_mask(bins, band) for band in bands]) if bands else torch.zeros(0, bins.num_bins)
        self.last = PenaltyRecord(
            value=penalty.value.detach(),
            share_K=penalty.mean_share_K,
            bands=bands,
            num_images=len(images_NCHW),
            num_skipped=penalty.num_skipped,
            masks_BK=masks,
        )
        return self.config.weight * self.config.every * penalty.value

    def _logits_of(self, model: nn.Module, images_NCHW: Tensor) -> Tensor:
        """Return the logits; the first time, see whether the network's activations suit the penalty."""
        if not self._needs_look:
            return logits_of(model, images_NCHW)
        with Activations() as seen:
            logits = logits_of(model, images_NCHW)
        seen.require_smooth()
        self._needs_look = False
        return logits

    def _next_call_is_due(self) -> bool:
        due = self._num_calls % self.config.every == 0
        self._num_calls += 1
        return due

    def _prepared_for(self, images_NCHW: Tensor) -> PreparedPenalty:
        height, width = images_NCHW.shape[-2:]
        key = (height, width, images_NCHW.device)
        if key not in self._prepared:
            self._prepared[key] = prepare_penalty(self.config, height, width, images_NCHW.device)
        return self._prepared[key]


class FourierPenalty(InputGradientPenalty):
    """Penalty on the spatial frequencies that a model listens to, to be added to the loss of any training loop.

    ``weight * R(SFS)``, SFS the spatial-frequency sensitivity of the batch: the share of each radius in the power of
    the unitary Fourier transform of the cross-entropy's input gradient, averaged over channels. Differentiable with
    respect to the parameters by exact double backpropagation. Source: Krishnamachari, Ng, Foo, *Fourier Sensitivity
    and Regularization of Computer Vision Models*, TMLR 2022.

    Args:
        name: ``lsf``, ``msf``, ``hsf`` keep the low (r <= N/6), mid (to N/3) or high band, R the share outside it, 0 to
            1; ``asf`` keeps all radii alike, R minus the entropy in bits over r = 1 .. N/2; ``target`` follows a given
            spectrum, R the Kullback-Leibler divergence in bits. Radii in cycles per image, N the shorter side.
        weight: lambda. At the same weight ``asf`` is about four times as strong as the others.
        every: penalise at every k-th call, with k times the weight; other calls return 0.
        fraction: part of the batch that is penalised, its first images; at least two of them.
        target: shares from radius 1 on, for ``target``; divided by their sum.
        channels: ``mean`` (published) or ``power``, which does not let opposite signs in different channels cancel.
        entropy: for ``asf``, of the ``batch`` mean (published) or the mean of ``per_image`` entropies.
        std: what the images were divided by, one number a channel, where the loop normalises them itself: the gradient
            is then taken with respect to pixels. Without it, with respect to the images as they come.

    Raises:
        ConfigError: an unknown name or a number out of range; says what is allowed.

    >>> penalty = FourierPenalty("lsf", weight=0.5)
    >>> model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))
    >>> x, y = torch.rand(8, 3, 16, 16), torch.arange(8)
    >>> loss = nn.functional.cross_entropy(model(x), y) + penalty(model, x, y)
    >>> loss.backward()
    >>> sorted(penalty.last.shares)
    ['high', 'low', 'mid']
    """

    def __init__(
        self,
        name: str = "lsf",
        *,
        weight: float = 0.5,
        every: int = 1,
        fraction: float = 1.0,
        target: Sequence[float] | Tensor = (),
        channels: str = "mean",
        entropy: str = "batch",
        std: Sequence[float] | Tensor | float | None = None,
    ) -> None:
        if name == "none":
            raise ConfigError("regularizer=none has no penalty: leave it out of the loss.")
        spectral = [key for key, entry in REGULARIZERS.items() if isinstance(entry, Regularizer)]
        require_known("regularizer", name, spectral, "regularizers")
        spectrum = _as_spectrum(target)
        if regularizer_of(name).needs_target and not spectrum:
            raise ConfigError(f"regularizer={name} needs target=, a share for every radius from 1 on.")
        config = RegularizerConfig(
            name=name,
            weight=weight,
            every=every,
            fraction=fraction,
            entropy=entropy,
            channels=channels,
            target=spectrum,
        )
        super().__init__(config, std)


def _as_spectrum(target: Sequence[float] | Tensor) -> list[float]:
    """Return a target's shares, summing to 1; an empty one stays empty."""
    shares = torch.tensor(of_type(target, list[float], "target"), dtype=torch.float64)
    if shares.numel() == 0:
        return []
    total = float(shares.sum())
    allowed = shares.ndim == 1 and bool(shares.isfinite().all()) and bool((shares >= 0).all()) and total > 0
    require(allowed, "target must be shares from radius 1 on: one number a radius, none negative, not all 0.")
    return [float(share) for share in shares / total]


def _as_std(std: Sequence[float] | Tensor | float | None) -> Tensor | None:
    if std is None:
        return None
    values = torch.tensor(row_of_numbers(std, "std"))
    require(bool((values > 0).all()) and bool(values.isfinite().all()), f"std={std} must hold positive numbers.")
    return values.reshape(1, -1, 1, 1)


def _check_batch(model: object, images: object, labels: object, loss: object = None) -> None:
    if not isinstance(model, nn.Module):
        raise ModelError(f"model must be a torch.nn.Module from images to logits, got {type(model).__name__}.")
    if not isinstance(images, Tensor) or not isinstance(labels, Tensor):
        got = f"{type(images).__name__} and {type(labels).__name__}"
        raise DataError(f"images and labels must be tensors, got {got}.")
    if images.ndim != 4 or not images.is_floating_point():
        shape = tuple(images.shape)
        raise DataError(f"images must be floating point (N, C, H, W), got {images.dtype} of shape {shape}.")
    if labels.shape != images.shape[:1] or labels.is_floating_point():
        raise DataError(
            f"labels must be class numbers of shape ({len(images)},), got {labels.dtype} of shape "
            f"{tuple(labels.shape)}: of mixed labels give the larger part's class."
        )
    if loss is not None and not callable(loss):
        raise ConfigError(f"loss must be a function of logits and labels, got {type(loss).__name__}.")


def _require_fitting(logits_NL: Tensor, images_NCHW: Tensor, labels_N: Tensor, std: Tensor | None) -> None:
    """Refuse what does not fit the model or the images. Labels are looked at on the CPU alone: elsewhere that waits."""
    channels, classes = images_NCHW.shape[1], logits_NL.shape[1]
    if std is not None and std.numel() not in (1, channels):
        raise ConfigError(f"std has {std.numel()} numbers and the images {channels} channels: give one a channel.")
    if labels_N.device.type == "cpu" and len(labels_N):
        low, high = (int(v) for v in labels_N.aminmax())
        if low < 0 or high >= classes:
            raise DataError(f"labels must lie in 0..{classes - 1} for this model, got {low if low < 0 else high}.")


def _bands_of(prepared: PreparedPenalty) -> tuple[Band, ...]:
    try:
        return frequency_bands(prepared.basis.bins)
    except ConfigError:
        return ()
