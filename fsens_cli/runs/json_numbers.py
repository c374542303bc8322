"""Numbers in ``results.json``, which has neither infinity nor NaN."""

import math

from fsens_cli.statistics.intervals import Interval


def number_or_null(value: float) -> float | None:
    """Return a finite number, or None: there is none, or it was not found."""
    return value if math.isfinite(value) else None


def interval_or_nulls(interval: Interval) -> dict[str, float | None]:
    """Return an interval whose value or bounds may not have been found."""
    return {
        "value": number_or_null(interval.value),
        "low": number_or_null(interval.low),
        "high": number_or_null(interval.high),
        "n": interval.n,
    }
