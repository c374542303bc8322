"""Hybrid images: the low frequencies of one image, the high ones of another, and whose class the model names.

Method: Li et al., PLoS Comput Biol 19(3) e1010932 (2023).
Shape letters: N images, C channels, H, W pixels, F columns of the half plane, P pairings, K mixing frequencies,
D pairs of all pairings in one row, B pairs of one batch.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from fsens_cli.data.images import ImageSet, to_unit
from fsens_cli.errors import DataError, ModelError
from fsens_cli.experiments.hybrid_curve import Answers, HybridResult, summarise
from fsens_cli.experiments.hybrid_settings import HybridConfig
from fsens_cli.experiments.pairing import pair_images, pairing_seeds, require_pairable
from fsens_cli.experiments.right_answers import require_labels
from fsens_cli.fourier.hybrids import low_pass_mask, mix, spectrum
from fsens_cli.memory import require_memory
from fsens_cli.models.classifier import Classifier, as_classifier, device_of, held_still
from fsens_cli.perturb.attacks.watch import undecided

Progress = Callable[[int], None]

# Spectra are kept on the device up to this size; larger sets are transformed again for each batch.
KEPT_BYTES = 2**30
# What is remembered of a hybrid: its partner, class and confidence, each kept twice while they are put together.
BYTES_A_HYBRID = 40


def hybrid_probe(
    model: nn.Module,
    images: ImageSet | Tensor,
    labels: Tensor | None = None,
    config: HybridConfig | None = None,
    *,
    on_progress: Progress = lambda _: None,
) -> HybridResult:
    """Show ``model`` hybrids of pairs of images from different classes, and find out whose label it gives them.

    Args:
        model: a Classifier, or any module that maps [0, 1] images to logits.
        images: an ImageSet, or images (N, C, H, W) in [0, 1].
        labels: integer labels (N,), for a tensor of images.
        config: settings; the default is the published definition with two pairings instead of six.
        on_progress: called with the number of hybrids done after each batch of pairs.

    Pairs depend on the labels and ``config.seed`` alone, not on the device. The model is left as it was.

    Raises:
        DataError: images or labels cannot be used, or one class holds more than half of the images.
        ModelError: the model's output on a hybrid is not a number.
    """
    config = config or HybridConfig()
    image_NCHW, label_N, index_N = _opened(images, labels)
    require_pairable(label_N, images.class_names if isinstance(images, ImageSet) else ())
    num_hybrids = config.num_hybrids(len(label_N))
    require_memory(BYTES_A_HYBRID * num_hybrids, f"the answers to {num_hybrids:,} hybrids", "give fewer pairings")
    seeds = pairing_seeds(config.seed, config.pairings)
    partner_PN = torch.stack([pair_images(label_N, seed) for seed in seeds])
    classifier = as_classifier(model)
    device = device_of(classifier)
    with held_still(classifier), torch.no_grad():
        clean, num_classes = _classify_unmixed(classifier, image_NCHW, device, config.batch_size)
        require_labels(label_N, num_classes)
        spectra = _Spectra(image_NCHW, device)
        prediction, confidence = _classify_hybrids(classifier, spectra, partner_PN, config, on_progress)
    _require_numbers(confidence, config)
    answers = Answers(
        index_N=index_N,
        label_N=label_N,
        clean_prediction_N=clean,
        seed_P=seeds,
        partner_PN=partner_PN,
        prediction_PNK=prediction.reshape(*partner_PN.shape, -1),
        confidence_PNK=confidence.reshape(*partner_PN.shape, -1),
    )
    return summarise(answers, config=config, image_size=spectra.size, num_classes=num_classes)


def _opened(images: ImageSet | Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return images (8-bit, or float in [0, 1]), labels and names of the images, the latter two on the CPU."""
    if isinstance(images, ImageSet):
        if labels is not None:
            raise DataError("an ImageSet has its own labels: leave out `labels`.")
        return images.images_NCHW, images.label_N, images.index_N
    if labels is None:
        raise DataError("labels are missing: give hybrid_probe(model, images, labels), or an ImageSet.")
    if images.ndim != 4 or not images.is_floating_point():
        raise DataError(
            f"images must be floating point of shape (N, C, H, W), got {images.dtype} of shape {tuple(images.shape)}."
        )
    if labels.shape != images.shape[:1]:
        raise DataError(f"{len(images)} images need as many labels, got shape {tuple(labels.shape)}.")
    if images.numel():
        low, high = (float(v) for v in images.aminmax())
        # NaN fails both comparisons, so write the condition for what is allowed.
        if not (low >= -1e-6 and high <= 1 + 1e-6):
            raise DataError(
                f"images must lie in [0, 1], got {low:.3g} to {high:.3g}: divide by 255, and leave normalisation to "
                "the model."
            )
    if len(labels) and int(labels.min()) < 0:
        raise DataError(f"labels must not be negative, got {int(labels.min())}.")
    return images, labels.cpu().long(), torch.arange(len(labels))


class _Spectra:
    """The spectrum of every image: made once and kept on the device, or, where that is too much, for each batch."""

    def __init__(self, images_NCHW: Tensor, device: torch.device) -> None:
        num_images, channels, height, width = images_NCHW.shape
        self.size = (height, width)
        self.device = device
        self.dtype = torch.promote_types(images_NCHW.dtype, torch.float32)
        self._images = images_NCHW
        self._kept: Tensor | None = None
        if 8 * num_images * channels * height * (width // 2 + 1) <= KEPT_BYTES:
            self._kept = torch.cat([spectrum(on_device(block, device)) for block in torch.split(images_NCHW, 512)])

    def __getitem__(self, row_B: Tensor) -> Tensor:
        """Return the spectra of the images at ``row_B``, shape (B, C, H, F)."""
        if self._kept is not None:
            return self._kept[row_B.to(self.device)]
        return spectrum(on_device(self._images[row_B.to(self._images.device)], self.device))


def on_device(images: Tensor, device: torch.device) -> Tensor:
    """Return images on ``device`` as floating point in [0, 1]: 8-bit ones are divided there, half precision widened."""
    moved = images.to(device)
    return to_unit(moved) if moved.dtype == torch.uint8 else moved.to(torch.promote_types(moved.dtype, torch.float32))


def _classify_unmixed(
    classifier: Classifier, images_NCHW: Tensor, device: torch.device, batch_size: int
) -> tuple[Tensor, int]:
    """Return the class of each image and the number of classes."""
    logits_NL = torch.cat([classifier(on_device(batch, device)) for batch in torch.split(images_NCHW, batch_size)])
    bad = undecided(logits_NL)
    if bool(bad.any()):
        raise ModelError(f"the model's output on image {int(bad.nonzero()[0])} is not a number: it overflows there.")
    return logits_NL.argmax(dim=1).cpu(), logits_NL.shape[1]


def _classify_hybrids(
    classifier: Classifier, spectra: _Spectra, partner_PN: Tensor, config: HybridConfig, on_progress: Progress
) -> tuple[Tensor, Tensor]:
    """Return class and confidence of the hybrids of all pairs, shapes (D, K), pairing after pairing, on the CPU.

    Nothing leaves the device before the end, so the loop never waits for it.
    """
    low_D = torch.arange(partner_PN.shape[1]).repeat(len(partner_PN))
    high_D = partner_PN.flatten()
    masks = [
        low_pass_mask(config.mask, *spectra.size, a, order=config.order).to(spectra.dtype).to(spectra.device)
        for a in config.frequencies()
    ]
    predictions, confidences = [], []
    for low_B, high_B in zip(
        torch.split(low_D, config.batch_size), torch.split(high_D, config.batch_size), strict=True
    ):
        low, high = spectra[low_B], spectra[high_B]
        hybrids = (mix(low, high, mask, spectra.size) for mask in masks)
        decided = [_decide(classifier, hybrid, clip=config.clip) for hybrid in hybrids]
        predictions.append(torch.stack([p for p, _ in decided], dim=1))
        confidences.append(torch.stack([c for _, c in decided], dim=1))
        on_progress(len(masks) * min(len(predictions) * config.batch_size, len(low_D)))
    return torch.cat(predictions).cpu(), torch.cat(confidences).cpu()


def _decide(classifier: Classifier, hybrid_BCHW: Tensor, *, clip: bool) -> tuple[Tensor, Tensor]:
    """Return the class of each hybrid and its softmax probability, shapes (B,)."""
    logits = classifier(hybrid_BCHW.clamp_(0, 1) if clip else hybrid_BCHW)
    largest, prediction = logits.float().max(dim=1)
    return prediction, torch.exp(largest - logits.float().logsumexp(dim=1))


def _require_numbers(confidence_DK: Tensor, config: HybridConfig) -> None:
    bad = ~confidence_DK.isfinite()
    if bool(bad.any()):
        pair, k = bad.nonzero()[0].tolist()
        raise ModelError(
            f"the model's output on the hybrid of pair {pair} at {config.frequencies()[k]:.2f} Nyquist is not a "
            "number: it overflows there."
        )
