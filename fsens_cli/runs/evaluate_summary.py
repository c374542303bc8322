"""An evaluation in words and tables that a person can read: ``summary.md``."""

import math
from collections.abc import Sequence

from fsens_cli.experiments.evaluate_calibration import CalibrationRow
from fsens_cli.experiments.evaluate_corruption_error import CorruptionError
from fsens_cli.experiments.evaluate_findings import GROUP_NAMES, NOT_FOUND, eps_text
from fsens_cli.experiments.evaluation import EvaluateResult, MinimalRow, Row
from fsens_cli.experiments.own_metrics import MetricRow
from fsens_cli.runs.subject import Subject
from fsens_cli.statistics.intervals import Interval


def percent(interval: Interval) -> str:
    """Return a proportion in percent with its interval.

    >>> percent(Interval(0.5, 0.4, 0.6, 10))
    '50.0 [40.0, 60.0]'
    """
    return interval.text(1, scale=100)


def size_text(value: float, norm: str) -> str:
    """Return a perturbation's size; one that is no finite number was not found."""
    return eps_text(value, norm) if math.isfinite(value) else NOT_FOUND


def median_text(row: MinimalRow) -> str:
    """Return the median size with its interval, or why there is none."""
    if math.isnan(row.median.value):
        return row.note or NOT_FOUND
    low, high = ("?" if math.isnan(v) else size_text(v, row.norm) for v in (row.median.low, row.median.high))
    # The unit stands once, behind the number.
    return f"{size_text(row.median.value, row.norm)} [{low.removesuffix('/255')}, {high.removesuffix('/255')}]"


def half_power_text(row: MinimalRow) -> str:
    """Return f_0.5 of the perturbations with its interval, cycles per pixel, or why there is none."""
    return row.note or "none" if math.isnan(row.half_power.value) else row.half_power.text(3)


def rank_text(interval: Interval | None) -> str:
    """Return a rank correlation with its interval.

    >>> rank_text(Interval(0.75, 0.6, 0.85, 40))
    '0.75 [0.60, 0.85]'
    """
    if interval is None:
        return "none (constant)"
    return interval.text(2)


def summary_text(result: EvaluateResult, subject: Subject, *, suite: str, source: str, warnings: Sequence[str]) -> str:
    """Return ``summary.md`` of an evaluation."""
    blocks = [
        f"# {subject.model} ({subject.weights}) on {subject.data_title}",
        f"Suite {suite}, {len(result.clean.index_N):,} images, accuracy {percent(result.accuracy)} %. "
        "Numbers are percent correct with 95 % intervals unless a unit is given.",
        *(f"**Warning:** {warning.rstrip('.')}." for warning in warnings),
        *_corruptions(result, source),
        *_calibration(result),
        *_metrics(result),
        *_prediction(result),
        *_parameters(result, "filter", "Band-limited images", "cycles/image"),
        *_parameters(result, "shuffle", "Shuffled patches", "patches a side"),
        *_parameters(result, "noise", "Noise", "level, pixel range 0..1"),
        *_attacks(result),
        *_heat_map(result),
    ]
    return "\n\n".join(blocks) + "\n"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _corruptions(result: EvaluateResult, source: str) -> list[str]:
    groups = result.groups()
    if not groups:
        return []
    rows = [[GROUP_NAMES[g.group], str(len(g.corruptions)), percent(g.accuracy), percent(g.drop)] for g in groups]
    cells: dict[str, dict[int, str]] = {}
    for row in rows_of_kind(result, "corruption"):
        cells.setdefault(row.condition.probe, {})[row.condition.severity] = f"{100 * row.accuracy.value:.1f}"
    severities = sorted({s for by in cells.values() for s in by})
    each = [[name, *(by.get(s, "") for s in severities)] for name, by in cells.items()]
    return [
        f"## Common corruptions\n\nImages: {source}.",
        markdown_table(["group", "corruptions", "accuracy", "points below clean"], rows),
        *([f"{words}."] if (words := corruption_error_text(result.corruption_error)) else []),
        markdown_table(["corruption", *(f"severity {s}" for s in severities)], each),
        "![](corruptions.png)",
    ]


def corruption_error_text(found: CorruptionError | None) -> str:
    """Return the averages over the 15 corruptions in words; empty where there are none."""
    if found is None:
        return ""
    mean = f"mean error over 15 corruptions at 5 severities {percent(found.mean_error)} %"
    if found.mce is None or found.relative_mce is None:
        return mean
    return f"mCE {percent(found.mce)}, relative mCE {percent(found.relative_mce)} ({found.reference}: 100); {mean}"


def calibration_cells(rows: Sequence[CalibrationRow]) -> list[list[str]]:
    """Return what is calibrated, ECE in percent, NLL in nats and Brier score, with intervals."""
    return [
        [
            row.name,
            percent(row.found.error),
            row.found.log_likelihood_loss.text(3),
            row.found.brier.text(3),
        ]
        for row in rows
    ]


def _calibration(result: EvaluateResult) -> list[str]:
    if not result.calibration:
        return []
    return [
        "## Calibration",
        "Expected calibration error in 15 bins of the top probability, negative log-likelihood, and the Brier score "
        "summed over classes (0 to 2); each severity over all its corruptions.",
        markdown_table(["images", "ECE (%)", "NLL (nats)", "Brier"], calibration_cells(result.calibration)),
        "![](calibration.png)",
    ]


def metric_cells(rows: Sequence[MetricRow]) -> list[list[str]]:
    """Return the user's metrics: name, images, mean with its interval."""
    return [[row.metric, f"severity {row.severity}" if row.severity else "clean", row.mean.text(4)] for row in rows]


def _metrics(result: EvaluateResult) -> list[str]:
    cells = metric_cells(result.metrics)
    return ["## Own metrics", markdown_table(["metric", "images", "mean"], cells)] if cells else []


def _prediction(result: EvaluateResult) -> list[str]:
    predicted = result.prediction()
    if predicted is None:
        return []
    count = len(predicted.conditions)
    return [
        "## Corruptions predicted from spectra",
        f"Before it saw them: mean accuracy {100 * sum(predicted.predicted) / count:.1f} % predicted, "
        f"{100 * sum(i.value for i in predicted.measured) / count:.1f} % measured over {count} corruptions. Rank "
        f"correlation of the two: {rank_text(predicted.correlation)} from the spectra of gradient and corruption, "
        f"{rank_text(predicted.flat_correlation)} from their sizes alone.",
        "![](prediction.png)",
    ]


def rows_of_kind(result: EvaluateResult, kind: str) -> list[Row]:
    """Return the accuracies under the conditions of one kind."""
    return [row for row in result.rows() if row.condition.kind == kind]


def _parameters(result: EvaluateResult, kind: str, title: str, unit: str) -> list[str]:
    rows = rows_of_kind(result, kind)
    if not rows:
        return []
    values = [[row.condition.probe, _range(row), percent(row.accuracy)] for row in rows]
    picture = ["![](filters.png)"] if kind == "filter" else []
    return [f"## {title}", markdown_table([kind, unit, "accuracy"], values), *picture]


def _range(row: Row) -> str:
    upper = "" if math.isnan(row.condition.upper) else f" to {row.condition.upper:g}"
    return f"{row.condition.parameter:g}{upper}"


def _attacks(result: EvaluateResult) -> list[str]:
    fixed, minimal = rows_of_kind(result, "attack"), result.minimal()
    blocks = []
    if fixed:
        rows = [
            [
                row.condition.probe,
                row.condition.group,
                eps_text(row.condition.parameter, row.condition.group),
                percent(row.accuracy),
                str(row.accuracy.n),
            ]
            for row in fixed
        ]
        blocks.append(markdown_table(["attack", "norm", "budget", "accuracy", "n"], rows))
    if minimal:
        rows = [
            [m.norm, median_text(m), f"{m.num_right}", half_power_text(m), f"{m.half_power.n}", f"{m.num_found}"]
            for m in minimal
        ]
        blocks.append(
            "Smallest adversarial perturbation of the images that the model gets right; sizes are upper bounds, "
            "because attacks can only fail to find smaller ones.\n\n"
            + markdown_table(["norm", "median size", "n", "f_0.5 (c/px)", "n", "found"], rows)
        )
    return ["## Adversarial perturbations", *blocks, "![](robustness.png)"] if blocks else []


def _heat_map(result: EvaluateResult) -> list[str]:
    agreement = result.agreement()
    if agreement is None:
        return []
    spearman = agreement.correlation
    return [
        "## Fourier heat map and input gradient",
        "Rank correlation of the error rate under one added frequency with the power of the input gradient there: "
        f"{spearman.text(3)} over "
        f"{agreement.num_frequencies:,} frequencies, {spearman.n} images.",
        "![](heat_map.png)",
    ]
