"""Headline numbers, warnings and plot lines of a hybrid probe."""

import math
from collections.abc import Sequence

import torch

from fsens_cli.experiments.hybrid_curve import ABOVE, BELOW, HybridResult, Reversal, in_words
from fsens_cli.experiments.quantities import Findings, Line, Sample, quantity, sample
from fsens_cli.statistics.chance import NOT_TOLD, chance_warnings
from fsens_cli.statistics.intervals import Interval


def hybrid_findings(result: HybridResult) -> Findings:
    """Return what a probe says."""
    answers, config, f_rev = result.answers, result.config, result.f_rev
    right = sample("proportion", answers.index_N, answers.is_correct_N)
    return Findings(
        verdict=verdict_on_reversal(f_rev, result.frequency_K.tolist(), min(result.image_size)),
        quantities=(
            quantity(result.accuracy, "accuracy", "accuracy, unmixed images", sample=right),
            quantity(
                Interval(f_rev.nyquist, f_rev.low, f_rev.high, f_rev.num_images),
                "f_rev",
                "f_rev",
                unit="Nyquist",
                scale=1,
                digits=3,
                note=in_words(f_rev.status),
                role="listens",
                leading=True,
                sample=_pairs(result),
            ),
        ),
        warnings=tuple(chance_warnings(result.accuracy, result.num_classes)),
        lines=(_difference(result),),
        asked={
            **{name: str(getattr(config, name)) for name in ("mask", "order", "clip", "pairs", "pairings")},
            "grid": str(config.frequencies()),
        },
    )


def verdict_on_reversal(f_rev: Reversal, grid: Sequence[float], side: int) -> str:
    """Say whom the model believes: low and high are the bands of a measurement, N/6 and N/3 cycles/image of N pixels.

    ``grid`` are the mixing frequencies that were tried, in Nyquist units.
    """
    if f_rev.status == NOT_TOLD:
        return f"no verdict: accuracy is {NOT_TOLD}"
    first, last = (grid[k] * side / 2 for k in (0, -1))
    if f_rev.status == ABOVE:
        return (
            f"high frequencies decide: in hybrids what lies above the cut wins, at every cut up to {last:.3g} c/image"
        )
    if f_rev.status == BELOW:
        return f"low frequencies decide: in hybrids what lies below the cut wins, at every cut from {first:.3g} c/image"
    at, low, high = (bound * side / 2 for bound in (f_rev.nyquist, f_rev.low, f_rev.high))
    if low > side // 3:
        return f"high frequencies decide: in hybrids what lies above the cut wins, for cuts up to {at:.1f} c/image"
    if high <= side // 6:
        return f"low frequencies decide: in hybrids what lies below the cut wins, for cuts from {at:.1f} c/image"
    return f"neither end decides alone: low and high frequencies weigh the same at a cut of {at:.1f} c/image"


def reversal_note(f_rev: Reversal, first: float, last: float) -> str:
    """Return in words what a missing crossing or an open interval means; empty where both bounds are found.

    ``first`` and ``last`` are the ends of the grid in Nyquist units.
    """
    if f_rev.status == NOT_TOLD:
        return NOT_TOLD
    if f_rev.status == BELOW:
        return f"the low image wins from the first mixing frequency on: f_rev lies below {first:g} Nyquist"
    if f_rev.status == ABOVE:
        return f"the low image wins at no mixing frequency: f_rev lies above {last:g} Nyquist"
    open_ends = []
    if math.isinf(f_rev.low):
        open_ends.append(f"below {first:g}")
    if math.isinf(f_rev.high):
        open_ends.append(f"above {last:g}")
    return f"the interval reaches {' and '.join(open_ends)} Nyquist" if open_ends else ""


def _pairs(result: HybridResult) -> Sample:
    """Return, for each pair that counts, +1 where the low image's label was given, -1 for the high one's."""
    answers = result.answers
    counts_PN = answers.counts_PN(result.config.pairs)
    rows_PN = torch.arange(len(answers.label_N)).expand_as(answers.partner_PN)
    low_D, high_D = rows_PN[counts_PN], answers.partner_PN[counts_PN]
    prediction_DK = answers.prediction_PNK[counts_PN]
    low_DK, high_DK = (prediction_DK == answers.label_N[rows][:, None] for rows in (low_D, high_D))
    return Sample(
        kind="crossing",
        index=answers.index_N[torch.stack([low_D, high_D], dim=1)],
        value=low_DK.double() - high_DK.double(),
        x=tuple(result.frequency_K.tolist()),
    )


def _difference(result: HybridResult) -> Line:
    curve = result.difference
    return Line(
        plot="hybrid",
        title="Whom the model believes in hybrid images (mark: f_rev)",
        x_label="mixing frequency (Nyquist)",
        y_label="low image - high image (share)",
        x=result.frequency_K.tolist(),
        y=curve.mean_K.tolist(),
        low=curve.low_K.tolist(),
        high=curve.high_K.tolist(),
        mark=result.f_rev.nyquist if math.isfinite(result.f_rev.nyquist) else None,
        n=result.num_images,
    )
