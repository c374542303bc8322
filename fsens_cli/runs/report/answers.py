"""What the runs say, in sentences with numbers. "Larger" and "smaller" are said only where an interval excludes 0."""

from collections.abc import Iterator, Sequence

from fsens_cli.experiments.quantities import Quantity
from fsens_cli.runs.comparison import Compared, Comparison, Report
from fsens_cli.runs.report.relations import Relation


def answers(report: Report, found: Sequence[Relation]) -> list[str]:
    """Return the answer as sentences."""
    lines: list[str] = []
    for comparison in report.comparisons:
        leading = [comparison.named(name) for name in comparison.number_keys() if comparison.named(name).leading]
        for named in leading:
            if not named.group:
                lines += _number(comparison, named)
        lines += _groups(comparison, leading)
    lines += _agreement(report)
    lines += [_relation(r) for r in found if r.is_leading and r.pooled is not None]
    if any("dualband" in c.run.data for comparison in report.comparisons for c in comparison.runs):
        lines.append(
            "The data set dualband writes every class twice, in a low and in a high band, and either is enough: here "
            "the truth is known, and the sentences above can be checked. They are no evidence about natural images."
        )
    return lines


def _number(comparison: Comparison, named: Quantity) -> Iterator[str]:
    """Say where one number is smallest and largest, and which runs differ clearly from the first."""
    having = [(c, c.quantities[named.name]) for c in comparison.runs if named.name in c.quantities]
    sure = sorted((q.value, i) for i, (_, q) in enumerate(having) if q.value is not None and not q.note)
    subject = f"{named.label[:1].upper()}{named.label[1:]}"
    if len(sure) < 2:
        said = "; ".join(f"{c.label} {q.text_with_unit()}" for c, q in having)
        yield f"{subject}: {said}."
        return
    (low, low_number), (high, high_number) = (having[i] for i in (sure[0][1], sure[-1][1]))
    yield (
        f"{subject} of {len(having)} models: smallest for {low.label}, {low_number.text_with_unit()}, and largest for "
        f"{high.label}, {high_number.text_with_unit()}."
    )
    yield from _against_first(comparison.runs, named)


def _against_first(runs: Sequence[Compared], named: Quantity) -> Iterator[str]:
    """Sort the others into clearly larger, clearly smaller and not clearly different from the first."""
    sorted_out: dict[str, list[str]] = {"larger for": [], "smaller for": [], "not clearly different for": []}
    for other in runs[1:]:
        difference = other.differences.get(named.name)
        if difference is not None:
            verdict = "larger for" if difference.low > 0 else "smaller for" if difference.high < 0 else ""
            text = f"{other.label} ({named.difference_text(difference)})"
            sorted_out[verdict or "not clearly different for"].append(text)
    said = [f"{verdict} {', '.join(names)}" for verdict, names in sorted_out.items() if names]
    if said:
        yield f"Beside {runs[0].label}, {named.label} is {'; '.join(said)} (paired differences, {named.unit})."


def _groups(comparison: Comparison, leading: Sequence[Quantity]) -> Iterator[str]:
    """Say how each number that a run has several times goes over its groups."""
    for key in dict.fromkeys(q.key for q in leading if q.group):
        for compared in comparison.runs:
            mine = [q for q in compared.quantities.values() if q.key == key]
            if mine:
                said = "; ".join(f"{q.group} {q.text()}" for q in mine)
                yield f"{compared.label}, {mine[0].label} ({mine[0].unit}): {said}."


def _agreement(report: Report) -> Iterator[str]:
    """Say whether numbers of different verbs put the same networks in the same order of what they listen to."""
    orders: dict[str, dict[tuple[str, str], float]] = {}
    for comparison in report.comparisons:
        for name in comparison.number_keys():
            named = comparison.named(name)
            if named.leading and named.role == "listens" and not named.group:
                numbers = {
                    (c.run.network, c.run.data): c.quantities[name] for c in comparison.runs if name in c.quantities
                }
                orders[named.label] = {w: q.value for w, q in numbers.items() if q.value is not None}
    shared = set.intersection(*(set(o) for o in orders.values())) if len(orders) > 1 else set()
    if len(shared) < 3:
        return
    pairs = [(a, b) for a in shared for b in shared if a < b]
    agreeing = sum(len({o[a] < o[b] for o in orders.values()}) == 1 for a, b in pairs)
    words = list(orders)
    yield (
        f"{', '.join(words[:-1])} and {words[-1]} are measured apart from each other; they agree on which of two "
        f"networks relies on lower frequencies for {agreeing} of {len(pairs)} pairs."
    )


def _relation(relation: Relation) -> str:
    pooled, within = relation.pooled, relation.within
    assert pooled is not None, "filtered by the caller"
    slope = ""
    if within is not None:
        value, low, high = (f"{relation.slope_scale * v:+.1f}" for v in (within.value, within.low, within.high))
        slope = (
            f", and within families {value} [{low}, {high}] {relation.y.unit} for each {relation.step:g} "
            f"{relation.x.unit} more"
        )
    return (
        f"Across {pooled.n} models, {relation.x.label} and {relation.y.label} have a correlation of "
        f"{pooled.value:+.2f} [{pooled.low:+.2f}, {pooled.high:+.2f}]{slope}."
    )
