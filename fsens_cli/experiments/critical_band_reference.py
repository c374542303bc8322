"""Critical-band masking exactly as published, with its index of thresholds and its Gaussian.

Subramanian et al., NeurIPS 2023 (arXiv 2309.13190), by their public code: every picture is shown once, in a cell (band,
noise) drawn at random; a threshold is an index with a floor and a ceiling; a Gaussian goes through the indices. The
classes are those of the data, not 16 groups of ImageNet's.

Shape letters: N images, B bands, S strengths.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fsens_cli.data.images import ImageSet
from fsens_cli.errors import DataError
from fsens_cli.experiments.critical_band import Progress
from fsens_cli.experiments.critical_band_settings import CriticalBandConfig
from fsens_cli.experiments.right_answers import right_answers
from fsens_cli.fourier.perturbation import energy_by_radius, exact_radii, half_power_frequency, perturbation_power
from fsens_cli.fourier.pyramid import num_levels
from fsens_cli.models.classifier import as_classifier, device_of, held_still
from fsens_cli.perturb.published_noise import published_stimuli, pyramid_noise
from fsens_cli.short_repr import ShortRepr
from fsens_cli.statistics.channels import GaussianFit, fit_gaussian
from fsens_cli.statistics.intervals import Interval, wilson

STRENGTHS = (0.0, 0.02, 0.04, 0.08, 0.16)
RIGHT = 0.5
CEILING = len(STRENGTHS) - 1
FIELDS_FOR_MEDIANS = 32


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PublishedResult(ShortRepr):
    """What the published procedure finds.

    Attributes:
        nominal_B, median_B: frequencies of the bands in cycles per image: nominal, and where half of their power lies.
        accuracy_BS: in each cell, NaN where no picture fell into it, float64.
        shown_BS: pictures in each cell.
        index_B: of the thresholds, 0 to 4: log2 of the sensitivity.
        fit: through the index over the number of the band; None where the indices are all the same.
        clean: accuracy without noise, over all bands.
    """

    nominal_B: tuple[float, ...]
    median_B: tuple[float, ...]
    accuracy_BS: Tensor
    shown_BS: Tensor
    index_B: tuple[int, ...]
    fit: GaussianFit | None
    clean: Interval
    index_N: Tensor
    label_N: Tensor
    correct_N: Tensor
    warnings: tuple[str, ...]

    @property
    def bandwidth(self) -> float:
        """Octaves at half height; NaN without a fit."""
        return self.fit.full_width if self.fit else math.nan

    @property
    def centre(self) -> float:
        """Nominal cycles per image; NaN without a fit."""
        return self.nominal_B[0] * 2**self.fit.centre if self.fit else math.nan

    @property
    def peak(self) -> float:
        """Peak noise sensitivity: 2^(height - 4) = 0.01 / threshold sd; NaN without a fit."""
        return float(2 ** (self.fit.height - CEILING)) if self.fit else math.nan


def threshold_index(accuracy_BS: Tensor) -> tuple[int, ...]:
    """Return the index of each band's threshold: strengths are tried from the largest down, the first one above 50 %.

    0 stands for the largest noise and 4 for none at all, *or* for an observer who is never above 50 %: a floor that
    the index cannot tell from sensitivity.

    >>> threshold_index(torch.tensor([[0.9, 0.9, 0.8, 0.4, 0.1], [0.3, 0.2, 0.1, 0.1, 0.1]]))
    (2, 4)
    """
    above_BS = (accuracy_BS > RIGHT).flip(1)
    first_B = torch.where(above_BS.any(dim=1), above_BS.int().argmax(dim=1), torch.tensor(CEILING))
    return tuple(first_B.tolist())


def index_gaussian(index_B: tuple[int, ...]) -> GaussianFit | None:
    """Return the published Gaussian through the indices over the number of the band, its height at most 4.

    >>> human = index_gaussian((0, 0, 0, 0, 2, 2, 0))
    >>> round(human.full_width, 2), round(1.75 * 2**human.centre, 1)
    (1.0, 39.6)
    """
    return fit_gaussian(torch.arange(len(index_B)), torch.tensor(index_B), highest=float(CEILING))


def published_critical_band(
    model: nn.Module,
    images: ImageSet,
    config: CriticalBandConfig | None = None,
    *,
    on_progress: Progress = lambda _: None,
) -> PublishedResult:
    """Show every image once, as published, and return thresholds by the published index.

    Args:
        model: a Classifier, or any module that maps [0, 1] images to logits.
        images: labelled images; the published ones have 224 pixels a side, which gives 7 bands.
        config: ``batch_size`` and ``seed`` are used, nothing else.
        on_progress: called with the number of images done.

    Raises:
        DataError: no images, or labels outside the classes.
        ModelError: the model's output is not a number.
    """
    config = config or CriticalBandConfig(procedure="reference")
    classifier = as_classifier(model)
    if not len(images):
        raise DataError("there are no images to mask.")
    height, width = images.images_NCHW.shape[-2:]
    num_bands = num_levels(height, width)
    if num_bands < 3:
        raise DataError(f"{height}x{width} images have {num_bands} octaves: procedure=reference needs at least 3.")
    generator = torch.Generator().manual_seed(config.seed)
    band_N = torch.randint(num_bands, (len(images),), generator=generator)
    strength_N = torch.randint(len(STRENGTHS), (len(images),), generator=generator)
    correct_N = torch.zeros(len(images), dtype=torch.bool)
    done = 0
    with held_still(classifier), torch.no_grad():
        for band in range(num_bands):
            for strength, sd in enumerate(STRENGTHS):
                rows = torch.nonzero((band_N == band) & (strength_N == strength)).flatten()
                if not len(rows):
                    continue
                chosen = images.select(rows)
                correct_N[rows] = _answers(classifier, chosen, band, sd, config)
                done += len(rows)
                on_progress(done)
    return _summarised(images, correct_N, band_N, strength_N, num_bands, config.seed)


def _answers(classifier: nn.Module, images: ImageSet, band: int, sd: float, config: CriticalBandConfig) -> Tensor:
    device, start, found = device_of(classifier), 0, []
    for batch, labels in images.batches(config.batch_size, device):
        index_N = images.index_N[start : start + len(labels)].to(device)
        start += len(labels)
        logits = classifier(published_stimuli(batch, band, sd, index_N=index_N, seed=config.seed))
        found.append(right_answers(logits, labels, shown="masked images").cpu())
    return torch.cat(found)


def _summarised(
    images: ImageSet, correct_N: Tensor, band_N: Tensor, strength_N: Tensor, num_bands: int, seed: int
) -> PublishedResult:
    size = (images.images_NCHW.shape[-2], images.images_NCHW.shape[-1])
    cell_N = band_N * len(STRENGTHS) + strength_N
    cells = num_bands * len(STRENGTHS)
    shown = torch.bincount(cell_N, minlength=cells).reshape(num_bands, -1)
    right = torch.bincount(cell_N[correct_N], minlength=cells).reshape(num_bands, -1)
    accuracy_BS = right.double() / shown
    index_B = threshold_index(accuracy_BS)
    unmasked = strength_N == 0
    clean = wilson(int(correct_N[unmasked].sum()), max(1, int(unmasked.sum())))
    warnings = []
    if min(size) != 224:
        warnings.append(f"the published images have 224 pixels a side, these {size[0]}x{size[1]}: other bands.")
    if clean.low <= RIGHT:
        warnings.append(
            f"without noise {100 * clean.value:.0f} % are right, not clearly more than 50 %: the index is at its "
            "ceiling where nothing is recognised, and its width says nothing."
        )
    nominal = tuple(min(size) / 2 ** (num_bands - b) for b in range(num_bands))
    return PublishedResult(
        nominal_B=nominal,
        median_B=tuple(_median_frequency(size, b, seed) for b in range(num_bands)),
        accuracy_BS=accuracy_BS,
        shown_BS=shown,
        index_B=index_B,
        fit=index_gaussian(index_B),
        clean=clean,
        index_N=images.index_N,
        label_N=images.label_N,
        correct_N=correct_N,
        warnings=tuple(warnings),
    )


def _median_frequency(size: tuple[int, int], band: int, seed: int) -> float:
    """Return the frequency below which half of a band's power lies, the constant left out, in cycles per image."""
    noise = pyramid_noise(size, band, 1.0, index_N=torch.arange(FIELDS_FOR_MEDIANS), seed=seed)
    energy = energy_by_radius(perturbation_power(noise[:, None]), size).sum(dim=0)
    radius, _ = exact_radii(*size)
    return min(size) * float(half_power_frequency(energy, radius))
