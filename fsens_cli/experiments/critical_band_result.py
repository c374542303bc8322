"""Settings and result of critical-band masking: thresholds, sensitivity, and the channel that they form.

Shape letters: N images, B bands, R resamples, L strengths.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fsens_cli.experiments.critical_band_settings import CRITERIA, CriticalBandConfig, Ladder
from fsens_cli.fourier.bands import Band
from fsens_cli.fourier.octaves import BandSet
from fsens_cli.short_repr import ShortRepr
from fsens_cli.statistics.channels import GaussianFit, channel_shape, fit_gaussian
from fsens_cli.statistics.crossings import central_bounds
from fsens_cli.statistics.intervals import Interval, wilson
from fsens_cli.statistics.thresholds import class_resamples, threshold

ABSOLUTE = 0.5
ABOVE_CHANCE = 0.05
MUCH_OUT_OF_RANGE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MaskedAnswers(ShortRepr):
    """Right or wrong, image by image; everything else is computed from this.

    Attributes:
        index_N, label_N: the images, int64.
        clean_N: right without noise, after preprocessing, bool.
        correct: for each band a mapping from step of the ladder to right or wrong, bool (N,).
        outside: for each band the share of pixel values outside [0, 1] at each step.
    """

    index_N: Tensor
    label_N: Tensor
    clean_N: Tensor
    correct: tuple[Mapping[int, Tensor], ...]
    outside: tuple[Mapping[int, float], ...]

    @property
    def num_forwards(self) -> int:
        """Forward passes of one image that were made."""
        return len(self.label_N) * (1 + sum(len(c) for c in self.correct))


@dataclass(frozen=True, slots=True, kw_only=True)
class BandThreshold:
    """The strength of noise in one band that costs the model its accuracy.

    Attributes:
        band: its radii in cycles per image.
        centre: its frequency in cycles per image.
        cells: of the plane.
        sigma: root mean square of the noise at the threshold; a bound of the ladder where ``censored`` is not empty.
        censored: ``<`` or ``>`` where the threshold lies below or above all strengths tried.
        censored_share: of the resamples.
        sensitivity: S = 1 / sigma: equal root mean square in every band.
        energy: E = (cells / all cells) / sigma^2: equal power per cell.
        outside: share of pixel values outside [0, 1] at the strength next to the threshold.
    """

    band: Band
    centre: float
    cells: int
    sigma: Interval
    censored: str
    censored_share: float
    sensitivity: Interval
    energy: Interval
    outside: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Thresholds by one criterion, and the channel that they form; ``undefined`` tells why there is none.

    Attributes:
        criterion: ``half`` or ``absolute``.
        level: the accuracy that is the threshold.
        bands: in ascending order of frequency.
        width: octaves over which the interpolated sensitivity is at least half its peak.
        width_open: whether these reach the first or last band: the width is a lower bound.
        centre: mean log2 frequency over these octaves, as a frequency in cycles per image.
        peak: largest sensitivity; ``peak_censored`` where its threshold is below all strengths.
        censored_share: of the resamples in which any threshold is below all strengths, or all are above.
        gaussian: secondary: through the sensitivities over log2 frequency.
    """

    criterion: str
    level: float
    undefined: str = ""
    bands: tuple[BandThreshold, ...] = ()
    width: Interval | None = None
    width_open: bool = False
    centre: Interval | None = None
    peak: Interval | None = None
    peak_censored: bool = False
    censored_share: float = 0.0
    gaussian: GaussianFit | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CriticalBandResult(ShortRepr):
    """A model's sensitivity to noise over frequency.

    Attributes:
        accuracy: clean, after preprocessing.
        channels: one a criterion, the leading one first.
        fixed_sigma, fixed_rows: accuracy in each band at one strength.
        answers: of every image.
        warnings: what makes numbers doubtful.
    """

    config: CriticalBandConfig
    bands: BandSet
    num_classes: int
    accuracy: Interval
    channels: tuple[Channel, ...]
    fixed_sigma: float
    fixed_rows: tuple[Interval, ...]
    answers: MaskedAnswers
    warnings: tuple[str, ...] = field(default=())

    @property
    def channel(self) -> Channel:
        """The channel by the leading criterion."""
        return self.channels[0]


def criterion_level(criterion: str, clean: float, num_classes: int) -> float:
    """Return the accuracy at the threshold.

    >>> criterion_level("half", 0.9, 10), criterion_level("absolute", 0.9, 10)
    (0.5, 0.5)
    """
    return (clean + 1 / num_classes) / 2 if criterion == "half" else ABSOLUTE


def why_undefined(criterion: str, clean: Interval, num_classes: int) -> str:
    """Return why a criterion cannot be used with this clean accuracy; empty where it can."""
    chance = 1 / num_classes
    if clean.low <= chance + ABOVE_CHANCE:
        return (
            f"accuracy without noise is {100 * clean.value:.1f} % [{100 * clean.low:.1f}, {100 * clean.high:.1f}], not "
            f"clearly above chance ({100 * chance:.1f} %): there is nothing to lose"
        )
    if criterion == "absolute" and clean.low <= ABSOLUTE:
        return (
            f"accuracy without noise is {100 * clean.value:.1f} % [{100 * clean.low:.1f}, {100 * clean.high:.1f}], not "
            f"clearly above {100 * ABSOLUTE:.0f} %"
        )
    return ""


def summarise(
    answers: MaskedAnswers,
    *,
    config: CriticalBandConfig,
    bands: BandSet,
    num_classes: int,
) -> CriticalBandResult:
    """Compute every number that is shown from the answers; all cells of an image are resampled together, by class."""
    clean = wilson(int(answers.clean_N.sum()), len(answers.clean_N))
    generator = torch.Generator().manual_seed(config.seed)
    counts_RN = class_resamples(answers.label_N, config.num_resamples, generator)
    # The first row is the sample itself.
    weight_RN = torch.cat([torch.ones(1, len(answers.label_N), dtype=torch.float64), counts_RN]) / len(answers.label_N)
    order = (config.criterion, *(c for c in CRITERIA if c != config.criterion))
    ladder = config.ladder
    channels = []
    for name in order:
        level, reason = criterion_level(name, clean.value, num_classes), why_undefined(name, clean, num_classes)
        if reason:
            channels.append(Channel(criterion=name, level=level, undefined=reason))
            continue
        clean_R = weight_RN @ answers.clean_N.double()
        levels = [criterion_level(name, c, num_classes) for c in clean_R.tolist()]
        level_R = torch.tensor(levels, dtype=torch.float64)
        logs = [_log_threshold(c, weight_RN, clean_R, level_R, ladder) for c in answers.correct]
        channels.append(_channel(name, level, torch.stack(logs, dim=1), answers, ladder, bands))
    fixed = [c[ladder.middle] for c in answers.correct] if all(ladder.middle in c for c in answers.correct) else []
    return CriticalBandResult(
        config=config,
        bands=bands,
        num_classes=num_classes,
        accuracy=clean,
        channels=tuple(channels),
        fixed_sigma=ladder.sigma(ladder.middle),
        fixed_rows=tuple(wilson(int(right.sum()), len(right)) for right in fixed),
        answers=answers,
        warnings=tuple(_warnings(channels[0])),
    )


def _channel(
    criterion: str, level: float, log_RB: Tensor, answers: MaskedAnswers, ladder: Ladder, bands: BandSet
) -> Channel:
    """Return thresholds and channel from log2 of the thresholds; the first row is the sample itself."""
    low, high = math.log2(ladder.sigma(0)), math.log2(ladder.sigma(ladder.last))
    bounded_RB = log_RB.clamp(low, high)
    centres, cells, share = bands.centres, bands.cells, bands.density
    n = len(answers.label_N)
    rows = [
        BandThreshold(
            band=band,
            centre=centres[b],
            cells=cells[b],
            sigma=_interval(torch.exp2(bounded_RB[:, b]), n),
            censored="<" if log_RB[0, b] == -math.inf else ">" if log_RB[0, b] == math.inf else "",
            censored_share=float(log_RB[1:, b].isinf().double().mean()),
            sensitivity=_interval(torch.exp2(-bounded_RB[:, b]), n),
            energy=_interval(share[b] * torch.exp2(-2 * bounded_RB[:, b]), n),
            outside=_outside_near(answers.outside[b], float(bounded_RB[0, b]), ladder),
        )
        for b, band in enumerate(bands.bands)
    ]
    no_peak_R = (log_RB == -math.inf).any(dim=1) | (log_RB == math.inf).all(dim=1)
    if bool((log_RB[0] == math.inf).all()):
        reason = f"no noise up to {ladder.sigma(ladder.last):g} costs the model half of what it knows: raise levels"
        return Channel(criterion=criterion, level=level, undefined=reason, bands=tuple(rows))
    log_frequency_B = torch.tensor(centres, dtype=torch.float64).log2()
    sensitivity_RB = torch.exp2(-bounded_RB)
    shape = channel_shape(log_frequency_B, sensitivity_RB)
    return Channel(
        criterion=criterion,
        level=level,
        bands=tuple(rows),
        width=_interval(shape.width_R, n),
        width_open=bool(shape.open_R[0]),
        centre=_interval(torch.exp2(shape.centre_R), n),
        peak=_interval(shape.peak_R, n),
        peak_censored=bool(no_peak_R[0]),
        censored_share=float(no_peak_R[1:].double().mean()),
        gaussian=fit_gaussian(log_frequency_B, sensitivity_RB[0]),
    )


def _log_threshold(
    correct: Mapping[int, Tensor], weight_RN: Tensor, clean_R: Tensor, level_R: Tensor, ladder: Ladder
) -> Tensor:
    """Return log2 of one band's threshold in each resample; infinite only where the ladder itself ends."""
    steps = sorted(correct)
    accuracy_RL = weight_RN @ torch.stack([correct[s] for s in steps], dim=1).double()
    log_L = torch.tensor([math.log2(ladder.sigma(s)) for s in steps], dtype=torch.float64)
    found = threshold(log_L, accuracy_RL, clean_R, level_R)
    # A resample may cross beyond the strengths that were tried: there the end of these is the bound.
    found = torch.where((found == -math.inf) & (steps[0] > 0), log_L[0], found)
    return torch.where((found == math.inf) & (steps[-1] < ladder.last), log_L[-1], found)


def _interval(value_R: Tensor, n: int) -> Interval:
    """Return the first value with the central 95 % of the others."""
    low, high = central_bounds(value_R[1:])
    return Interval(float(value_R[0]), low, high, n)


def _outside_near(outside: Mapping[int, float], log_sigma: float, ladder: Ladder) -> float:
    nearest = min(outside, key=lambda s: abs(math.log2(ladder.sigma(s)) - log_sigma))
    return outside[nearest]


def _warnings(channel: Channel) -> list[str]:
    if channel.undefined:
        return [f"no threshold: {channel.undefined}."]
    found = []
    many = [b.band.name for b in channel.bands if b.outside > MUCH_OUT_OF_RANGE]
    if many:
        found.append(
            f"at the threshold more than {100 * MUCH_OUT_OF_RANGE:.0f} % of pixel values leave [0, 1] in the bands "
            f"{', '.join(many)}: contrast= or clip= says what else can be shown."
        )
    below = [b.band.name for b in channel.bands if b.censored == "<"]
    if below:
        found.append(
            f"the thresholds of the bands {', '.join(below)} lie below the smallest sigma: give a lower lowest=."
        )
    return found
