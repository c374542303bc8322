"""Calibration of a model on clean images, and on corrupted ones of each severity.

Shape letters: N images, K corruptions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from fsens_cli.experiments.part_result import PartResult
from fsens_cli.statistics.calibration import Calibration, Scores, calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationRow:
    """Calibration over all corruptions of one severity; severity 0 is that of the clean images."""

    severity: int
    num_corruptions: int
    found: Calibration

    @property
    def name(self) -> str:
        """``clean``, or which severity."""
        return f"severity {self.severity}" if self.severity else "clean"


def calibration_rows(clean: PartResult, corrupted: Sequence[PartResult], *, seed: int) -> tuple[CalibrationRow, ...]:
    """Return the calibration on the clean images and at each severity; nothing where parts were kept without scores."""
    if not all(part.confidence_NK.numel() for part in (clean, *corrupted)):
        return ()
    columns: dict[int, list[tuple[PartResult, int]]] = {0: [(clean, 0)]}
    for part in corrupted:
        for number, condition in enumerate(part.part.conditions):
            columns.setdefault(condition.severity, []).append((part, number))
    return tuple(
        CalibrationRow(
            severity=severity,
            num_corruptions=len(members) if severity else 0,
            found=calibration(_scores(members), seed=seed),
        )
        for severity, members in sorted(columns.items())
    )


def _scores(members: Sequence[tuple[PartResult, int]]) -> Scores:
    return Scores(
        right_NK=torch.stack([part.correct_NK[:, k] for part, k in members], dim=1),
        confidence_NK=torch.stack([part.confidence_NK[:, k] for part, k in members], dim=1),
        loss_NK=torch.stack([part.loss_NK[:, k] for part, k in members], dim=1),
        brier_NK=torch.stack([part.brier_NK[:, k] for part, k in members], dim=1),
    )
