"""Headline numbers, warnings and plot lines of filters in front of a network."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from fsens_cli.experiments.defense import DefenseRow
from fsens_cli.experiments.defense_settings import DefenseConfig
from fsens_cli.experiments.evaluate_findings import asked_of, evaluation_quantities, flat
from fsens_cli.experiments.hybrid_curve import in_words
from fsens_cli.experiments.part_result import PartResult
from fsens_cli.experiments.quantities import Findings, Line, Quantity, paired_difference, quantity
from fsens_cli.statistics.chance import chance_sentence
from fsens_cli.statistics.intervals import Interval, wilson

UNITS = {"pca": "principal components", "blur": "blur sigma (pixels)"}
UNRELIABLE, UNCHECKED = "unreliable", "not all checks run"


def defense_findings(rows: Sequence[DefenseRow], config: DefenseConfig, *, source: str) -> Findings:
    """Return what the filters of all strengths do; ``source`` tells where corrupted images come from."""
    quantities = tuple(number for row in rows for number in _quantities(row))
    return Findings(
        verdict=verdict_on_sizes(rows, config, quantities),
        quantities=quantities,
        warnings=tuple(f"{row.label}: {line}" for row in rows for line in row_warnings(row)),
        lines=tuple(_lines(rows, config)),
        asked={
            "mode": config.mode,
            "defense": config.defense,
            "strengths": str(config.strengths()),
            "controls": str(config.controls),
            "pairings": str(config.pairings),
            **asked_of(config, source),
            **flat({"checks": asdict(config.checks)}),
        },
    )


def verdict_on_sizes(rows: Sequence[DefenseRow], config: DefenseConfig, quantities: Sequence[Quantity]) -> str:
    """Say whether changes that fool the network get larger behind the filter, image by image, where checks hold."""
    plain = next((row for row in rows if row.strength == 0), None)
    asked = [row for row in rows if row.strength != 0 and not row.is_control]
    if plain is None or not asked:
        return "no verdict: a network without the filter and one behind it are needed"
    sizes = {q.group: q for q in quantities if q.key == "median-linf"}
    base = sizes[plain.label]
    compared = [
        (row, sizes[row.label], difference)
        for row in asked
        if not doubt_of(plain) and not doubt_of(row) and (difference := paired_difference(base, sizes[row.label]))
    ]
    if not compared or base.value is None:
        return "no verdict: sizes without a filter, or behind every one, are not found or not checked"
    row, size, difference = max(compared, key=lambda each: each[2].value)
    verb = "trained through" if config.mode == "trained" else "behind"
    here, there = (100 * each.evaluation.accuracy.value for each in (row, plain))
    accuracy = f"clean accuracy {here:.1f} % instead of {there:.1f} %"
    if difference.low > 0 and size.value is not None:
        return (
            f"defends: {verb} {row.label} it withstands changes {size.value / base.value:.2f} times as large "
            f"({base.shown(size.value)} instead of {base.shown(base.value)}/255), {accuracy}"
        )
    change = f"{base.difference_text(difference)} /255"
    if all(found.high < 0 for *_, found in compared):
        return f"does not defend: {verb} {row.label} smaller changes fool it, {change}, {accuracy}"
    return f"no defence shown: {verb} {row.label} the change that fools it differs by {change}, {accuracy}"


def row_warnings(row: DefenseRow) -> list[str]:
    """Return what makes the numbers behind one filter doubtful."""
    found = []
    sentence = chance_sentence(row.evaluation.accuracy, row.evaluation.num_classes)
    if sentence:
        found.append(f"clean {sentence}: there is nothing to defend behind this filter.")
    found += row.evaluation.warnings
    for check in row.checks:
        if check.passed is False:
            found.append(f"the check '{check.name}' fails, sizes are unreliable: {check.found}.")
    return found


def doubt_of(row: DefenseRow) -> str:
    """Return why adversarial numbers behind one filter are not to be relied on; empty where all checks hold."""
    if row.failed:
        return UNRELIABLE
    return "" if row.is_reliable else UNCHECKED


def standing_of(row: DefenseRow, config: DefenseConfig) -> Iterator[tuple[str, str, float, Interval]]:
    """Yield name, norm, budget and accuracy at it, for every budget of the suite."""
    for part in row.evaluation.of_kind("minimal"):
        norm = part.part.norm
        for eps in sorted(config.suite.eps_of(norm)):
            yield f"{norm}-{eps:.6g}", norm, eps, standing_at(row, part, eps)


def standing_at(row: DefenseRow, minimal: PartResult, eps: float) -> Interval:
    """Return the accuracy at a budget against everything that was tried: minimal searches and fixed budgets."""
    standing_N = minimal.size_N > eps
    for part in row.evaluation.of_kind("attack"):
        (condition,) = part.part.conditions
        # A perturbation within a smaller budget is within this one, too.
        if condition.group == minimal.part.norm and condition.parameter <= eps * (1 + 1e-9):
            standing_N = standing_N & part.correct_NK[:, 0]
    return wilson(int(standing_N.sum()), len(standing_N))


def _quantities(row: DefenseRow) -> Iterator[Quantity]:
    yield from evaluation_quantities(row.evaluation, group=row.label, doubt=doubt_of(row))
    seen = row.preference
    yield quantity(
        Interval(seen.f_rev, seen.f_rev_low, seen.f_rev_high, len(row.evaluation.clean.index_N)),
        "f_rev",
        "f_rev",
        group=row.label,
        unit="Nyquist",
        scale=1,
        digits=3,
        note=in_words(seen.f_rev_status),
        role="listens",
    )


def _lines(rows: Sequence[DefenseRow], config: DefenseConfig) -> Iterator[Line]:
    # A control is another network than the trained one of that strength, so no line joins them.
    ordered = sorted((row for row in rows if not row.is_control), key=lambda row: row.strength)
    strengths = [row.strength for row in ordered]
    curves = [("clean", [row.evaluation.accuracy for row in ordered])]
    groups = [{g.group: g.accuracy for g in row.evaluation.groups()} for row in ordered]
    if all("all" in found for found in groups):
        curves.append(("corruptions", [found["all"] for found in groups]))
    unit = UNITS.get(config.defense, "sigma (pixels)")
    for label, found in curves:
        yield _accuracy("strength", "Accuracy behind the filter", unit, label, strengths, found)
    for row in {ordered[0].label: ordered[0], ordered[-1].label: ordered[-1]}.values():
        budgets = [(eps, standing) for _, norm, eps, standing in standing_of(row, config) if norm == "linf"]
        yield _accuracy(
            "budget",
            "Accuracy against the budget",
            "budget, L-inf (1/255)",
            row.label + (f" ({doubt})" if (doubt := doubt_of(row)) else ""),
            [255 * eps for eps, _ in budgets],
            [standing for _, standing in budgets],
        )


def _accuracy(
    plot: str, title: str, x_label: str, label: str, x: Sequence[float], intervals: Sequence[Interval]
) -> Line:
    return Line(
        plot=plot,
        title=title,
        x_label=x_label,
        y_label="accuracy (%)",
        label=label,
        x=x,
        y=[100 * interval.value for interval in intervals],
        low=[100 * interval.low for interval in intervals],
        high=[100 * interval.high for interval in intervals],
        n=intervals[0].n if intervals else 0,
    )
