"""What does a blur defence leave behind: one row a strength, sizes and spectra, a summary, figures drawn from files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fsens_cli.experiments.defense import DefenseRow
from fsens_cli.experiments.defense_findings import defense_findings, row_warnings, standing_of
from fsens_cli.experiments.defense_settings import DefenseConfig
from fsens_cli.experiments.quantities import Findings
from fsens_cli.fourier.perturbation import cumulative_share, exact_radii
from fsens_cli.fourier.sensitivity import full_plane
from fsens_cli.runs.defense_figures import draw_defense
from fsens_cli.runs.defense_summary import defense_text
from fsens_cli.runs.evaluate_files import minimal_dict
from fsens_cli.runs.files import write_arrays, write_table, write_text
from fsens_cli.runs.findings_files import write_figures, write_results
from fsens_cli.runs.json_files import Json
from fsens_cli.runs.json_numbers import interval_or_nulls, number_or_null
from fsens_cli.runs.subject import Subject
from fsens_cli.statistics.intervals import Interval

VERB = "blur-defense"
PROFILE_COLUMNS = (
    "filter",
    "strength",
    "norm",
    "radius_cycles_per_pixel",
    "cumulative_share",
    "cumulative_normalised",
)


def defense_results(rows: Sequence[DefenseRow], config: DefenseConfig, subject: Subject, *, source: str) -> Json:
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


def _row(row: DefenseRow, config: DefenseConfig) -> Json:
    preference = row.preference
    return {
        "name": row.label,
        "strength": row.strength,
        "control": row.is_control,
        "accuracy": interval_or_nulls(row.evaluation.accuracy),
        "corruption_groups": [
            {"name": g.group, "accuracy": interval_or_nulls(g.accuracy), "drop": interval_or_nulls(g.drop)}
            for g in row.evaluation.groups()
        ],
        "minimal": [minimal_dict(m) for m in row.evaluation.minimal()],
        "robust_accuracy": [
            {"name": name, "norm": norm, "eps": eps, "accuracy": interval_or_nulls(standing)}
            for name, norm, eps, standing in standing_of(row, config)
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
            {"name": name, "share": interval_or_nulls(share)}
            for name, share in zip(preference.band_names, preference.band_shares, strict=True)
        ],
        "centroid_cycles_per_image": interval_or_nulls(preference.centroid),
        "checks": [{"name": c.name, "passed": c.passed, "found": c.found} for c in row.checks],
        "reliable": row.is_reliable,
        "warnings": row_warnings(row),
    }


def write_defense(
    folder: Path,
    rows: Sequence[DefenseRow],
    config: DefenseConfig,
    subject: Subject,
    *,
    source: str,
    formats: Sequence[str],
    summary: Sequence[str],
) -> Findings:
    """Write every file of a blur defence into ``folder`` and return what it says; ``summary`` puts it in words."""
    found = defense_findings(rows, config, source=source)
    _write_sweep(folder, rows, config)
    _write_corruptions(folder, rows)
    _write_sizes(folder, rows)
    _write_spectra(folder, rows)
    _write_checks(folder, rows)
    write_results(folder, defense_results(rows, config, subject, source=source), found, summary)
    write_text(folder / "summary.md", defense_text(rows, config, subject, source=source))
    if formats:
        write_figures(folder, draw_defense(folder, formats))
    return found


def _write_sweep(folder: Path, rows: Sequence[DefenseRow], config: DefenseConfig) -> None:
    """Write one line a strength with every number; three columns a number that has an interval."""
    table = [_line(row, config) for row in rows]
    names = list(dict.fromkeys(name for line in table for name in line))
    write_table(folder / "sweep.csv", {name: [line.get(name) for line in table] for name in names})


def _line(row: DefenseRow, config: DefenseConfig) -> Json:
    line: Json = {
        "filter": row.label,
        "strength": row.strength,
        "mode": "test_time" if row.is_control else config.mode,
        "reliable": row.is_reliable,
        "failed_checks": "; ".join(row.failed),
    }
    seen = row.preference
    _add(line, "accuracy", row.evaluation.accuracy)
    for group in row.evaluation.groups():
        _add(line, f"corruption_accuracy_{group.group}", group.accuracy)
    for name, _, _, standing in standing_of(row, config):
        _add(line, f"accuracy_at_{name}", standing)
    for minimal in row.evaluation.minimal():
        norm = minimal.norm
        _add(line, f"{norm}_median_size_pixel_range", minimal.median)
        line[f"{norm}_mean_size_of_found_pixel_range"] = number_or_null(minimal.mean_found)
        _add(line, f"{norm}_f_half_cycles_per_pixel", minimal.half_power)
        _add(line, f"{norm}_f_half_normalised_cycles_per_pixel", minimal.half_power_normalised)
    _add(line, "f_rev_nyquist", Interval(seen.f_rev, seen.f_rev_low, seen.f_rev_high, 0))
    line["f_rev_status"] = seen.f_rev_status
    for name, share in zip(seen.band_names, seen.band_shares, strict=True):
        _add(line, f"sensitivity_{name}", share)
    _add(line, "centroid_cycles_per_image", seen.centroid)
    return line


def _add(line: Json, name: str, interval: Interval) -> None:
    line[name], line[f"{name}_ci_low"], line[f"{name}_ci_high"] = (
        number_or_null(v) for v in (interval.value, interval.low, interval.high)
    )


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
    columns: dict[str, list[object]] = {"filter": [], "strength": [], "norm": [], "index": [], "label": [], "size": []}
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
    columns: dict[str, list[object]] = {name: [] for name in PROFILE_COLUMNS}
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


def _write_checks(folder: Path, rows: Sequence[DefenseRow]) -> None:
    found = [(row, check) for row in rows for check in row.checks]
    write_table(
        folder / "checks.csv",
        {
            "filter": [row.label for row, _ in found],
            "strength": [row.strength for row, _ in found],
            "check": [check.name for _, check in found],
            "passed": [check.passed for _, check in found],
            "found": [check.found for _, check in found],
        },
    )
