"""What does a blur defence leave behind: one row a strength, sizes and spectra, a summary, figures drawn from files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fsens_cli.experiments.defense import DefenseConfig, DefenseRow
from fsens_cli.experiments.evaluation import PartResult
from fsens_cli.fourier.perturbation import cumulative_share, exact_radii
from fsens_cli.fourier.sensitivity import full_plane
from fsens_cli.runs.defense_figures import draw_defense
from fsens_cli.runs.defense_summary import defense_text
from fsens_cli.runs.evaluate_files import minimal_dict
from fsens_cli.runs.files import write_arrays, write_json, write_table, write_text
from fsens_cli.runs.json_numbers import number_or_null
from fsens_cli.runs.measure_files import Subject, interval_dict
from fsens_cli.statistics.intervals import Interval, wilson

VERB = "blur-defense"
PROFILE_COLUMNS = (
    "filter",
    "strength",
    "norm",
    "radius_cycles_per_pixel",
    "cumulative_share",
    "cumulative_normalised",
)


def defense_results(
    rows: Sequence[DefenseRow], config: DefenseConfig, subject: Subject, *, source: str
) -> dict[str, Any]:
    """Return every number of a blur defence, as written to ``results.json``.

    Args:
        rows: one a strength.
        config: settings.
        subject: what was defended.
        source: where corrupted images come from.
    """
    return {
        "verb": VERB,
        "model": subject.model,
        "weights": subject.weights,
        "data": subject.data_title,
        "mode": config.mode,
        "defense": config.defense,
        "suite": config.suite.name,
        "corruption_source": source,
        "num_images": len(rows[0].evaluation.clean.index_N),
        "num_attacked": len(rows[0].evaluation.of_kind("minimal")[0].index_N),
        "num_classes": rows[0].evaluation.num_classes,
        "image_size": list(rows[0].evaluation.image_size),
        "rows": [_row(row, config) for row in rows],
    }


def _row(row: DefenseRow, config: DefenseConfig) -> dict[str, Any]:
    preference = row.preference
    return {
        "name": row.label,
        "strength": row.strength,
        "accuracy": interval_dict(row.evaluation.accuracy),
        "corruption_groups": [
            {"name": g.group, "accuracy": interval_dict(g.accuracy), "drop": interval_dict(g.drop)}
            for g in row.evaluation.groups()
        ],
        "minimal": [minimal_dict(m) for m in row.evaluation.minimal()],
        "robust_accuracy": [
            {
                "name": f"{part.part.norm}-{eps:.6g}",
                "norm": part.part.norm,
                "eps": eps,
                "accuracy": interval_dict(_standing(row, part, eps)),
            }
            for part in row.evaluation.of_kind("minimal")
            for eps in sorted(config.suite.eps_of(part.part.norm))
        ],
        "f_rev": {
            "status": preference.f_rev_status,
            "nyquist": {
                "value": number_or_null(preference.f_rev),
                "low": number_or_null(preference.f_rev_low),
                "high": number_or_null(preference.f_rev_high),
            },
        },
        "bands": [
            {"name": name, "share": interval_dict(share)}
            for name, share in zip(preference.band_names, preference.band_shares, strict=True)
        ],
        "centroid_cycles_per_image": interval_dict(preference.centroid),
        "checks": [{"name": c.name, "passed": c.passed, "found": c.found} for c in row.checks],
        "reliable": not row.failed,
        "warnings": [*_chance(row), *row.evaluation.warnings],
    }


def _chance(row: DefenseRow) -> list[str]:
    """Return a warning where there is nothing to defend."""
    chance = 1 / row.evaluation.num_classes
    if row.evaluation.accuracy.low > chance:
        return []
    return [
        f"clean accuracy {100 * row.evaluation.accuracy.value:.1f} % is at chance level: sizes and frequencies behind "
        "this filter rest on lucky guesses"
    ]


def _standing(row: DefenseRow, minimal: PartResult, eps: float) -> Interval:
    """Return the accuracy at a budget against everything that was tried: minimal searches and fixed budgets."""
    standing_N = minimal.size_N > eps
    for part in row.evaluation.of_kind("attack"):
        (condition,) = part.part.conditions
        # A perturbation within a smaller budget is within this one, too.
        if condition.group == minimal.part.norm and condition.parameter <= eps * (1 + 1e-9):
            standing_N = standing_N & part.correct_NK[:, 0]
    return wilson(int(standing_N.sum()), len(standing_N))


def write_defense(
    folder: Path,
    rows: Sequence[DefenseRow],
    config: DefenseConfig,
    subject: Subject,
    *,
    source: str,
    formats: Sequence[str],
) -> dict[str, Any]:
    """Write every file of a blur defence into ``folder`` and return its numbers."""
    results = defense_results(rows, config, subject, source=source)
    _write_sweep(folder, results)
    _write_corruptions(folder, rows)
    _write_sizes(folder, rows)
    _write_spectra(folder, rows)
    _write_checks(folder, results)
    write_json(folder / "results.json", results)
    write_text(folder / "summary.md", defense_text(results))
    draw_defense(folder, formats)
    return results


def _write_sweep(folder: Path, results: dict[str, Any]) -> None:
    """Write one line a strength with every number; three columns a number that has an interval."""
    table: list[dict[str, Any]] = []
    for row in results["rows"]:
        line = {
            "filter": row["name"],
            "strength": row["strength"],
            "mode": results["mode"],
            "reliable": row["reliable"],
        }
        line["failed_checks"] = "; ".join(c["name"] for c in row["checks"] if not c["passed"])
        _add(line, "accuracy", row["accuracy"])
        for group in row["corruption_groups"]:
            _add(line, f"corruption_accuracy_{group['name']}", group["accuracy"])
        for robust in row["robust_accuracy"]:
            _add(line, f"accuracy_at_{robust['name']}", robust["accuracy"])
        for minimal in row["minimal"]:
            norm = minimal["name"]
            _add(line, f"{norm}_median_size_pixel_range", minimal["median"])
            line[f"{norm}_mean_size_of_found_pixel_range"] = minimal["mean_of_found"]
            _add(line, f"{norm}_f_half_cycles_per_pixel", minimal["f_half_cycles_per_pixel"])
            _add(line, f"{norm}_f_half_normalised_cycles_per_pixel", minimal["f_half_normalised_cycles_per_pixel"])
        _add(line, "f_rev_nyquist", row["f_rev"]["nyquist"])
        line["f_rev_status"] = row["f_rev"]["status"]
        for band in row["bands"]:
            _add(line, f"sensitivity_{band['name']}", band["share"])
        _add(line, "centroid_cycles_per_image", row["centroid_cycles_per_image"])
        table.append(line)
    names = list(dict.fromkeys(name for line in table for name in line))
    write_table(folder / "sweep.csv", {name: [line.get(name) for line in table] for name in names})


def _add(line: dict[str, Any], name: str, interval: dict[str, Any]) -> None:
    line[name], line[f"{name}_ci_low"], line[f"{name}_ci_high"] = (interval[k] for k in ("value", "low", "high"))


def _write_corruptions(folder: Path, rows: Sequence[DefenseRow]) -> None:
    found = [(row, r) for row in rows for r in row.evaluation.rows() if r.condition.kind == "corruption"]
    write_table(
        folder / "corruptions.csv",
        {
            "filter": [row.label for row, _ in found],
            "strength": [row.strength for row, _ in found],
            "corruption": [r.condition.probe for _, r in found],
            "group": [r.condition.group for _, r in found],
            "severity": [r.condition.severity for _, r in found],
            "accuracy": [r.accuracy.value for _, r in found],
            "accuracy_ci_low": [r.accuracy.low for _, r in found],
            "accuracy_ci_high": [r.accuracy.high for _, r in found],
            "n": [r.accuracy.n for _, r in found],
        },
    )


def _write_sizes(folder: Path, rows: Sequence[DefenseRow]) -> None:
    columns: dict[str, list[Any]] = {"filter": [], "strength": [], "norm": [], "index": [], "label": [], "size": []}
    for row in rows:
        for part in row.evaluation.of_kind("minimal"):
            count = len(part.index_N)
            columns["filter"] += [row.label] * count
            columns["strength"] += [row.strength] * count
            columns["norm"] += [part.part.norm] * count
            columns["index"] += part.index_N.tolist()
            columns["label"] += part.label_N.tolist()
            columns["size"] += part.size_N.tolist()
    columns["size_pixel_range"] = columns.pop("size")
    write_table(folder / "sizes.csv", columns)


def _write_spectra(folder: Path, rows: Sequence[DefenseRow]) -> None:
    """Write the mean power maps, and how much of the power lies up to each radius."""
    maps: dict[str, np.ndarray] = {}
    columns: dict[str, list[Any]] = {
        name: []
        for name in (
            "filter",
            "strength",
            "norm",
            "radius_cycles_per_pixel",
            "cumulative_share",
            "cumulative_normalised",
        )
    }
    for row in rows:
        height, width = row.evaluation.image_size
        radius_K, _ = exact_radii(height, width)
        for part in row.evaluation.of_kind("minimal"):
            energy_NK = part.energy_NK[part.energy_NK.sum(dim=1) > 0].double()
            if not len(energy_NK):
                continue
            full = np.fft.fftshift(full_plane(part.power_2HF, width).numpy(), axes=(1, 2))
            maps[f"{row.label}|{part.part.norm}"] = full
            count = len(radius_K)
            columns["filter"] += [row.label] * count
            columns["strength"] += [row.strength] * count
            columns["norm"] += [part.part.norm] * count
            columns["radius_cycles_per_pixel"] += radius_K.tolist()
            columns["cumulative_share"] += cumulative_share(energy_NK.sum(dim=0)).tolist()
            normalised = energy_NK / energy_NK.sum(dim=1, keepdim=True)
            columns["cumulative_normalised"] += cumulative_share(normalised.sum(dim=0)).tolist()
    write_arrays(folder / "spectra.npz", maps)
    write_table(folder / "profiles.csv", columns)


def _write_checks(folder: Path, results: dict[str, Any]) -> None:
    found = [(row, check) for row in results["rows"] for check in row["checks"]]
    write_table(
        folder / "checks.csv",
        {
            "filter": [row["name"] for row, _ in found],
            "strength": [row["strength"] for row, _ in found],
            "check": [check["name"] for _, check in found],
            "passed": [check["passed"] for _, check in found],
            "found": [check["found"] for _, check in found],
        },
    )
