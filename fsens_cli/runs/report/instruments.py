"""Whether instruments that measure reliance on frequencies apart from each other agree, over bands and over models."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from fsens_cli.experiments.quantities import PROFILE, Quantity
from fsens_cli.runs.comparison import Report
from fsens_cli.statistics.intervals import Interval, Z
from fsens_cli.statistics.slopes import LEAST_NETWORKS, correlation

LEAST_BANDS = 5
OVER_BANDS = ("model", "instrument", "other instrument", "bands", "rank correlation over bands")
OVER_MODELS = ("number", "other number", "models", "r over models")

Curve = tuple[Sequence[float], Sequence[float]]


def profiles(report: Report) -> dict[str, dict[str, Curve]]:
    """Return each model's curves over frequency by instrument, from whichever verbs were asked about it."""
    found: dict[tuple[str, str], dict[str, Curve]] = {}
    labels: dict[tuple[str, str], str] = {}
    for comparison in report.comparisons:
        for compared in comparison.runs:
            key = (compared.run.network, compared.run.data)
            labels.setdefault(key, compared.label)
            for line in compared.run.findings.lines:
                x = [float(v) for v in line.x if not isinstance(v, str)]
                if line.plot == PROFILE and len(x) == len(line.y):
                    found.setdefault(key, {})[line.label] = (x, line.y)
    kept = {key: curves for key, curves in found.items() if len(curves) > 1}
    names = {key: f"{labels[key]} on {key[1]}" for key in kept}
    # Labels are told apart within a verb only; two networks of one label are told apart by their weights.
    twice = {name for name, count in Counter(names.values()).items() if count > 1}
    return {f"{n} ({key[0][-12:]})" if n in twice else n: kept[key] for key, n in names.items()}


def over_bands(first: Curve, second: Curve) -> Interval | None:
    """Return Spearman's correlation over bands, with an interval over bands; None for fewer than five in common.

    The second curve is read at the bands of the first, linearly over log2 frequency, where both are known. The interval
    is Fisher's with the standard error 1.06 / sqrt(bands - 3) (Fieller, Hartley and Pearson 1957).

    >>> x = [1.0, 2.0, 4.0, 8.0, 16.0]
    >>> over_bands((x, [1, 2, 3, 4, 5]), (x, [1, 2, 3, 5, 4])).value
    0.9
    """
    from scipy.stats import spearmanr  # slow to import: only where it is used

    x, y = (np.asarray(v, dtype=float) for v in first)
    other_x, other_y = (np.asarray(v, dtype=float) for v in second)
    # A tenth of an octave: the two may name the middle of one band in different ways.
    inside = (np.log2(x) >= np.log2(other_x.min()) - 0.1) & (np.log2(x) <= np.log2(other_x.max()) + 0.1)
    a, b = y[inside], np.interp(np.log2(x[inside]), np.log2(other_x), other_y)
    if len(a) < LEAST_BANDS or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    value = round(float(spearmanr(a, b).statistic), 12)
    z, error = math.atanh(max(-1 + 1e-9, min(1 - 1e-9, value))), Z * 1.06 / math.sqrt(len(a) - 3)
    return Interval(value, min(value, math.tanh(z - error)), max(value, math.tanh(z + error)), len(a))


def band_rows(report: Report) -> list[tuple[str, str, str, Interval]]:
    """Return model, two instruments and their correlation over bands."""
    found = []
    for model, curves in profiles(report).items():
        for one, two in combinations(sorted(curves), 2):
            interval = over_bands(curves[one], curves[two])
            if interval is not None:
                found.append((model, one, two, interval))
    return found


def model_rows(report: Report) -> list[tuple[Quantity, Quantity, int, Interval | None]]:
    """Return two numbers that say what a model listens to, how many models have both, and their correlation."""
    values: dict[str, dict[tuple[str, str], float]] = {}
    named: dict[str, Quantity] = {}
    for model, number in _listening(report):
        named.setdefault(number.key, number)
        if number.value is not None:
            values.setdefault(number.key, {})[model] = number.value
    found = []
    for one, two in combinations(values, 2):
        both = [model for model in values[one] if model in values[two]]
        if len(both) > 1:
            networks = [network for network, _ in both]
            r = correlation([values[one][m] for m in both], [values[two][m] for m in both], networks)
            found.append((named[one], named[two], len(both), r))
    return found


def _listening(report: Report) -> Iterator[tuple[tuple[str, str], Quantity]]:
    for comparison in report.comparisons:
        for compared in comparison.runs:
            for number in compared.run.findings.quantities:
                if number.role == "listens" and not number.group and not number.is_doubtful:
                    yield (compared.run.network, compared.run.data), number


def warning_of(rows: Sequence[tuple[Quantity, Quantity, int, Interval | None]]) -> str:
    """Return a warning where there are too few models for a correlation over them."""
    few = max((count for *_, count, _ in rows), default=0)
    if not rows or few >= LEAST_NETWORKS:
        return ""
    return f"{few} models are too few for a correlation over models: give runs of at least {LEAST_NETWORKS} networks."
