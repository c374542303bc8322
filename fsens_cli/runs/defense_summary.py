"""A blur defence in words and tables that a person can read: ``summary.md``."""

import math
from collections.abc import Sequence

from fsens_cli.experiments.defense import DefenseRow, Preference
from fsens_cli.experiments.defense_findings import doubt_of, row_warnings, standing_of
from fsens_cli.experiments.defense_settings import DefenseConfig
from fsens_cli.experiments.evaluate_findings import GROUP_NAMES, eps_text
from fsens_cli.experiments.evaluation import MinimalRow
from fsens_cli.experiments.hybrid_curve import in_words
from fsens_cli.runs.evaluate_summary import half_power_text, markdown_table, median_text, percent
from fsens_cli.runs.subject import Subject

MODES = {
    "test_time": "filter added in front of one network that was trained without it (a control)",
    "trained": "each network trained through its filter",
}

# What a check found, in a word.
HOLDS = {True: "yes", False: "**no**", None: "not run"}


def reversal_text(seen: Preference) -> str:
    """Return f_rev in Nyquist units with its interval."""
    if not math.isfinite(seen.f_rev):
        return in_words(seen.f_rev_status)
    low, high = (f"{v:.3f}" if math.isfinite(v) else "?" for v in (seen.f_rev_low, seen.f_rev_high))
    return f"{seen.f_rev:.3f} [{low}, {high}]"


def minimal_of(row: DefenseRow, norm: str) -> MinimalRow:
    """Return the smallest perturbations behind one filter in a norm; a defence has both norms."""
    return next(m for m in row.evaluation.minimal() if m.norm == norm)


def size_ratio(rows: Sequence[DefenseRow], row: DefenseRow, norm: str) -> float | None:
    """Return the median size of a row's perturbations over that of the row without a filter."""
    plain = next((r for r in rows if r.strength == 0), None)
    if plain is None:
        return None
    here, there = (minimal_of(r, norm).median.value for r in (row, plain))
    return here / there if math.isfinite(here) and math.isfinite(there) and there else None


def mark(row: DefenseRow) -> str:
    """Return what stands behind an adversarial number that cannot be relied on."""
    return f" ({doubt})" if (doubt := doubt_of(row)) and row.evaluation.told_from_chance else ""


def defense_text(rows: Sequence[DefenseRow], config: DefenseConfig, subject: Subject, *, source: str) -> str:
    """Return ``summary.md`` of a blur defence."""
    first = rows[0].evaluation
    attacked = len(first.of_kind("minimal")[0].index_N)
    blocks = [
        f"# {config.defense} in front of {subject.model} ({subject.weights}) on {subject.data_title}",
        f"{MODES[config.mode].capitalize()}. {len(first.clean.index_N):,} images, {attacked:,} of them "
        f"attacked. Corrupted images: {source}. Percent correct with 95 % intervals.",
        *(f"**Warning ({row.label}):** {warning.rstrip('.')}." for row in rows for warning in row_warnings(row)),
        "## Accuracy",
        _accuracy(rows),
        "![](defense.png)",
        "## Smallest adversarial perturbations, through the filter",
        _sizes(rows, config),
        "![](success.png)",
        "![](profiles.png)",
        "## Which frequencies the model listens to",
        markdown_table(
            ["filter", "f_rev (Nyquist)", *(f"sensitivity {name}" for name in rows[0].preference.band_names)],
            [
                [r.label, reversal_text(r.preference), *(f"{s.value:.3f}" for s in r.preference.band_shares)]
                for r in rows
            ],
        ),
        "![](scatter.png)",
        "## Can these numbers be believed?",
        markdown_table(
            ["filter", "check", "holds", "found"],
            [[r.label, c.name, HOLDS[c.passed], c.found] for r in rows for c in r.checks],
        ),
    ]
    return "\n\n".join(blocks) + "\n"


def _accuracy(rows: Sequence[DefenseRow]) -> str:
    head = ["filter", "clean", *(f"corruptions, {GROUP_NAMES[g.group]}" for g in rows[0].evaluation.groups())]
    return markdown_table(
        head,
        [
            [r.label, percent(r.evaluation.accuracy), *(percent(g.accuracy) for g in r.evaluation.groups())]
            for r in rows
        ],
    )


def _sizes(rows: Sequence[DefenseRow], config: DefenseConfig) -> str:
    table = []
    for row in rows:
        for minimal in row.evaluation.minimal():
            ratio = size_ratio(rows, row, minimal.norm)
            robust = [
                f"{eps_text(eps, norm)}: {100 * standing.value:.1f}"
                for _, norm, eps, standing in standing_of(row, config)
                if norm == minimal.norm
            ]
            table.append(
                [
                    row.label,
                    minimal.norm,
                    median_text(minimal) + mark(row),
                    f"{minimal.num_right}",
                    "" if ratio is None else f"{ratio:.2f}",
                    half_power_text(minimal),
                    "; ".join(robust),
                ]
            )
    return markdown_table(
        ["filter", "norm", "median size", "n", "over no filter", "f_0.5 (c/px)", "accuracy (%) at a budget"], table
    )
