"""What the runs say: a headline, and at most five sentences. "Larger" is said only where an interval excludes 0."""

from collections.abc import Sequence

from fsens_cli.experiments.quantities import Quantity
from fsens_cli.runs.comparison import Compared, Comparison, Report
from fsens_cli.runs.report.relations import Relation

MOST = 5
NAMED = 4  # models by name in one sentence
# How verdicts begin that go on from a name.
PREDICATES = ("listens", "may listen", "does not", "defends")


def headline(comparison: Comparison) -> str:
    """Return the main finding: of one run its verdict, of several the ends of what they listen to or withstand."""
    first = comparison.runs[0]
    named = _main(comparison)
    if len(comparison.runs) == 1 or not named:
        return _told(first)
    ends = _ends(comparison, named[0])
    if ends is None:
        return f"{comparison.verb} of {len(comparison.runs)} models"
    low, high = ends
    name, unit = named[0].label, _unit(named[0])
    values = f"{low.label} {_value(low, named[0])}, {high.label} {_value(high, named[0])}{unit}"
    if not _apart(low.quantities[named[0].name], high.quantities[named[0].name]):
        return f"No clear difference in {name} between {len(comparison.runs)} models: {values}"
    said = [c.run.findings.verdict for c in (low, high)]
    if all(said) and said[0] != said[1]:
        return "; ".join(_says(c.label, words) for c, words in zip(ends, said, strict=True))
    return f"{name[:1].upper()}{name[1:]} goes from {values}"


def answers(report: Report, found: Sequence[Relation]) -> list[str]:
    """Return the answer as at most five sentences."""
    sure = [r for r in found if r.is_leading and (r.pooled.low > 0 or r.pooled.high < 0)]
    last = [*_agreement(report), *map(_relation, sure[:1])]
    said = [_sentence(comparison) for comparison in report.comparisons]
    return [*said[: MOST - len(last)], *last]


def _sentence(comparison: Comparison) -> str:
    """Say of one verb where its main numbers are smallest and largest; of one run, or filters of one, the verdict."""
    numbers = _main(comparison)
    if len(comparison.runs) == 1 or not numbers:
        told = [_told(c) for c in comparison.runs]
        more = f"; and {len(told) - 2} more below" if len(told) > 2 else ""
        return f"{comparison.verb}: {'; '.join(told[:2])}{more}."
    return f"{comparison.verb}: {'; '.join(filter(None, (_range(comparison, n) for n in numbers)))}."


def _range(comparison: Comparison, named: Quantity) -> str:
    ends = _ends(comparison, named)
    if ends is None:
        return ""
    low, high = ends
    text = (
        f"{named.label} from {_value(low, named)} ({low.label}) to {_value(high, named)}{_unit(named)} ({high.label})"
    )
    sorted_out: dict[str, list[str]] = {"larger": [], "smaller": [], "not clearly different": []}
    for other in comparison.runs[1:]:
        difference = other.differences.get(named.name)
        if difference is not None:
            where = "larger" if difference.low > 0 else "smaller" if difference.high < 0 else "not clearly different"
            sorted_out[where].append(other.label)
    said = [f"{word} for {_names(labels)}" for word, labels in sorted_out.items() if labels]
    return f"{text}; compared with {comparison.runs[0].label}: {'; '.join(said)}" if said else text


def _names(labels: Sequence[str]) -> str:
    return ", ".join(labels[:NAMED]) + (f" and {len(labels) - NAMED} more" if len(labels) > NAMED else "")


def _main(comparison: Comparison) -> list[Quantity]:
    """Return the one or two numbers that answer a verb's question, one of each role; none where runs have groups."""
    leading = [n for key in comparison.number_keys() if (n := comparison.named(key)).leading and not n.group]
    by_role = {n.role: n for n in reversed(leading)}
    by_role.pop("", None)
    return list(by_role.values())[:2] or leading[:1]


def _ends(comparison: Comparison, named: Quantity) -> tuple[Compared, Compared] | None:
    """Return the runs with the smallest and the largest number; None where fewer than two have one to rely on."""
    sure = [
        (q.value, i)
        for i, c in enumerate(comparison.runs)
        if (q := c.quantities.get(named.name)) is not None and q.value is not None and not q.note
    ]
    if len(sure) < 2:
        return None
    return comparison.runs[min(sure)[1]], comparison.runs[max(sure)[1]]


def _apart(low: Quantity, high: Quantity) -> bool:
    return low.high is not None and high.low is not None and low.high < high.low


def _value(compared: Compared, named: Quantity) -> str:
    return named.shown(compared.quantities[named.name].value)


def _unit(named: Quantity) -> str:
    return "" if named.unit == "share" else f" {named.unit}"


def _told(compared: Compared) -> str:
    """Return a run's verdict; the numbers that lead where it was made before there were verdicts."""
    found = compared.run.findings
    quantities = [q for q in found.quantities if q.leading] or list(found.quantities)
    leading = [f"{q.title} {q.text_with_unit()}" for q in quantities]
    return _says(compared.label, found.verdict or ", ".join(leading[:3]))


def _says(label: str, verdict: str) -> str:
    """Return a verdict on a network with its name in front: a sentence where the verdict tells what it does."""
    return f"{label} {verdict}" if verdict.startswith(PREDICATES) else f"{label}: {verdict}"


def _agreement(report: Report) -> list[str]:
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
        return []
    pairs = [(a, b) for a in shared for b in shared if a < b]
    agreeing = sum(len({o[a] < o[b] for o in orders.values()}) == 1 for a, b in pairs)
    words = list(orders)
    return [
        f"{', '.join(words[:-1])} and {words[-1]} are measured apart from each other; they agree on which of two "
        f"networks relies on lower frequencies for {agreeing} of {len(pairs)} pairs."
    ]


def _relation(relation: Relation) -> str:
    pooled = relation.pooled
    return (
        f"Across {pooled.n} models, {relation.x.label} and {relation.y.label} have a correlation of "
        f"{pooled.value:+.2f} [{pooled.low:+.2f}, {pooled.high:+.2f}]."
    )
