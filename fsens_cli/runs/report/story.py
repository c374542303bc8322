"""What do the runs say, in sentences with numbers? "More" and "less" are said only where an interval excludes 0."""

from collections.abc import Callable, Iterator, Sequence

from fsens_cli.runs.comparison import Compared, Comparison, Report
from fsens_cli.runs.quantities import Quantity
from fsens_cli.runs.report.correlations import Relation

QUESTIONS = {
    "measure": "Which spatial frequencies does the model listen to, by the spectrum of its input gradient?",
    "train": "What does a network listen to after this training?",
    "hybrid-probe": "Whom does the model believe: the low frequencies of one image, or the high ones of another?",
    "evaluate": "What does the model stand: corruptions, missing frequencies, noise, attacks?",
    "blur-defense": "Does a filter in front of the network defend it, and can those numbers be believed?",
}
HOW_TO_READ = {
    "measure": "Shares of the input gradient's power by spatial frequency, each image counting the same "
    "(Krishnamachari et al., TMLR 2022). They add up to 1; a white gradient would have most of it in the high band, "
    "which has most cells.",
    "train": "As for measure, after the training; accuracy is that of the best epoch by validation images.",
    "hybrid-probe": "Hybrids have the low frequencies of one image and the high ones of another. f_rev is the mixing "
    "frequency from which on the model believes the low image (Li et al., PLoS Comput Biol 2023): the lower, the lower "
    "the frequencies that it relies on. It asks the labels, not the gradient.",
    "evaluate": "Corruptions are grouped by where their power lies, after Li et al. 2023. Sizes of smallest "
    "perturbations are upper bounds: attacks can only fail to find smaller ones. f_0.5 is the radius below which "
    "half of their power lies.",
    "blur-defense": "At test time only, the filter is a control: it says what the filter takes away from a network "
    "that never saw it. Numbers marked unreliable failed a check against masked gradients.",
}


def answers(report: Report, found: Sequence[Relation]) -> list[str]:
    """Return the answer as sentences."""
    lines: list[str] = []
    for comparison in report.comparisons:
        lines += _SAID[comparison.verb](comparison)
    lines += _agreement(report)
    lines += _relations(found)
    if any("dualband" in str(c.run.results.get("data", "")) for k in report.comparisons for c in k.runs):
        lines.append(
            "The data set dualband writes every class twice, in a low and in a high band, and either is enough: here "
            "the truth is known, and the sentences above can be checked. They are no evidence about natural images."
        )
    return lines


def _with_unit(quantity: Quantity) -> str:
    unit = "" if quantity.unit == "share" else f" {quantity.unit}"
    return f"{quantity.text()}{unit}"


def _extremes(comparison: Comparison, key: str) -> tuple[Compared, Compared] | None:
    """Return the runs with the smallest and the largest number; None where fewer than two have one."""
    having = [c for c in comparison.runs if key in c.quantities and c.quantities[key].value is not None]
    having = [c for c in having if not c.quantities[key].note]
    if len(having) < 2:
        return None
    ordered = sorted(having, key=lambda c: c.quantities[key].value or 0.0)
    return ordered[0], ordered[-1]


def _measured(comparison: Comparison) -> Iterator[str]:
    ends = _extremes(comparison, "centroid")
    if ends is None:
        for compared in comparison.runs:
            bands = [q for key, q in compared.quantities.items() if key.startswith("share-")]
            top = max(bands, key=lambda q: q.value or 0.0)
            yield f"{compared.label} has most of its sensitivity in the {_band(top)}: {top.text()}."
        return
    low, high = ends
    yield (
        f"Of {len(comparison.runs)} models, {low.label} listens to the lowest frequencies (centroid "
        f"{_with_unit(low.quantities['centroid'])}) and {high.label} to the highest "
        f"({_with_unit(high.quantities['centroid'])})."
    )
    shares = [f"{c.label} {q.text()}" for c in comparison.runs if (q := c.quantities.get("share-low")) is not None]
    yield f"Share of the sensitivity in the low band: {'; '.join(shares)}."


def _band(quantity: Quantity) -> str:
    return quantity.label.removeprefix("sensitivity, ")


def _hybrids(comparison: Comparison) -> Iterator[str]:
    ends = _extremes(comparison, "f_rev")
    if ends is None:
        for compared in comparison.runs:
            yield f"In hybrid images {compared.label} reverses at f_rev = {_with_unit(compared.quantities['f_rev'])}."
        return
    low, high = ends
    yield (
        f"In hybrid images {low.label} believes the low image from f_rev = {_with_unit(low.quantities['f_rev'])} on, "
        f"{high.label} only from {_with_unit(high.quantities['f_rev'])} on."
    )


def _evaluated(comparison: Comparison) -> Iterator[str]:
    first = comparison.runs[0]
    clean = _extremes(comparison, "accuracy")
    if clean is not None:
        low, high = (c.quantities["accuracy"] for c in clean)
        yield f"On unchanged images the accuracy lies between {_with_unit(low)} and {_with_unit(high)}."
    for key, words in (
        ("corruptions-all", "accuracy under all corruptions"),
        ("median-linf", "median of the smallest L-inf perturbations"),
    ):
        yield from _against(first, comparison.runs[1:], key, words)
    yield from _groups(comparison)


def _against(first: Compared, others: Sequence[Compared], key: str, words: str) -> Iterator[str]:
    """Sort the others into clearly larger, clearly smaller and not clearly different from the first."""
    base = first.quantities.get(key)
    if base is None:
        return
    sorted_out: dict[str, list[str]] = {"larger for": [], "smaller for": [], "not clearly different for": []}
    for other in others:
        difference = other.differences.get(key)
        if difference is None:
            continue
        verdict = "larger for" if difference.low > 0 else "smaller for" if difference.high < 0 else ""
        text = f"{other.label} ({base.difference_text(difference)})"
        sorted_out[verdict or "not clearly different for"].append(text)
    said = [f"{verdict} {', '.join(names)}" for verdict, names in sorted_out.items() if names]
    if said:
        yield f"The {words} is {_with_unit(base)} for {first.label}; it is {'; '.join(said)} (paired differences)."


def _groups(comparison: Comparison) -> Iterator[str]:
    """Name the largest clear gain and the largest clear loss among the groups of corruptions."""
    clear = [
        (difference.value, compared, key, difference)
        for compared in comparison.runs[1:]
        for key, difference in compared.differences.items()
        if key.startswith("corruptions-") and key != "corruptions-all" and (difference.low > 0 or difference.high < 0)
    ]
    for wanted, words in ((max, "largest gain"), (min, "largest loss")):
        signed = [row for row in clear if (row[0] > 0) == (wanted is max)]
        if signed:
            _, compared, key, difference = wanted(signed, key=lambda row: row[0])
            quantity = compared.quantities[key]
            yield (
                f"The {words} against {comparison.runs[0].label} in one group: {compared.label} under "
                f"{quantity.label.removeprefix('corruptions, ')} corruptions, {quantity.difference_text(difference)} "
                "points."
            )


def _defended(comparison: Comparison) -> Iterator[str]:
    for compared in comparison.runs:
        results = compared.run.results
        rows = sorted(results["rows"], key=lambda r: r["strength"])
        if len(rows) < 2 or rows[0]["strength"] != 0:
            continue
        how = "added at test time only" if results["mode"] == "test_time" else "in training and at test time"
        for row in rows[1:]:
            plain, behind = (compared.quantities[f"{r['strength']:g}-accuracy"] for r in (rows[0], row))
            line = (
                f"With {row['name']} {how}, {compared.label} keeps {_with_unit(behind)} of its images right, of "
                f"{plain.text()} without"
            )
            before, after = (compared.quantities.get(f"{r['strength']:g}-median-linf") for r in (rows[0], row))
            if row["warnings"]:
                line += ": at chance level, so there is nothing left to defend"
            elif not row["reliable"]:
                line += ", and its adversarial numbers failed a check: they are not to be believed"
            elif before is not None and after is not None and before.value is not None and after.value is not None:
                line += f"; the median L-inf perturbation goes from {before.text()} to {_with_unit(after)}"
            yield f"{line}."


def _agreement(report: Report) -> Iterator[str]:
    """Say whether gradient, hybrids and perturbations put the same networks in the same order."""
    orders: dict[str, dict[str, float]] = {}
    for verb, key, words in (
        ("measure", "centroid", "the input gradient"),
        ("hybrid-probe", "f_rev", "hybrid images"),
        ("evaluate", "f_half-linf", "adversarial perturbations"),
    ):
        for comparison in report.comparisons:
            if comparison.verb == verb:
                numbers = {str(c.run.record.get("weights_sha256")): c.quantities.get(key) for c in comparison.runs}
                orders[words] = {w: q.value for w, q in numbers.items() if q is not None and q.value is not None}
    shared = set.intersection(*(set(o) for o in orders.values())) if len(orders) > 1 else set()
    if len(shared) < 3:
        return
    pairs = [(a, b) for a in shared for b in shared if a < b]
    agreeing = sum(len({o[a] < o[b] for o in orders.values()}) == 1 for a, b in pairs)
    yield (
        f"{' and '.join([', '.join(list(orders)[:-1]), list(orders)[-1]]).capitalize()} are measured apart from each "
        f"other; they agree on which of two networks relies on lower frequencies for {agreeing} of {len(pairs)} pairs."
    )


def _relations(found: Sequence[Relation]) -> Iterator[str]:
    for relation in found:
        if (relation.x, relation.y) == ("f_rev", "corruptions-all") and relation.pooled is not None:
            r, within = relation.pooled, relation.within
            slope = ""
            if within is not None:
                value, low, high = (f"{10 * v:+.1f}" for v in (within.value, within.low, within.high))
                slope = f", and within families {value} [{low}, {high}] points for each 0.1 Nyquist more"
            yield (
                f"Across {r.n} models, f_rev and the accuracy under all corruptions have a correlation of "
                f"{r.value:+.2f} [{r.low:+.2f}, {r.high:+.2f}]{slope}."
            )


_SAID: dict[str, Callable[[Comparison], Iterator[str]]] = {
    "measure": _measured,
    "train": _measured,
    "hybrid-probe": _hybrids,
    "evaluate": _evaluated,
    "blur-defense": _defended,
}
