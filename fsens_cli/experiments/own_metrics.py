"""The user's own metrics on clean images, and on corrupted ones of each severity.

Shape letters: N images, K conditions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.experiments.part_result import PartResult
from fsens_cli.guest.hook import Hook
from fsens_cli.statistics.intervals import Interval, mean_intervals


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """The mean of one metric over images, and over all corruptions of one severity; severity 0 is clean.

    ``value_N`` is each image's own mean, float64.
    """

    metric: str
    severity: int
    mean: Interval
    value_N: Tensor


def metric_rows(parts: Sequence[PartResult], metrics: Sequence[Hook]) -> tuple[MetricRow, ...]:
    """Return every metric on the clean images and at each severity, with intervals over images."""
    rows = []
    for number, hook in enumerate(metrics):
        columns: dict[int, list[Tensor]] = {}
        for part in parts:
            for k, condition in enumerate(part.part.conditions if part.metric_MNK.numel() else ()):
                columns.setdefault(condition.severity, []).append(part.metric_MNK[number, :, k])
        for severity, members in sorted(columns.items()):
            value_N = torch.stack(members, dim=1).mean(dim=1)
            (mean,) = mean_intervals(value_N[:, None], None)
            rows.append(MetricRow(metric=hook.name, severity=severity, mean=mean, value_N=value_N))
    return tuple(rows)
