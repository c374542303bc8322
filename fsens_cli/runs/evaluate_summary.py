"""An evaluation in words and tables that a person can read: ``summary.md``."""

from collections.abc import Sequence
from typing import Any

GROUP_NAMES = {"low": "low frequency", "medium": "medium", "high": "high frequency", "all": "all"}
FIGURES = ("corruptions", "prediction", "filters", "robustness", "heat_map")


def percent(interval: dict[str, Any]) -> str:
    """Return a proportion in percent with its interval.

    >>> percent({"value": 0.5, "low": 0.4, "high": 0.6})
    '50.0 [40.0, 60.0]'
    """
    return " ".join([f"{100 * interval['value']:.1f}", f"[{100 * interval['low']:.1f}, {100 * interval['high']:.1f}]"])


def eps_text(eps: float, norm: str) -> str:
    """Return a budget as people write it.

    >>> eps_text(8 / 255, "linf"), eps_text(0.5, "l2")
    ('8/255', '0.5')
    """
    return f"{255 * eps:.3g}/255" if norm == "linf" else f"{eps:.3g}"


def size_text(value: float | None, norm: str) -> str:
    """Return a perturbation's size; None stands for one that was not found."""
    return "not found" if value is None else eps_text(value, norm)


def median_text(row: dict[str, Any]) -> str:
    """Return the median size with its interval."""
    median = row["median"]
    low, high = (size_text(median[name], row["name"]) for name in ("low", "high"))
    return f"{size_text(median['value'], row['name'])} [{low}, {high}]"


def half_power_text(row: dict[str, Any]) -> str:
    """Return f_0.5 of the perturbations with its interval, cycles per pixel."""
    half = row["f_half_cycles_per_pixel"]
    return "" if half["value"] is None else f"{half['value']:.3f} [{half['low']:.3f}, {half['high']:.3f}]"


def summary_text(results: dict[str, Any]) -> str:
    """Return ``summary.md`` of an evaluation."""
    blocks = [
        f"# {results['model']} ({results['weights']}) on {results['data']}",
        f"Suite {results['suite']}, {results['num_images']:,} images, accuracy {percent(results['accuracy'])} %. "
        "Numbers are percent correct with 95 % intervals unless a unit is given.",
        *(f"**Warning:** {warning}." for warning in results["warnings"]),
        *_corruptions(results),
        *_prediction(results),
        *_parameters(results, "filter", "Band-limited images", "cycles/image"),
        *_parameters(results, "shuffle", "Shuffled patches", "patches a side"),
        *_parameters(results, "noise", "Noise", "level, pixel range 0..1"),
        *_attacks(results),
        *_heat_map(results),
    ]
    return "\n\n".join(blocks) + "\n"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _corruptions(results: dict[str, Any]) -> list[str]:
    groups = results["corruption_groups"]
    if not groups:
        return []
    rows = [
        [GROUP_NAMES[g["name"]], str(len(g["corruptions"])), percent(g["accuracy"]), percent(g["drop"])] for g in groups
    ]
    cells: dict[str, dict[int, str]] = {}
    for row in _of_kind(results, "corruption"):
        cells.setdefault(row["probe"], {})[row["severity"]] = f"{100 * row['accuracy']['value']:.1f}"
    severities = sorted({s for by in cells.values() for s in by})
    each = [[name, *(by.get(s, "") for s in severities)] for name, by in cells.items()]
    return [
        f"## Common corruptions\n\nImages: {results['corruption_source']}.",
        markdown_table(["group", "corruptions", "accuracy", "points below clean"], rows),
        markdown_table(["corruption", *(f"severity {s}" for s in severities)], each),
        "![](corruptions.png)",
    ]


def _prediction(results: dict[str, Any]) -> list[str]:
    predicted = results.get("corruption_prediction")
    if predicted is None:
        return []
    return [
        "## Corruptions predicted from spectra",
        f"Before it saw them: mean accuracy {100 * predicted['mean_predicted_accuracy']:.1f} % predicted, "
        f"{100 * predicted['mean_accuracy']:.1f} % measured over {predicted['num_conditions']} corruptions. Rank "
        f"correlation of the two: {rank_text(predicted['spearman'])} from the spectra of gradient and corruption, "
        f"{rank_text(predicted['spearman_flat'])} from their sizes alone.",
        "![](prediction.png)",
    ]


def rank_text(interval: dict[str, Any] | None) -> str:
    """Return a rank correlation with its interval.

    >>> rank_text({"value": 0.75, "low": 0.6, "high": 0.85})
    '.75 [.60, .85]'
    """
    if interval is None:
        return "none (constant)"
    value, low, high = (f"{interval[name]:.2f}".replace("0.", ".", 1) for name in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _of_kind(results: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [row for row in results["conditions"] if row["kind"] == kind]


def _parameters(results: dict[str, Any], kind: str, title: str, unit: str) -> list[str]:
    rows = _of_kind(results, kind)
    if not rows:
        return []
    values = [[row["probe"], _range(row), percent(row["accuracy"])] for row in rows]
    picture = ["![](filters.png)"] if kind == "filter" else []
    return [f"## {title}", markdown_table([kind, unit, "accuracy"], values), *picture]


def _range(row: dict[str, Any]) -> str:
    upper = "" if row["upper"] is None else f" to {row['upper']:g}"
    return f"{row['parameter']:g}{upper}"


def _attacks(results: dict[str, Any]) -> list[str]:
    fixed, minimal = _of_kind(results, "attack"), results["minimal"]
    blocks = []
    if fixed:
        rows = [
            [
                row["probe"],
                row["group"],
                eps_text(row["parameter"], row["group"]),
                percent(row["accuracy"]),
                str(row["accuracy"]["n"]),
            ]
            for row in fixed
        ]
        blocks.append(markdown_table(["attack", "norm", "budget", "accuracy", "n"], rows))
    if minimal:
        rows = [
            [m["name"], median_text(m), half_power_text(m), f"{m['num_found']} of {m['num_right']}"] for m in minimal
        ]
        blocks.append(
            "Smallest adversarial perturbation of the images that the model gets right; sizes are upper bounds, "
            "because attacks can only fail to find smaller ones.\n\n"
            + markdown_table(["norm", "median size", "f_0.5 (c/px)", "found"], rows)
        )
    return ["## Adversarial perturbations", *blocks, "![](robustness.png)"] if blocks else []


def _heat_map(results: dict[str, Any]) -> list[str]:
    agreement = results["heat_map_agreement"]
    if agreement is None:
        return []
    spearman = agreement["spearman"]
    return [
        "## Fourier heat map and input gradient",
        "Rank correlation of the error rate under one added frequency with the power of the input gradient there: "
        f"{spearman['value']:.3f} [{spearman['low']:.3f}, {spearman['high']:.3f}] over "
        f"{agreement['num_frequencies']:,} frequencies, {spearman['n']} images.",
        "![](heat_map.png)",
    ]
