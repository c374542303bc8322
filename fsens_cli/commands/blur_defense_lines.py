"""What a blur defence says in the terminal."""

import math
from collections.abc import Sequence

from fsens_cli.commands.tables import table
from fsens_cli.commands.wording import percent_interval
from fsens_cli.experiments.defense import DefenseRow
from fsens_cli.experiments.defense_settings import DefenseConfig
from fsens_cli.experiments.evaluate_findings import GROUP_NAMES
from fsens_cli.experiments.evaluation import GroupRow
from fsens_cli.runs.defense_summary import mark, minimal_of, reversal_text, size_ratio
from fsens_cli.runs.evaluate_summary import median_text
from fsens_cli.runs.subject import Subject


def defense_lines(rows: Sequence[DefenseRow], config: DefenseConfig, subject: Subject) -> list[str]:
    """Return the main numbers of a blur defence as lines of text."""
    mode = "added at test time (control)" if config.mode == "test_time" else "in training and at test time"
    accuracy = [
        {"filter": row.label, "clean": percent_interval(row.evaluation.accuracy)}
        | {GROUP_NAMES[g.group]: percent_interval(g.accuracy) for g in _whole_first(row.evaluation.groups())}
        for row in rows
    ]
    first = rows[0].evaluation
    return [
        f"{config.defense} {mode}: {subject.model} ({subject.weights}) on {subject.data_title}, "
        f"{len(first.clean.index_N):,} images, {len(first.of_kind('minimal')[0].index_N):,} attacked",
        "",
        "Accuracy  clean, and under corruptions by group",
        *(f" {line}" for line in table(accuracy)),
        "",
        "Smallest perturbations through the filter, and frequency preference",
        *(f" {line}" for line in table([_attack_row(rows, row) for row in rows])),
    ]


def _whole_first(groups: Sequence[GroupRow]) -> list[GroupRow]:
    """Return the groups with that of all corruptions in front: a narrow terminal has room for one."""
    return sorted(groups, key=lambda row: row.group != "all")


def _attack_row(rows: Sequence[DefenseRow], row: DefenseRow) -> dict[str, str]:
    linf, ratio = minimal_of(row, "linf"), size_ratio(rows, row, "linf")
    half = linf.half_power.value
    return {
        "filter": row.label,
        "median linf size": median_text(linf) + mark(row),
        "ratio": "" if ratio is None else f"{ratio:.2f}",
        "n": f"{linf.num_right}",
        "checks": checks_text([c.passed for c in row.checks]),
        "f_rev Nyquist": reversal_text(row.preference),
        "f_0.5 c/px": "" if math.isnan(half) else f"{half:.3f}",
    }


def checks_text(passed: Sequence[bool | None]) -> str:
    """Return how many checks hold, of those that were run.

    >>> checks_text([True, True, False]), checks_text([True, None]), checks_text([None, None])
    ('2 of 3', '1 of 1, 1 not run', 'not run')
    """
    run = [p for p in passed if p is not None]
    if not run:
        return "not run"
    missing = f", {len(passed) - len(run)} not run" if len(run) < len(passed) else ""
    return f"{sum(run)} of {len(run)}{missing}"
