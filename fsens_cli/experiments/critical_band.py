"""Critical-band masking: how much noise in each band of frequencies costs a model its accuracy.

Solomon and Pelli, *Nature* 369, 395 (1994); for networks Subramanian et al., NeurIPS 2023 (arXiv 2309.13190).
Shape letters: N images, C channels, H, W pixels, B bands.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from fsens_cli.data.images import ImageSet
from fsens_cli.errors import DataError
from fsens_cli.experiments.critical_band_ladder import next_step
from fsens_cli.experiments.critical_band_result import (
    CriticalBandResult,
    MaskedAnswers,
    criterion_level,
    summarise,
    why_undefined,
)
from fsens_cli.experiments.critical_band_settings import CRITERIA, CriticalBandConfig
from fsens_cli.experiments.right_answers import right_answers
from fsens_cli.fourier.octaves import BandSet, bands_of
from fsens_cli.memory import require_memory
from fsens_cli.models.classifier import Classifier, as_classifier, device_of, held_still
from fsens_cli.perturb.band_noise import band_noise
from fsens_cli.perturb.keyed_random import ImageDraws
from fsens_cli.perturb.published_noise import MEAN, gray, keep_in_range, lower_contrast
from fsens_cli.statistics.intervals import wilson

# Of an image in a resample: how often it was drawn, and its weight, while both are computed.
BYTES_A_DRAW = 24
# Forward passes of one image that were made so far.
Progress = Callable[[int], None]


def critical_band(
    model: nn.Module,
    images: ImageSet,
    config: CriticalBandConfig | None = None,
    *,
    on_progress: Progress = lambda _: None,
) -> CriticalBandResult:
    """Find the strength of band-limited noise that costs ``model`` its accuracy, band by band.

    Every image is shown in every band at every strength that is tried, with one noise field of its own that only
    changes its size. The strengths are searched: at most 7 a band beside the images without noise.

    Args:
        model: a Classifier, or any module that maps [0, 1] images to logits.
        images: labelled images.
        config: settings; ``procedure="reference"`` is `published_critical_band`, not this function.
        on_progress: called with the forward passes made so far, in images.

    The model is left as it was. A model at chance has no threshold: the result says so, and only the images without
    noise have been asked about.

    Raises:
        DataError: no images, or labels outside the classes.
        ConfigError: images too small for bands.
        ModelError: the model's output is not a number.
    """
    config = config or CriticalBandConfig()
    classifier = as_classifier(model)
    if not len(images):
        raise DataError("there are no images to mask.")
    require_memory(
        BYTES_A_DRAW * config.num_resamples * len(images),
        f"{config.num_resamples:,} resamples of {len(images):,} images",
        "give fewer of one of them",
    )
    height, width = images.images_NCHW.shape[-2:]
    bands = bands_of((height, width), config.spacing)
    masking = _Masking(classifier, images, config, bands, on_progress)
    with held_still(classifier), torch.no_grad():
        _search(masking)
    return summarise(masking.answers(), config=config, bands=bands, num_classes=masking.num_classes)


def _search(masking: "_Masking") -> None:
    """Ask about one strength a band and pass until every threshold is known as closely as the ladder goes."""
    ladder = masking.config.ladder
    every_band = range(len(masking.bands.bands))
    masking.ask([], clean=True)
    clean = wilson(int(masking.clean_N.sum()), len(masking.clean_N))
    criteria = [c for c in CRITERIA if not why_undefined(c, clean, masking.num_classes)]
    criteria.sort(key=lambda c: c != masking.config.criterion)
    levels = [criterion_level(c, clean.value, masking.num_classes) for c in criteria]
    # The leading criterion first; what is left of the strengths goes to the octave of the others.
    asked = [(level, ladder.octave if number else 1) for number, level in enumerate(levels)]
    while asked:
        cells = []
        for b in every_band:
            steps = (next_step(masking.accuracy(b), level, ladder, finest=finest) for level, finest in asked)
            step = next((s for s in steps if s is not None), None)
            if step is not None:
                cells.append((b, step))
        if not cells:
            return
        masking.ask(cells)


class _Masking:
    """What has been asked so far, and how to ask more."""

    def __init__(
        self,
        classifier: Classifier,
        images: ImageSet,
        config: CriticalBandConfig,
        bands: BandSet,
        on_progress: Progress,
    ) -> None:
        self.config = config
        self.bands = bands
        self.num_classes = 0
        self.clean_N = torch.zeros(0, dtype=torch.bool)
        self._classifier = classifier
        self._images = images
        self._on_progress = on_progress
        self._correct: list[dict[int, Tensor]] = [{} for _ in bands.bands]
        self._outside: list[dict[int, float]] = [{} for _ in bands.bands]
        self._num_forwards = 0

    def accuracy(self, band: int) -> dict[int, float]:
        """Return the accuracy at every strength that was tried in a band."""
        return {step: float(right.double().mean()) for step, right in self._correct[band].items()}

    def answers(self) -> MaskedAnswers:
        """Return everything that was asked."""
        return MaskedAnswers(
            index_N=self._images.index_N,
            label_N=self._images.label_N,
            clean_N=self.clean_N,
            correct=tuple(self._correct),
            outside=tuple(self._outside),
        )

    def ask(self, cells: list[tuple[int, int]], *, clean: bool = False) -> None:
        """Show every image in these (band, step of the ladder), or without noise; one pass over the images."""
        asked = BandSet(self.bands.bins, tuple(self.bands.bands[b] for b, _ in cells))
        right: list[list[Tensor]] = [[] for _ in cells]
        outside = [0.0 for _ in cells]
        device, start = device_of(self._classifier), 0
        for batch, labels in self._images.batches(self.config.batch_size, device):
            index_N = self._images.index_N[start : start + len(labels)].to(device)
            start += len(labels)
            shown = prepare(batch, self.config)
            if clean:
                self.clean_N = torch.cat([self.clean_N, self._right(shown, labels)])
            if not cells:
                continue
            noise_NBHW = band_noise(asked, index_N=index_N, seed=self.config.seed, rms=self.config.rms)
            for place, (_, step) in enumerate(cells):
                sigma = self.config.ladder.sigma(step)
                noisy, share = _masked(shown, noise_NBHW[:, place], sigma, index_N, self.config)
                right[place].append(self._right(noisy, labels))
                outside[place] += share * len(labels)
        for place, (b, step) in enumerate(cells):
            self._correct[b][step] = torch.cat(right[place])
            self._outside[b][step] = outside[place] / len(self._images)

    def _right(self, shown: Tensor, labels: Tensor) -> Tensor:
        logits = self._classifier(shown)
        right = right_answers(logits, labels, shown="masked images")
        self.num_classes = logits.shape[1]
        self._num_forwards += len(labels)
        self._on_progress(self._num_forwards)
        return right.cpu()


def prepare(images_NCHW: Tensor, config: CriticalBandConfig) -> Tensor:
    """Return the images as they are shown without noise."""
    plain = images_NCHW if config.preprocess == "none" else gray(images_NCHW)
    if config.preprocess == "published":
        return lower_contrast(plain, config.contrast, mean=MEAN)
    return plain if config.contrast == 1 else lower_contrast(plain, config.contrast)


def _masked(
    shown_NCHW: Tensor, noise_NHW: Tensor, sigma: float, index_N: Tensor, config: CriticalBandConfig
) -> tuple[Tensor, float]:
    """Return the images in noise, and the share of values that the sum has outside [0, 1]."""
    noise = (sigma * noise_NHW)[:, None].to(shown_NCHW)
    total = shown_NCHW + noise
    outside = float(((total < 0) | (total > 1)).double().mean())
    if config.clip == "clamp":
        return total.clamp(0, 1), outside
    if config.clip == "published":
        draws = ImageDraws("band-noise/again", config.seed, index_N, index_N.device)
        return keep_in_range(shown_NCHW, noise.expand_as(shown_NCHW), sigma, draws), outside
    return total, outside
