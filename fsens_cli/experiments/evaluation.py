"""What came out of an evaluation: right or wrong, image by image, and the numbers that follow from that.

Shape letters: N images, K conditions or exact radii, M frequencies, R radial bins, H, W pixels, F half-plane columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from fsens_cli.experiments.evaluate_calibration import CalibrationRow
from fsens_cli.experiments.evaluate_corruption_error import CorruptionError
from fsens_cli.experiments.own_metrics import MetricRow
from fsens_cli.experiments.part_result import PartResult
from fsens_cli.experiments.suite import Condition
from fsens_cli.fourier.perturbation import exact_radii
from fsens_cli.short_repr import ShortRepr
from fsens_cli.statistics.chance import NOT_TOLD, told_from_chance
from fsens_cli.statistics.crossings import first_step_interval
from fsens_cli.statistics.intervals import Interval, mean_intervals, nothing, wilson
from fsens_cli.statistics.medians import median_interval
from fsens_cli.statistics.paired import mean_difference
from fsens_cli.statistics.ranks import rank_correlation

GROUPS = ("low", "medium", "high", "other")

# Why perturbations have no f_0.5, where they are the same in every pixel.
BRIGHTNESS = "brightness alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The accuracy under one condition."""

    condition: Condition
    accuracy: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """The mean accuracy over the corruptions of a group and all severities, and what it is below the clean one."""

    group: str
    corruptions: tuple[str, ...]
    accuracy: Interval
    drop: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimalRow:
    """The sizes of the smallest perturbations of the images that the model gets right.

    ``median`` is infinite where fewer than half of them were found. Sizes and frequencies are NaN where the model's
    accuracy cannot be told from chance.

    Attributes:
        norm: ``linf`` or ``l2``.
        median: over the images that the model gets right.
        mean_found: over those for which one was found.
        num_right, num_found: how many these are.
        half_power: f_0.5 of the found ones in cycles per pixel: half of their summed power lies below.
        half_power_normalised: the same with each perturbation normalised to power 1 first, so that large ones do not
            dominate.
        note: why there are no sizes or frequencies; empty where there are.
    """

    norm: str
    median: Interval
    mean_found: float
    num_right: int
    num_found: int
    half_power: Interval
    half_power_normalised: Interval
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How well the input gradient predicts which frequencies hurt: rank correlation over frequencies."""

    correlation: Interval
    num_frequencies: int


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Prediction(ShortRepr):
    """What the spectra said of each corruption before the model saw it, beside what happened.

    Attributes:
        conditions: the corruptions.
        measured: accuracy under each.
        predicted: expected accuracy, if the corruption moves every margin by a normal amount of the predicted spread
            and what is wrong stays wrong.
        flat: the same from the sizes of gradient and change alone.
        mean_l2: mean L2 norm of the change, root mean square over images, pixel range.
        energy_KR: mean energy of the change in each radial bin.
        correlation: rank correlation of measured and predicted accuracy over the conditions; None where either is
            constant.
        flat_correlation: the same for ``flat``.
    """

    conditions: tuple[Condition, ...]
    measured: tuple[Interval, ...]
    predicted: tuple[float, ...]
    flat: tuple[float, ...]
    mean_l2: tuple[float, ...]
    energy_KR: Tensor
    correlation: Interval | None
    flat_correlation: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class EvaluateResult(ShortRepr):
    """Everything an evaluation found.

    Attributes:
        parts: by name.
        image_size: (H, W) in pixels.
        num_classes: of the model.
        warnings: what makes numbers doubtful.
        calibration: of the clean images, then of each severity; empty at chance, and where nothing tells it.
        metrics: the user's own, on the clean images and at each severity.
        own_code: SHA-256 of the file of each function of the user's, by kind and name.
        corruption_error: None where not all that it is over was asked, and at chance.
    """

    parts: dict[str, PartResult]
    image_size: tuple[int, int]
    num_classes: int
    warnings: tuple[str, ...]
    calibration: tuple[CalibrationRow, ...] = ()
    corruption_error: CorruptionError | None = None
    metrics: tuple[MetricRow, ...] = ()
    own_code: Mapping[str, str] = field(default_factory=dict)

    @property
    def clean(self) -> PartResult:
        """The unchanged images."""
        return self.parts["clean"]

    @property
    def accuracy(self) -> Interval:
        """Accuracy on the unchanged images."""
        return self.rows()[0].accuracy

    @property
    def told_from_chance(self) -> bool:
        """Whether the accuracy on the unchanged images lies above that of guessing."""
        return told_from_chance(self.accuracy, self.num_classes)

    def of_kind(self, kind: str) -> list[PartResult]:
        """Return the parts of one kind, in order."""
        return [p for p in self.parts.values() if p.part.kind == kind]

    def rows(self) -> list[Row]:
        """Return the accuracy under every condition, with Wilson's interval."""
        return [
            Row(condition=condition, accuracy=wilson(int(column.sum()), len(column)))
            for result in self.parts.values()
            for condition, column in result.by_condition
        ]

    def groups(self) -> list[GroupRow]:
        """Return the mean accuracy of each group of corruptions and of all, with intervals over images."""
        corrupted = self.of_kind("corruption")
        rows = []
        for group in (*GROUPS, "all"):
            members = [p for p in corrupted if group in ("all", p.part.conditions[0].group)]
            if not members:
                continue
            # Every image was asked about under every condition, so the mean over conditions is one number an image.
            mean_N = torch.cat([p.correct_NK for p in members], dim=1).double().mean(dim=1)
            (accuracy,) = mean_intervals(mean_N[:, None])
            drop = mean_difference(mean_N, self.clean.correct_NK[:, 0])
            names = tuple(p.part.conditions[0].probe for p in members)
            rows.append(GroupRow(group=group, corruptions=names, accuracy=accuracy, drop=drop))
        return rows

    def minimal(self) -> list[MinimalRow]:
        """Return the sizes of the smallest perturbations in each norm."""
        return [self._minimal_row(p) for p in self.of_kind("minimal")]

    def _minimal_row(self, result: PartResult) -> MinimalRow:
        size_N = result.size_N[result.size_N > 0]
        found_N = size_N[size_N.isfinite()]
        energy_NK = result.energy_NK[result.energy_NK.sum(dim=1) > 0].double()
        radius_K, _ = exact_radii(*self.image_size)
        row = MinimalRow(
            norm=result.part.norm,
            median=median_interval(size_N),
            mean_found=float(found_N.mean()) if len(found_N) else math.nan,
            num_right=len(size_N),
            num_found=len(found_N),
            half_power=half_power_interval(energy_NK, radius_K),
            half_power_normalised=half_power_interval(energy_NK / energy_NK.sum(dim=1, keepdim=True), radius_K),
            note=BRIGHTNESS if len(found_N) and not len(energy_NK) else "",
        )
        if self.told_from_chance:
            return row
        none = nothing(len(size_N))
        return replace(
            row, median=none, mean_found=math.nan, half_power=none, half_power_normalised=none, note=NOT_TOLD
        )

    def agreement(self) -> Agreement | None:
        """Return the rank correlation of heat map and input gradient; None where either is missing or constant."""
        if not {"gradient", "heat-map"} <= self.parts.keys():
            return None
        gradient, heat = self.parts["gradient"], self.parts["heat-map"]
        correlation = rank_correlation(gradient.power_NM, (~heat.correct_NK).double())
        if correlation is None:
            return None
        return Agreement(correlation=correlation, num_frequencies=len(heat.frequency_M2))

    def prediction(self) -> Prediction | None:
        """Return what the spectra predict of the corruptions, beside what they did; None unless that was asked."""
        stored = self.parts.get("prediction")
        if stored is None:
            return None
        conditions = stored.part.conditions
        correct = {
            condition.label: column for part in self.of_kind("corruption") for condition, column in part.by_condition
        }
        correct_NK = torch.stack([correct[c.label] for c in conditions], dim=1)
        predicted_NK = expected_right(stored.margin_N, stored.move_NK)
        flat_NK = expected_right(stored.margin_N, stored.flat_move_NK)
        return Prediction(
            conditions=conditions,
            measured=tuple(wilson(int(column.sum()), len(column)) for column in correct_NK.T),
            predicted=tuple(predicted_NK.mean(dim=0).tolist()),
            flat=tuple(flat_NK.mean(dim=0).tolist()),
            mean_l2=tuple(stored.change_energy_KR.sum(dim=1).sqrt().tolist()),
            energy_KR=stored.change_energy_KR,
            correlation=rank_correlation(predicted_NK, correct_NK.double()),
            flat_correlation=rank_correlation(flat_NK, correct_NK.double()),
        )


def expected_right(margin_N: Tensor, move_NK: Tensor) -> Tensor:
    """Return the chance that an image that is right stays right when its margin moves by a normal amount, (N, K).

    ``move_NK`` is the move's root mean square. A wrong image is taken to stay wrong: where its margin may go says
    nothing about the other classes that it would also have to beat.

    >>> chance = expected_right(torch.tensor([1.0, 1.0, -1.0]), torch.tensor([[1.0], [0.0], [9.0]]))
    >>> [round(float(p), 4) for p in chance]
    [0.8413, 1.0, 0.0]
    """
    margin_N1 = margin_N.double()[:, None]
    stays = torch.special.ndtr(margin_N1 / move_NK.double().clamp_min(1e-300))
    return torch.where(margin_N1 > 0, stays, torch.zeros_like(stays))


def half_power_interval(energy_NK: Tensor, radius_K: Tensor) -> Interval:
    """Return f_0.5 of the summed power of perturbations with its interval over images; without bounds for one image."""
    total_N1 = energy_NK.sum(dim=1, keepdim=True)
    # Below f_0.5 lies less than half of the summed power.
    largest = float(total_N1.max()) / 2 if len(total_N1) else 0.0
    return first_step_interval(radius_K, energy_NK.cumsum(dim=1) - total_N1 / 2, largest=largest)
