"""The spectrum of a model's input gradient, image by image.

Method: Krishnamachari, Ng, Foo, *Fourier Sensitivity and Regularization of Computer Vision Models*, TMLR 2022.
Shape letters: N images, C channels, H, W pixels, F columns of the half plane, K radial bins.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fsens_cli.errors import DataError, ModelError
from fsens_cli.experiments.measure_result import MeasureResult, PerImage, summarise
from fsens_cli.experiments.measure_settings import MeasureConfig
from fsens_cli.experiments.self_check import NUM_IMAGES as NUM_CHECKED
from fsens_cli.experiments.self_check import SelfCheck, first_order_check
from fsens_cli.fourier.bands import frequency_bands
from fsens_cli.fourier.bases import Basis, build_basis
from fsens_cli.fourier.bins import spectral_share
from fsens_cli.fourier.sensitivity import full_plane, gradient_energy, without_rounding
from fsens_cli.models.classifier import Classifier, as_classifier, device_of, held_still
from fsens_cli.objectives.input_gradient import input_gradient, target_value
from fsens_cli.perturb.keyed_random import ImageDraws

Batches = Iterable[tuple[Tensor, Tensor]]
Progress = Callable[[int], None]


def measure(
    model: nn.Module,
    batches: Batches,
    config: MeasureConfig | None = None,
    *,
    index_N: Tensor | None = None,
    basis: Basis | None = None,
    on_progress: Progress = lambda _: None,
) -> MeasureResult:
    """Measure the spatial-frequency sensitivity of ``model``.

    Args:
        model: a Classifier, or any module that maps [0, 1] images to logits.
        batches: pairs of images (N, C, H, W) in [0, 1] and integer labels (N,), all images of one size.
        config: settings; the default convention is ``pixel``.
        index_N: names of the images for the per-image table; 0, 1, 2, ... if not given.
        basis: any other unitary transform, instead of the one that ``config.basis`` names.
        on_progress: called with the number of images done after each batch.

    The model is left as it was: training flags, ``requires_grad`` and ``.grad`` do not change.

    Raises:
        DataError: no images, values outside [0, 1], unequal sizes or labels outside the classes.
        ModelError: a non-finite gradient; names the image.
    """
    config = config or MeasureConfig()
    classifier = as_classifier(model)
    parts: list[PerImage] = []
    power_sum: Tensor | None = None
    sample = CheckSample()
    num_done = num_classes = 0
    with held_still(classifier):
        for images, labels in _checked(batches, device_of(classifier)):
            if basis is None:
                basis = build_basis(config.basis, *images.shape[-2:])
            if not parts:
                frequency_bands(basis.bins, config.bands)  # refuses sizes that have no three bands
            names = _names(index_N, num_done, num_done + len(labels))
            logits, grad, log_factor = input_gradient(classifier, images, labels, config.target)
            _require_finite(grad, names)
            part, power_HF = _describe_batch(classifier, logits, labels, names, grad, log_factor, config, basis)
            sample = sample.joined_by(images, labels, grad, log_factor, num_done, config.seed)
            parts.append(part)
            power_sum = power_HF if power_sum is None else power_sum + power_HF
            num_done += len(labels)
            num_classes = logits.shape[1]
            on_progress(num_done)
        if basis is None or power_sum is None:
            raise DataError("there are no images to measure.")
        check = sample.check(classifier, config)
    per_image = _joined(parts)
    num_used = max(1, int(per_image.has_gradient_N.sum()))
    return summarise(
        per_image,
        bins=basis.bins,
        config=config,
        power_map_HW=_centred_map(power_sum / num_used, basis),
        num_classes=num_classes,
        self_check=check,
    )


def _names(index_N: Tensor | None, first: int, end: int) -> Tensor:
    """Return the names of the images from number ``first`` up to ``end``: these numbers, where nobody names them."""
    if index_N is None:
        return torch.arange(first, end)
    if len(index_N) < end:
        raise DataError(f"index_N names {len(index_N)} images, and there are more: one number an image.")
    return index_N[first:end]


def _checked(batches: Batches, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches on ``device`` as float images and int64 labels, refusing what cannot be measured."""
    size: torch.Size | None = None
    for batch, labels in batches:
        images = batch.to(device)
        if images.ndim != 4 or not images.is_floating_point():
            raise DataError(
                "images must be floating point of shape (N, C, H, W), "
                f"got {images.dtype} of shape {tuple(images.shape)}."
            )
        if labels.ndim != 1 or labels.is_floating_point():
            raise DataError(
                f"labels must be integers of shape (N,), got {labels.dtype} of shape {tuple(labels.shape)}."
            )
        if len(images) != len(labels):
            raise DataError(f"a batch has {len(images)} images and {len(labels)} labels.")
        if size is not None and images.shape[1:] != size:
            raise DataError(f"images of {tuple(size)} and {tuple(images.shape[1:])} in one measurement: use one size.")
        size = images.shape[1:]
        if len(images) == 0:
            continue
        if images.numel() == 0:
            raise DataError(f"images of {'x'.join(map(str, size))} hold no pixel.")
        low, high = (float(v) for v in images.aminmax())
        # NaN fails both comparisons, so write the condition for what is allowed.
        if not (low >= -1e-6 and high <= 1 + 1e-6):
            raise DataError(
                f"images must lie in [0, 1], got {low:.3g} to {high:.3g}: divide by 255; the model normalises."
            )
        yield images, labels.to(device).long()


def _require_finite(grad: Tensor, names_N: Tensor) -> None:
    # The largest magnitude is NaN or infinite where any entry is.
    finite = grad.abs().amax(dim=(1, 2, 3)).isfinite().cpu()
    if not bool(finite.all()):
        name = int(names_N[~finite][0])
        raise ModelError(
            f"the input gradient of image {name} is not finite: the model overflows or divides by zero there."
        )


def _describe_batch(
    classifier: Classifier,
    logits: Tensor,
    labels: Tensor,
    names_N: Tensor,
    grad: Tensor,
    log_factor: Tensor,
    config: MeasureConfig,
    basis: Basis,
) -> tuple[PerImage, Tensor]:
    """Return the batch's table and its summed normalised power (H, F)."""
    used = grad * classifier.std.to(grad) if config.space == "normalized" else grad
    wide = used if used.dtype == torch.float64 else used.float()
    scaled, divisor, power_NHF, summed_NK = gradient_energy(wide, basis, config.channels)
    energy_NK = without_rounding(summed_NK.double(), scaled)
    total = energy_NK[:, 1:].sum(dim=1)
    weight = torch.where(total > 0, 1.0 / total.clamp_min(1e-300), torch.zeros_like(total))
    power_HF = torch.einsum("n,nhf->hf", weight, power_NHF.double())
    norm = scaled.flatten(1).double().norm(dim=1) * divisor.double() * torch.exp(log_factor.double())
    part = PerImage(
        index_N=names_N,
        label_N=labels.cpu(),
        prediction_N=logits.argmax(dim=1).cpu(),
        value_N=target_value(logits.double(), labels, config.target).cpu(),
        gradient_norm_N=norm.cpu(),
        share_NK=spectral_share(energy_NK).cpu(),
    )
    return part, power_HF.cpu()


@dataclass(frozen=True, slots=True)
class CheckSample:
    """The images on which the gradient is checked: a few of all, the same ones for a seed whatever the batch size.

    Each image has a random key; those with the smallest ones are kept while the batches go by.
    """

    rows: tuple[Tensor, ...] = ()

    def joined_by(
        self, images: Tensor, labels: Tensor, grad: Tensor, log_factor: Tensor, num_before: int, seed: int
    ) -> "CheckSample":
        """Return the sample after another batch."""
        place_N = torch.arange(num_before, num_before + len(labels))
        key_N = ImageDraws("self-check", seed, place_N, torch.device("cpu")).whole().to(images.device)
        new = (key_N, images, labels, grad, log_factor)
        all_rows = tuple(torch.cat(pair) for pair in zip(self.rows, new, strict=True)) if self.rows else new
        kept = all_rows[0].argsort(stable=True)[:NUM_CHECKED]
        return CheckSample(tuple(each[kept] for each in all_rows))

    def check(self, classifier: Classifier, config: MeasureConfig) -> SelfCheck:
        """Compare the measured gradients with real changes of the target."""
        _, images, labels, grad, log_factor = self.rows
        return first_order_check(classifier, images, labels, grad, log_factor, target=config.target, seed=config.seed)


def _joined(parts: list[PerImage]) -> PerImage:
    return PerImage(**{name: torch.cat([getattr(part, name) for part in parts]) for name in PerImage.__slots__})


def _centred_map(power_HF: Tensor, basis: Basis) -> Tensor:
    """Return the mean normalised power over the plane, shape (H, W), constant removed.

    Fourier maps are completed to the full plane with frequency 0 in the middle; other bases keep their own layout.
    """
    power = power_HF.masked_fill(basis.bins.index_HF == 0, 0.0)
    if basis.name != "fourier":
        return power
    return torch.fft.fftshift(full_plane(power[None], basis.bins.image_size[1])[0])
