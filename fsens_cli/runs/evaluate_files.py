"""What does an evaluation leave behind: tidy tables, numbers with intervals, a summary, figures drawn from files."""

from collections.abc import Sequence
from pathlib import Path

import torch

from fsens_cli.experiments.evaluate_findings import evaluate_findings
from fsens_cli.experiments.evaluate_settings import EvaluateConfig
from fsens_cli.experiments.evaluation import EvaluateResult, MinimalRow, Row
from fsens_cli.experiments.part_result import PartResult
from fsens_cli.experiments.quantities import Findings
from fsens_cli.fourier.perturbation import exact_radii, half_power_frequency
from fsens_cli.runs.band_files import band_importance_dict, write_band_importance
from fsens_cli.runs.calibration_files import calibration_dicts, corruption_error_dict, write_calibration
from fsens_cli.runs.evaluate_figures import draw_evaluate
from fsens_cli.runs.evaluate_summary import summary_text
from fsens_cli.runs.files import write_table, write_text
from fsens_cli.runs.findings_files import write_figures, write_results
from fsens_cli.runs.json_files import Json
from fsens_cli.runs.json_numbers import interval_or_nulls, number_or_null
from fsens_cli.runs.prediction_files import prediction_dict, write_prediction
from fsens_cli.runs.subject import Subject
from fsens_cli.statistics.intervals import wilson

VERB = "evaluate"


def evaluate_results(result: EvaluateResult, subject: Subject, *, suite: str, source: str) -> Json:
    """Return the headline numbers of an evaluation, as written to ``results.json``.

    Args:
        result: what was found.
        subject: what was evaluated.
        suite: name of the suite.
        source: where corrupted images come from.
    """
    agreement = result.agreement()
    return {
        **subject.as_json(VERB, len(result.clean.index_N)),
        "suite": suite,
        "num_classes": result.num_classes,
        "image_size": list(result.image_size),
        "accuracy": interval_or_nulls(result.accuracy),
        "corruption_source": source,
        "corruption_groups": [
            {
                "name": row.group,
                "corruptions": list(row.corruptions),
                "accuracy": interval_or_nulls(row.accuracy),
                "drop": interval_or_nulls(row.drop),
            }
            for row in result.groups()
        ],
        "corruption_error": corruption_error_dict(result.corruption_error),
        "calibration": calibration_dicts(result.calibration),
        "metrics": [
            {"name": row.metric, "severity": row.severity, "mean": interval_or_nulls(row.mean)}
            for row in result.metrics
        ],
        "conditions": [condition_dict(row) for row in result.rows()],
        "minimal": [minimal_dict(row) for row in result.minimal()],
        "corruption_prediction": prediction_dict(result.prediction()),
        "bands": band_importance_dict(result),
        "heat_map_agreement": None
        if agreement is None
        else {
            "spearman": interval_or_nulls(agreement.correlation),
            "num_frequencies": agreement.num_frequencies,
        },
    }


def condition_dict(row: Row) -> Json:
    """Return the accuracy under one condition as it stands in ``results.json``."""
    condition = row.condition
    return {
        "name": condition.label,
        "kind": condition.kind,
        "probe": condition.probe,
        "group": condition.group,
        "parameter": number_or_null(condition.parameter),
        "upper": number_or_null(condition.upper),
        "unit": condition.unit,
        "severity": condition.severity or None,
        "accuracy": interval_or_nulls(row.accuracy),
    }


def minimal_dict(row: MinimalRow) -> Json:
    """Return the sizes and frequencies of minimal perturbations as they stand in ``results.json``."""
    return {
        "name": row.norm,
        "median": interval_or_nulls(row.median),
        "mean_of_found": number_or_null(row.mean_found),
        "f_half_cycles_per_pixel": interval_or_nulls(row.half_power),
        "f_half_normalised_cycles_per_pixel": interval_or_nulls(row.half_power_normalised),
        "num_right": row.num_right,
        "num_found": row.num_found,
        "note": row.note,
    }


def write_evaluate(
    folder: Path,
    result: EvaluateResult,
    config: EvaluateConfig,
    subject: Subject,
    *,
    source: str,
    formats: Sequence[str],
    summary: Sequence[str],
    class_names: Sequence[str] = (),
) -> Findings:
    """Write every file of an evaluation into ``folder`` and return what it says; ``summary`` puts it in words."""
    suite = config.suite.name
    found = evaluate_findings(result, config, source=source)
    _write_accuracy(folder, result)
    _write_attack_stages(folder, result)
    _write_per_image(folder, result)
    _write_minimal(folder, result)
    write_calibration(folder, result.calibration)
    _write_metrics(folder, result)
    write_prediction(folder, result.prediction(), result.image_size)
    _write_heat_map(folder, result)
    write_band_importance(folder, result, class_names)
    write_results(folder, evaluate_results(result, subject, suite=suite, source=source), found, summary)
    text = summary_text(result, subject, suite=suite, source=source, warnings=found.warnings)
    write_text(folder / "summary.md", text)
    if formats:
        write_figures(folder, draw_evaluate(folder, formats))
    return found


def _write_accuracy(folder: Path, result: EvaluateResult) -> None:
    rows = result.rows()
    write_table(
        folder / "accuracy.csv",
        {
            "kind": [r.condition.kind for r in rows],
            "probe": [r.condition.probe for r in rows],
            "group": [r.condition.group for r in rows],
            "parameter": [r.condition.parameter for r in rows],
            "parameter_upper": [r.condition.upper for r in rows],
            "unit": [r.condition.unit for r in rows],
            "severity": [r.condition.severity or "" for r in rows],
            "accuracy": [r.accuracy.value for r in rows],
            "accuracy_ci_low": [r.accuracy.low for r in rows],
            "accuracy_ci_high": [r.accuracy.high for r in rows],
            "n": [r.accuracy.n for r in rows],
        },
    )


def _write_metrics(folder: Path, result: EvaluateResult) -> None:
    if not result.metrics:
        return
    write_table(
        folder / "metrics.csv",
        {
            "metric": [row.metric for row in result.metrics],
            "severity": [row.severity for row in result.metrics],
            "mean": [row.mean.value for row in result.metrics],
            "mean_ci_low": [row.mean.low for row in result.metrics],
            "mean_ci_high": [row.mean.high for row in result.metrics],
            "n": [row.mean.n for row in result.metrics],
        },
    )


def _write_attack_stages(folder: Path, result: EvaluateResult) -> None:
    """Write what each stage of each attack left and took; nothing where nothing was attacked within a budget.

    Seconds are no result and differ each time, so they stand in the run's record (`attack_seconds`).
    """
    rows = [(part, part.part.conditions[0], stage) for part in result.of_kind("attack") for stage in part.stages]
    if not rows:
        return
    left = [wilson(stage.num_standing, len(part.index_N)) for part, _, stage in rows]
    write_table(
        folder / "attack_stages.csv",
        {
            "attack": [condition.probe for _, condition, _ in rows],
            "norm": [condition.group for _, condition, _ in rows],
            "eps": [condition.parameter for _, condition, _ in rows],
            "stage": [stage.name for _, _, stage in rows],
            "accuracy": [interval.value for interval in left],
            "accuracy_ci_low": [interval.low for interval in left],
            "accuracy_ci_high": [interval.high for interval in left],
            "n": [interval.n for interval in left],
            "iterations": [stage.steps for _, _, stage in rows],
            "queries": [stage.queries for _, _, stage in rows],
            "gradients": [stage.gradients for _, _, stage in rows],
        },
    )


def attack_seconds(result: EvaluateResult) -> dict[str, dict[str, float]]:
    """Return the wall time of each stage, by the condition that it belongs to."""
    return {
        part.part.name: {stage.name: round(stage.seconds, 3) for stage in part.stages}
        for part in result.of_kind("attack")
    }


def _write_per_image(folder: Path, result: EvaluateResult) -> None:
    """Write 1 or 0 for each image and condition; blank where a part did not use the image."""
    clean = result.clean
    columns: dict[str, Sequence[object]] = {"index": clean.index_N.tolist(), "label": clean.label_N.tolist()}
    for part in result.parts.values():
        for condition, column in part.by_condition:
            columns[condition.label] = _spread(part, column, clean.index_N)
    write_table(folder / "per_image.csv", columns)


def _spread(part: PartResult, correct_N: torch.Tensor, all_index_N: torch.Tensor) -> Sequence[object]:
    answers = dict(zip(part.index_N.tolist(), correct_N.int().tolist(), strict=True))
    return [answers.get(index, "") for index in all_index_N.tolist()]


def _write_minimal(folder: Path, result: EvaluateResult) -> None:
    parts = result.of_kind("minimal")
    if not parts:
        return
    columns: dict[str, Sequence[object]] = {"index": parts[0].index_N.tolist(), "label": parts[0].label_N.tolist()}
    radius_K, _ = exact_radii(*result.image_size)
    for part in parts:
        columns[f"{part.part.norm}_size_pixel_range"] = part.size_N.tolist()
        columns[f"{part.part.norm}_f_half_cycles_per_pixel"] = half_power_frequency(part.energy_NK, radius_K).tolist()
    write_table(folder / "minimal.csv", columns)


def _write_heat_map(folder: Path, result: EvaluateResult) -> None:
    if "heat-map" not in result.parts:
        return
    heat = result.parts["heat-map"]
    wrong = [wilson(int((~column).sum()), len(column)) for column in heat.correct_NK.T]
    columns: dict[str, Sequence[object]] = {
        "vertical_cycles_per_image": heat.frequency_M2[:, 0].tolist(),
        "horizontal_cycles_per_image": heat.frequency_M2[:, 1].tolist(),
        "error_rate": [i.value for i in wrong],
        "error_rate_ci_low": [i.low for i in wrong],
        "error_rate_ci_high": [i.high for i in wrong],
        "n": [i.n for i in wrong],
    }
    if "gradient" in result.parts:
        columns["gradient_power_share"] = result.parts["gradient"].power_NM.mean(dim=0).tolist()
    write_table(folder / "heat_map.csv", columns)
