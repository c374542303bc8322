"""``fsens evaluate``: the robustness of a model, part by part."""

import math
from pathlib import Path

import torch

from fsens_cli.commands.console import note, progress
from fsens_cli.commands.inputs import check_before_loading, load_for
from fsens_cli.commands.networks import build_for, named_weights
from fsens_cli.commands.options import Flags
from fsens_cli.commands.record import named_after, provenance, record_inputs, record_own_code, run_name, subject_of
from fsens_cli.commands.resuming import job_to_resume
from fsens_cli.commands.tables import table
from fsens_cli.commands.wording import interval_text, percent_interval
from fsens_cli.config.compose import Request, flat_settings
from fsens_cli.config.jobs import DefenseJob, EvaluateJob, JobFields
from fsens_cli.experiments.band_importance import importance
from fsens_cli.experiments.evaluate import evaluate
from fsens_cli.experiments.evaluate_findings import GROUP_NAMES, eps_text
from fsens_cli.experiments.evaluate_hooks import own_code
from fsens_cli.experiments.evaluation import EvaluateResult, MinimalRow, Row
from fsens_cli.models.device import pick_device
from fsens_cli.models.names import check_model_name
from fsens_cli.models.weights import Weights
from fsens_cli.runs.evaluate_files import VERB, attack_seconds, write_evaluate
from fsens_cli.runs.evaluate_summary import (
    calibration_cells,
    corruption_error_text,
    half_power_text,
    median_text,
    metric_cells,
    rank_text,
    rows_of_kind,
)
from fsens_cli.runs.evaluation_parts import PartFiles
from fsens_cli.runs.folder import RunFolder
from fsens_cli.runs.provenance import peak_memory_mib
from fsens_cli.runs.subject import Subject


def evaluate_task(job: JobFields, config_yaml: str, flags: Flags) -> Path:
    """Do one evaluation and write its run folder."""
    assert isinstance(job, EvaluateJob), "the verb decides the type"
    device = pick_device(job.device)
    check_model_name(job.model.name)
    weights = named_weights(job, flags)
    check_before_loading(job, weights, job.split)
    record = provenance(job, device) | {"config": flat_settings(config_yaml)}
    name = run_name(job)
    with RunFolder.create(Path(job.out), VERB, name, config_yaml=config_yaml, record=record, goes_on=True) as run:
        return _evaluate_in(run, job, weights, device, flags)


def _evaluate_in(run: RunFolder, job: EvaluateJob, weights: Weights, device: torch.device, flags: Flags) -> Path:
    images = load_for(job, weights, job.split, flags, num_images=job.num_images, seed=job.seed)
    classifier = build_for(job, weights, images, flags).to(device)
    record_inputs(run, weights, classifier, images)
    record_own_code(run, own_code(job.suite))
    subject = subject_of(job, weights)
    with progress("evaluating", 1, flags) as advance:

        def on_progress(name: str, done: int, total: int) -> None:
            advance(done, name, total)

        result = evaluate(classifier, images, job, recorder=PartFiles(run), on_progress=on_progress)
    subject = named_after(subject, images)
    with run.reporting_disk_errors():
        write_evaluate(
            run.path,
            result,
            job,
            subject,
            source=corruption_source(job),
            formats=job.plot.all_formats(),
            summary=evaluate_lines(result, subject),
            class_names=images.class_names,
        )
    run.save(peak_memory_mib=round(peak_memory_mib(device), 1), attack_seconds=attack_seconds(result))
    return run.path


def corruption_source(job: EvaluateJob | DefenseJob) -> str:
    """Return in words where corrupted images come from."""
    if job.corruption.root:
        return f"read from {Path(job.corruption.root).name}"
    frost = "official frost pictures" if job.corruption.frost_root else "drawn frost"
    return f"made here, constants {job.corruption.table}, {frost}"


def resume_evaluation(name: str, request: Request, flags: Flags) -> Path:
    """Continue the run called ``name`` with the parts that it lacks, and return its folder."""
    path, job = job_to_resume(EvaluateJob, name, request)
    kept = len(list((path / "parts").glob("*.npz")))
    note(f"continuing {path}: {kept} parts are there", flags)
    with RunFolder.reopen(path) as run:
        return _evaluate_in(run, job, named_weights(job, flags), pick_device(job.device), flags)


def evaluate_lines(result: EvaluateResult, subject: Subject) -> list[str]:
    """Return the main numbers of one evaluation as lines of text."""
    return [
        f"{subject.model} ({subject.weights}) on {subject.data_title}, {len(result.clean.index_N):,} images, "
        f"clean accuracy {percent_interval(result.accuracy)}",
        *_section("Common corruptions", _corruption_rows(result)),
        *([f" {words}"] if (words := corruption_error_text(result.corruption_error)) else []),
        *_prediction_line(result),
        *_section("Calibration", _calibration_rows(result)),
        *_section("Own metrics", _metric_rows(result)),
        *_section("Band-limited and shuffled images, noise", _worst_rows(result)),
        *_section("Adversarial perturbations", _attack_rows(result)),
        *_agreement_line(result),
        *_section("Shapley importance of bands, log-probability in nats", _band_rows(result)),
    ]


def _section(title: str, rows: list[dict[str, str]]) -> list[str]:
    return ["", title, *(f" {line}" for line in table(rows))] if rows else []


def _corruption_rows(result: EvaluateResult) -> list[dict[str, str]]:
    return [
        {
            "group": GROUP_NAMES[row.group],
            "corruptions": str(len(row.corruptions)),
            "accuracy": percent_interval(row.accuracy),
            "below clean": percent_interval(row.drop),
            "n": f"{row.accuracy.n:,}",
        }
        for row in result.groups()
    ]


def _calibration_rows(result: EvaluateResult) -> list[dict[str, str]]:
    names = ("images", "ECE %", "NLL nats", "Brier 0..2")
    return [dict(zip(names, cells, strict=True)) for cells in calibration_cells(result.calibration)]


def _metric_rows(result: EvaluateResult) -> list[dict[str, str]]:
    return [dict(zip(("metric", "images", "mean"), cells, strict=True)) for cells in metric_cells(result.metrics)]


def _prediction_line(result: EvaluateResult) -> list[str]:
    predicted = result.prediction()
    if predicted is None:
        return []
    spectra, sizes = (rank_text(found) for found in (predicted.correlation, predicted.flat_correlation))
    return [f" order of the corruptions, predicted from spectra: rank correlation {spectra}; from sizes alone: {sizes}"]


def _worst_rows(result: EvaluateResult) -> list[dict[str, str]]:
    """Return the strongest change of each kind; low-pass and high-pass at a middle cutoff say the most."""
    by_probe: dict[str, list[Row]] = {}
    for row in result.rows():
        if row.condition.kind in ("filter", "shuffle", "noise") and row.condition.probe != "band-pass":
            by_probe.setdefault(row.condition.probe, []).append(row)
    rows = []
    for probe, group in by_probe.items():
        row = group[len(group) // 2] if group[0].condition.kind == "filter" else group[-1]
        place = f"{row.condition.parameter:g} {row.condition.unit}"
        rows.append(
            {"probe": probe, "at": place, "accuracy": percent_interval(row.accuracy), "n": f"{row.accuracy.n:,}"}
        )
    return rows


def _attack_rows(result: EvaluateResult) -> list[dict[str, str]]:
    fixed = [
        {
            "attack": f"{row.condition.probe} {row.condition.group}",
            "budget": eps_text(row.condition.parameter, row.condition.group),
            "accuracy or median size": percent_interval(row.accuracy),
            "n": f"{row.accuracy.n:,}",
        }
        for row in rows_of_kind(result, "attack")
    ]
    return [*fixed, *(_minimal_row(row) for row in result.minimal())]


def _minimal_row(row: MinimalRow) -> dict[str, str]:
    """Return size and f_0.5, each with the number of images behind it, or why there are none."""
    named = {"attack": f"minimal {row.norm}", "accuracy or median size": median_text(row)}
    if math.isnan(row.median.value):
        return named
    count = "" if math.isnan(row.half_power.value) else f", n = {row.half_power.n}"
    return named | {"n": f"{row.median.n:,}", "f_0.5 c/px": f"{half_power_text(row)}{count}"}


def _band_rows(result: EvaluateResult) -> list[dict[str, str]]:
    part = result.parts.get("bands")
    if part is None:
        return []
    return [
        {
            "band": row.band,
            "c/image": f"{row.centre:.3g}",
            "Shapley value": interval_text(row.shapley, 3),
            "first in": interval_text(row.first, 3),
            "last in": interval_text(row.last, 3),
        }
        for row in importance(part, result.image_size).rows
    ]


def _agreement_line(result: EvaluateResult) -> list[str]:
    agreement = result.agreement()
    if agreement is None:
        return []
    return [
        "",
        f"Fourier heat map against input gradient: rank correlation {interval_text(agreement.correlation, 2)} over "
        f"{agreement.num_frequencies:,} frequencies",
    ]
