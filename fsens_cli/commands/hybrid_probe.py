"""``fsens hybrid-probe``: which of a hybrid's two images a model believes."""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from fsens_cli.commands.console import progress
from fsens_cli.commands.options import Flags
from fsens_cli.commands.probing import probing
from fsens_cli.commands.tables import table
from fsens_cli.commands.wording import percent_interval
from fsens_cli.config.jobs import HybridJob, JobFields
from fsens_cli.experiments.hybrid_curve import Curve, HybridResult, Reversal, in_words
from fsens_cli.experiments.hybrid_findings import reversal_note
from fsens_cli.experiments.hybrid_probe import hybrid_probe
from fsens_cli.fourier.catalog import NYQUIST
from fsens_cli.runs.hybrid_files import VERB, write_hybrid
from fsens_cli.runs.subject import Subject, subject_text

# Rows of the table are alike where no share differs by more percentage points.
ALIKE = 1.0


def hybrid_task(job: JobFields, config_yaml: str, flags: Flags) -> Path:
    """Do one probe and write its run folder."""
    assert isinstance(job, HybridJob), "the verb decides the type"
    with probing(job, VERB, config_yaml, flags) as at:
        with progress("hybrids", job.num_hybrids(len(at.images)), flags) as advance:
            result = hybrid_probe(at.classifier, at.images, config=job, on_progress=advance)
        with at.run.reporting_disk_errors():
            formats, words = job.plot.all_formats(), hybrid_lines(result, at.subject)
            write_hybrid(at.run.path, result, at.images, at.subject, formats, summary=words)
    return at.run.path


def hybrid_lines(result: HybridResult, subject: Subject) -> list[str]:
    """Return the table of one probe as lines of text."""
    config, f_rev = result.config, result.f_rev
    clipped = "clipped" if config.clip else "not clipped"
    chosen = "" if config.pairs == "all" else ", both images classified correctly"
    shown = telling_rows([_percent(result, k) for k in range(len(result.frequency_K))])
    note = reversal_note(f_rev, float(result.frequency_K[0]), float(result.frequency_K[-1]))
    return [
        f"{subject_text(subject.model, subject.weights, subject.training)} on {subject.data_title}, "
        f"{result.num_images:,} images, accuracy {percent_interval(result.accuracy)}",
        "",
        f"Hybrid images  {config.mask} mask, {clipped}, {config.pairings} pairings, {result.num_pairs:,} pairs{chosen}",
        *table([_curve_row(result, k) for k in shown]),
        *_left_out(result, shown),
        f"f_rev {reversal_text(result)}",
        *([note] if note else []),
    ]


def telling_rows(percent_KC: Sequence[Sequence[float]]) -> list[int]:
    """Return the rows of a table that say something: of rows that are alike within ``ALIKE`` the first and the last.

    >>> telling_rows([[0.0], [0.2], [0.4], [0.1], [42.0], [100.0]])
    [0, 3, 4, 5]
    """
    kept = [0]
    first = 0
    for k in range(1, len(percent_KC)):
        if max(abs(a - b) for a, b in zip(percent_KC[k], percent_KC[first], strict=True)) > ALIKE:
            kept += [k - 1, k] if k - 1 > first else [k]
            first = k
    last = len(percent_KC) - 1
    return kept if kept[-1] == last else [*kept, last]


def _left_out(result: HybridResult, shown: Sequence[int]) -> list[str]:
    """Say in words what stands between the rows of the table."""
    gaps = [(a, b) for a, b in pairwise(shown) if b > a + 1]
    if not gaps:
        return []
    ends = [f"{result.frequency_K[a + 1]:.3f} to {result.frequency_K[b - 1]:.3f}" for a, b in gaps]
    count = sum(b - a - 1 for a, b in gaps)
    return [f" {count} more, {' and '.join(ends)}, lie within {ALIKE:g} point of the rows around them: curve.csv"]


def _percent(result: HybridResult, k: int) -> list[float]:
    return [100 * float(curve.mean_K[k]) for curve in (result.p_low, result.p_high, result.neither)]


def _curve_row(result: HybridResult, k: int) -> dict[str, str]:
    def cell(curve: Curve) -> str:
        bounds = f"[{100 * float(curve.low_K[k]):.1f}, {100 * float(curve.high_K[k]):.1f}]"
        return f"{100 * float(curve.mean_K[k]):.1f} {bounds}"

    return {
        " Nyquist": f" {float(result.frequency_K[k]):.3f}",
        "% low image's label": cell(result.p_low),
        "% high image's label": cell(result.p_high),
        "c/image": f"{float(result.cycles_per_image_K[k]):.2f}",
        "% neither": f"{100 * float(result.neither.mean_K[k]):.1f}",
        "% low - high": cell(result.difference),
    }


def reversal_text(result: HybridResult) -> str:
    """Return the reversal frequency with its interval in Nyquist units, and in the other two."""
    f_rev = result.f_rev
    if not math.isfinite(f_rev.nyquist):
        return in_words(f_rev.status)
    units = (("Nyquist", 1.0, 3), ("c/px", NYQUIST, 3), ("c/image", NYQUIST * min(result.image_size), 2))
    return " = ".join(f"{_bounded(f_rev, scale, digits)} {unit}" for unit, scale, digits in units)


def _bounded(f_rev: Reversal, scale: float, digits: int) -> str:
    low, high = (f"{scale * v:.{digits}f}" if math.isfinite(v) else "?" for v in (f_rev.low, f_rev.high))
    return f"{scale * f_rev.nyquist:.{digits}f} [{low}, {high}]"
