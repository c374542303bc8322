"""A blur defence in words and tables that a person can read: ``summary.md``."""

from typing import Any

from fsens_cli.runs.evaluate_summary import GROUP_NAMES, eps_text, half_power_text, markdown_table, median_text, percent

MODES = {
    "test_time": "filter added in front of one network that was trained without it (a control)",
    "trained": "each network trained through its filter",
}


def reversal_text(f_rev: dict[str, Any]) -> str:
    """Return f_rev in Nyquist units with its interval."""
    nyquist = f_rev["nyquist"]
    if nyquist["value"] is None:
        return str(f_rev["status"])
    low, high = ("?" if nyquist[k] is None else f"{nyquist[k]:.3f}" for k in ("low", "high"))
    return f"{nyquist['value']:.3f} [{low}, {high}]"


def size_ratio(results: dict[str, Any], row: dict[str, Any], norm: str) -> float | None:
    """Return the median size of a row's perturbations over that of the row without a filter."""
    plain = next((r for r in results["rows"] if r["strength"] == 0), None)
    if plain is None:
        return None
    values = [next((m["median"]["value"] for m in r["minimal"] if m["name"] == norm), None) for r in (row, plain)]
    return values[0] / values[1] if values[0] is not None and values[1] else None


def mark(row: dict[str, Any]) -> str:
    """Return what stands behind an adversarial number that cannot be relied on."""
    return "" if row["reliable"] else " (unreliable)"


def defense_text(results: dict[str, Any]) -> str:
    """Return ``summary.md`` of a blur defence."""
    rows = results["rows"]
    blocks = [
        f"# {results['defense']} in front of {results['model']} ({results['weights']}) on {results['data']}",
        f"{MODES[results['mode']].capitalize()}. {results['num_images']:,} images, {results['num_attacked']:,} of them "
        f"attacked. Corrupted images: {results['corruption_source']}. Percent correct with 95 % intervals.",
        *(f"**Warning ({row['name']}):** {warning}." for row in rows for warning in row["warnings"]),
        "## Accuracy",
        _accuracy(results),
        "![](defense.png)",
        "## Smallest adversarial perturbations, through the filter",
        _sizes(results),
        "![](success.png)",
        "![](profiles.png)",
        "## Which frequencies the model listens to",
        markdown_table(
            ["filter", "f_rev (Nyquist)", *(f"sensitivity {b['name']}" for b in rows[0]["bands"])],
            [[r["name"], reversal_text(r["f_rev"]), *(f"{b['share']['value']:.3f}" for b in r["bands"])] for r in rows],
        ),
        "![](scatter.png)",
        "## Can these numbers be believed?",
        markdown_table(
            ["filter", "check", "holds", "found"],
            [[r["name"], c["name"], "yes" if c["passed"] else "**no**", c["found"]] for r in rows for c in r["checks"]],
        ),
    ]
    return "\n\n".join(blocks) + "\n"


def _accuracy(results: dict[str, Any]) -> str:
    rows = results["rows"]
    groups = [g["name"] for g in rows[0]["corruption_groups"]]
    head = ["filter", "clean", *(f"corruptions, {GROUP_NAMES[g]}" for g in groups)]
    return markdown_table(
        head,
        [[r["name"], percent(r["accuracy"]), *(percent(g["accuracy"]) for g in r["corruption_groups"])] for r in rows],
    )


def _sizes(results: dict[str, Any]) -> str:
    rows = []
    for row in results["rows"]:
        for minimal in row["minimal"]:
            norm = minimal["name"]
            ratio = size_ratio(results, row, norm)
            robust = [
                f"{eps_text(a['eps'], norm)}: {100 * a['accuracy']['value']:.1f}"
                for a in row["robust_accuracy"]
                if a["norm"] == norm
            ]
            rows.append(
                [
                    row["name"],
                    norm,
                    median_text(minimal) + mark(row),
                    "" if ratio is None else f"{ratio:.2f}",
                    half_power_text(minimal),
                    "; ".join(robust),
                ]
            )
    return markdown_table(
        ["filter", "norm", "median size", "over no filter", "f_0.5 (c/px)", "accuracy (%) at a budget"], rows
    )
