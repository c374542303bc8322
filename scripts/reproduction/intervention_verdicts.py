"""What the table of interventions says: whether a lower sensitivity explains the gain, and the first claim."""

from collections.abc import Sequence

import numpy as np
from claims import BRAIN_LIKE, Claim, above_zero, together
from intervention_rows import ATTACKS, CORRUPTIONS, PANELS, PairsOf, Row, is_less, is_more, row_of
from prediction import spearman

from fsens_cli.statistics.intervals import Interval
from fsens_cli.statistics.slopes import LEAST_NETWORKS

RESAMPLES = 2000
TARGETS = ("similarity-pixel", "similarity-gabor")
CONTROL = "similarity-zero"
STANDARD = "standard"
# What is asked of the claim: robustness and frequency.
ASKED = (CORRUPTIONS, ATTACKS)


def shown(value: Interval | None, *, scale: float = 100.0, digits: int = 1) -> str:
    """Return a difference with its bounds; a dash where there is none, or where either network never reverses."""
    if value is None or not np.isfinite(value.value):
        return "-"
    if np.isnan(value.low):
        return f"{scale * value.value:+.{digits}f}"
    return f"{scale * value.value:+.{digits}f} [{scale * value.low:+.{digits}f}, {scale * value.high:+.{digits}f}]"


def rank_correlation(rows: Sequence[Row], panel: str, *, seed: int = 0) -> Interval | None:
    """Return Spearman's correlation over interventions of low share moved and robustness gained, with a bootstrap."""
    pairs = [(r.low.value, r.gains[panel].value) for r in rows if r.low is not None and panel in r.gains]
    if len(pairs) < LEAST_NETWORKS:
        return None
    values_2I = np.array(pairs).T
    drawn = np.random.default_rng(seed).integers(len(pairs), size=(RESAMPLES, len(pairs)))
    resampled = spearman(values_2I[0][drawn], values_2I[1][drawn])
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Interval(float(spearman(*values_2I)), float(low), float(high), len(pairs))


def verdicts(rows: Sequence[Row], pairs: PairsOf) -> list[str]:
    """Return what the table says about frequency and robustness, in sentences."""
    guessing = [row.name for row in rows if not row.is_told]
    said = [f"No verdict rests on {', '.join(guessing)}: not told from chance."] if guessing else []
    others = [row for row in rows if row.is_told and row.name != STANDARD]
    for panel in PANELS:
        said += explained(others, panel)
    for target in TARGETS:
        for beside in (STANDARD, CONTROL):
            said += claim_one(target, beside, pairs)
    return said


def explained(rows: Sequence[Row], panel: str) -> list[str]:
    """Say whether moving the sensitivity low goes with what is gained, and which interventions do not follow."""
    rank = rank_correlation(rows, panel)
    if rank is None:
        return []
    if rank.low > 0:
        what = "goes with"
    elif rank.high < 0:
        what = "goes against"
    else:
        what = "is not shown to go with"
    asked = [row for row in rows if row.low is not None and panel in row.gains]
    gained = [r for r in asked if is_more(r.gains[panel]) and not is_more(r.low)]
    moved = [r for r in asked if is_more(r.low) and not is_more(r.gains[panel])]
    parts = [
        f"{panel}: over {rank.n} interventions a lower sensitivity {what} robustness, rank correlation "
        f"{rank.value:.2f} [{rank.low:.2f}, {rank.high:.2f}]",
        *([f"gained without moving low: {_listed(gained, panel)}"] if gained else []),
        *([f"moved low without gaining: {_listed(moved, panel)}"] if moved else []),
    ]
    return ["; ".join(parts) + "."]


def _listed(rows: Sequence[Row], panel: str) -> str:
    return ", ".join(f"{row.name} {100 * row.gains[panel].value:+.1f}" for row in rows)


def claim_one(target: str, beside: str, pairs: PairsOf) -> list[str]:
    """Return the verdict on "a target of similarity makes robust because the network then prefers low frequencies".

    The differences are paired with the network that it is set beside: beside the standard one as published, beside the
    target of zeros for what the images' similarity itself gives.
    """
    found = pairs(beside, target)
    if not found:
        return []
    row = row_of(target, found)
    gains = {panel: row.gains[panel] for panel in ASKED if panel in row.gains}
    if not row.is_told or row.low is None or not gains:
        return []
    is_lower = is_more(row.low)
    better = [panel for panel, gain in gains.items() if is_more(gain)]
    worse = [panel for panel, gain in gains.items() if is_less(gain)]
    if better:
        verdict = f"more robust ({', '.join(better)}), " + (
            "and lower: as claimed" if is_lower else "without moving low: something else explains it"
        )
    else:
        verdict = "not shown to be more robust" + (", though it moves low" if is_lower else ", nor lower")
    if worse:
        verdict += f"; less robust: {', '.join(worse)}"
    numbers = [f"{panel} {shown(gain)}" for panel, gain in gains.items()]
    return [
        f"{target} beside {beside}, {len(found)} seed{'s' if len(found) > 1 else ''}: {verdict} ({', '.join(numbers)}, "
        f"low share {shown(row.low)} points, f_rev {shown(row.f_rev, scale=1, digits=3)} Nyquist)."
    ]


def brain_like(pairs: PairsOf) -> Claim | None:
    """Return the claim about brain-like representations, of their stand-ins, every seed by itself; None without any.

    It holds where every target, beside the standard network of the same seed, lowers sensitivity and f_rev and gains
    under corruptions and attacks.
    """
    by_target = {target: [row_of(target, [pair]) for pair in pairs(STANDARD, target)] for target in TARGETS}
    told = {target: rows for target, rows in by_target.items() if rows and all(row.is_told for row in rows)}
    if not told:
        return None
    parts = {
        f"{target} {part}": intervals for target, rows in told.items() for part, intervals in _asked_of(rows).items()
    }
    decided = {part: above_zero(intervals) for part, intervals in parts.items()}
    found = "; ".join(f"{part} " + ", ".join(_in_its_unit(part, i) for i in parts[part]) for part in parts)
    return Claim(
        BRAIN_LIKE,
        "mouse V1, macaque",
        f"stand-ins for recordings, seeds apart, points beside standard (f_rev: Nyquist): {found}",
        together(list(decided.values())),
        "; ".join(f"{part}: {verdict}" for part, verdict in decided.items()),
    )


def _asked_of(rows: Sequence[Row]) -> dict[str, list[Interval | None]]:
    """Return what must be above zero, one interval a seed."""
    fallen = [row.f_rev and Interval(-row.f_rev.value, -row.f_rev.high, -row.f_rev.low, row.f_rev.n) for row in rows]
    gains = {panel: [row.gains.get(panel) for row in rows] for panel in ASKED}
    return {"low share": [row.low for row in rows], "f_rev fallen by": fallen, **gains}


def _in_its_unit(part: str, interval: Interval | None) -> str:
    return shown(interval, scale=1, digits=3) if "f_rev" in part else shown(interval)
