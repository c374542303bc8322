"""``fsens evaluate``: how robust is a model, to what?"""

from pathlib import Path
from typing import Any

import torch
from rich.markup import escape

from fsens_cli.commands.console import note, progress, warn
from fsens_cli.commands.inputs import check_before_loading, load_for
from fsens_cli.commands.jobs import print_single
from fsens_cli.commands.networks import build_for, named_weights
from fsens_cli.commands.options import Flags
from fsens_cli.commands.outcome import Outcome
from fsens_cli.commands.record import named_after, provenance, record_inputs, run_name, subject_of
from fsens_cli.commands.resuming import job_to_resume
from fsens_cli.commands.wording import aligned, percent_interval
from fsens_cli.config.compose import Request, flat_settings
from fsens_cli.config.jobs import DefenseJob, EvaluateJob, JobFields
from fsens_cli.errors import DataError
from fsens_cli.experiments.evaluate import evaluate
from fsens_cli.experiments.evaluation import EvaluateResult
from fsens_cli.models.catalog import check_model_name
from fsens_cli.models.device import pick_device
from fsens_cli.models.weights import Weights
from fsens_cli.runs.evaluate_files import VERB, write_evaluate
from fsens_cli.runs.evaluate_summary import GROUP_NAMES, eps_text, half_power_text, median_text, rank_text
from fsens_cli.runs.evaluation_parts import PartFiles
from fsens_cli.runs.folder import RunFolder
from fsens_cli.runs.provenance import peak_memory_mib


def evaluate_task(job: JobFields, config_yaml: str, flags: Flags) -> Outcome:
    """Do one evaluation and write its run folder."""
    assert isinstance(job, EvaluateJob), "the verb decides the type"
    device = pick_device(job.device)
    check_model_name(job.model.name)
    weights = named_weights(job, flags)
    check_before_loading(job, weights, job.split)
    record = provenance(job, device) | {"config": flat_settings(config_yaml)}
    with RunFolder.create(Path(job.out), VERB, run_name(job), config_yaml=config_yaml, record=record) as run:
        return _evaluate_in(run, job, weights, device, flags)


def _evaluate_in(run: RunFolder, job: EvaluateJob, weights: Weights, device: torch.device, flags: Flags) -> Outcome:
    images = load_for(job, weights, job.split, flags, num_images=job.num_images, seed=job.seed)
    classifier = build_for(job, weights, images).to(device)
    before = {key: run.record.get(key) for key in ("data_fingerprint", "weights_sha256")}
    record_inputs(run, weights, classifier, images)
    changed = [key for key, value in before.items() if value is not None and value != run.record[key]]
    if changed:
        raise DataError(f"{run.path} was started with another {' and '.join(changed)}: start a new run.")
    subject = subject_of(job, weights)
    with progress("evaluating", 1, flags) as advance:

        def on_progress(name: str, done: int, total: int) -> None:
            advance(done, name, total)

        result = evaluate(classifier, images, job, recorder=PartFiles(run), on_progress=on_progress)
    with run.reporting_disk_errors():
        results = write_evaluate(
            run.path,
            result,
            named_after(subject, images),
            suite=job.suite.name,
            source=corruption_source(job),
            formats=job.plot.all_formats(),
        )
    run.save(peak_memory_mib=round(peak_memory_mib(device), 1))
    warn_about(result)
    return Outcome(status="done", folder=run.path, results=results)


def corruption_source(job: EvaluateJob | DefenseJob) -> str:
    """Return in words where corrupted images come from."""
    if job.corruption.root:
        return f"read from {Path(job.corruption.root).name}"
    frost = "official frost pictures" if job.corruption.frost_root else "drawn frost"
    return f"made here, constants {job.corruption.table}, {frost}"


def warn_about(result: EvaluateResult) -> None:
    """Warn of a model at chance level, and of all that makes numbers doubtful."""
    chance = 1 / result.num_classes
    if result.accuracy.low <= chance:
        warn(
            f"accuracy {100 * result.accuracy.value:.1f} % is at chance level ({100 * chance:.1f} %): "
            "check weights, model.mean and model.std before reading anything into this."
        )
    for message in result.warnings:
        warn(message)


def resume_evaluation(name: str, request: Request, flags: Flags) -> None:
    """Continue the run called ``name`` with the parts that it lacks, and print what a finished one prints."""
    path, job = job_to_resume("evaluate", EvaluateJob, name, request)
    kept = len(list((path / "parts").glob("*.npz")))
    note(f"continuing {path}: {kept} parts are there", flags)
    with RunFolder.reopen(path) as run:
        outcome = _evaluate_in(run, job, named_weights(job, flags), pick_device(job.device), flags)
    print_single(outcome, flags, evaluate_lines)


def evaluate_lines(results: dict[str, Any]) -> list[str]:
    """Return the main numbers of one evaluation as lines of text."""
    return [
        f"[bold]{escape(results['model'])}[/] ({escape(results['weights'])}) on [bold]{escape(results['data'])}[/], "
        f"{results['num_images']:,} images, accuracy {percent_interval(results['accuracy'])}",
        *_section("Common corruptions", _corruption_rows(results)),
        *_prediction_line(results),
        *_section("Band-limited and shuffled images, noise", _worst_rows(results)),
        *_section("Adversarial perturbations", _attack_rows(results)),
        *_agreement_line(results),
    ]


def _section(title: str, rows: list[dict[str, str]]) -> list[str]:
    return ["", f"[bold]{title}[/]", *(f" {line}" for line in aligned(rows))] if rows else []


def _corruption_rows(results: dict[str, Any]) -> list[dict[str, str]]:
    return [
        {
            "group": GROUP_NAMES[row["name"]],
            "corruptions": str(len(row["corruptions"])),
            "accuracy": percent_interval(row["accuracy"]),
            "below clean": percent_interval(row["drop"]),
        }
        for row in results["corruption_groups"]
    ]


def _prediction_line(results: dict[str, Any]) -> list[str]:
    predicted = results.get("corruption_prediction")  # a run of an older version has none
    if predicted is None:
        return []
    spectra, sizes = (escape(rank_text(predicted[name])) for name in ("spearman", "spearman_flat"))
    return [f" order of the corruptions, predicted from spectra: rank correlation {spectra}; from sizes alone: {sizes}"]


def _worst_rows(results: dict[str, Any]) -> list[dict[str, str]]:
    """Return the strongest change of each kind; low-pass and high-pass at a middle cutoff say the most."""
    rows = []
    by_probe: dict[str, list[dict[str, Any]]] = {}
    for row in results["conditions"]:
        if row["kind"] in ("filter", "shuffle", "noise") and row["probe"] != "band-pass":
            by_probe.setdefault(row["probe"], []).append(row)
    for probe, group in by_probe.items():
        row = group[len(group) // 2] if group[0]["kind"] == "filter" else group[-1]
        rows.append(
            {"probe": probe, "at": f"{row['parameter']:g} {row['unit']}", "accuracy": percent_interval(row["accuracy"])}
        )
    return rows


def _attack_rows(results: dict[str, Any]) -> list[dict[str, str]]:
    fixed = [
        {
            "attack": row["probe"],
            "norm": row["group"],
            "budget": eps_text(row["parameter"], row["group"]),
            "accuracy": f"{percent_interval(row['accuracy'])}, n = {row['accuracy']['n']}",
        }
        for row in results["conditions"]
        if row["kind"] == "attack"
    ]
    minimal = [
        {
            "attack": "minimal",
            "norm": row["name"],
            "budget": "",
            "accuracy": f"median size {median_text(row)}, f_0.5 {half_power_text(row)} c/px",
        }
        for row in results["minimal"]
    ]
    return [*fixed, *minimal]


def _agreement_line(results: dict[str, Any]) -> list[str]:
    agreement = results["heat_map_agreement"]
    if agreement is None:
        return []
    spearman = agreement["spearman"]
    return [
        "",
        f"Fourier heat map against input gradient: rank correlation {spearman['value']:.2f} "
        rf"\[{spearman['low']:.2f}, {spearman['high']:.2f}] over {agreement['num_frequencies']:,} frequencies",
    ]


def sweep_columns(results: dict[str, Any]) -> dict[str, str]:
    """Return the columns of a sweep's table for one evaluation."""
    columns = {"accuracy": percent_interval(results["accuracy"])}
    columns |= {f"corruptions {row['name']}": percent_interval(row["accuracy"]) for row in results["corruption_groups"]}
    columns |= {f"median {row['name']}": median_text(row) for row in results["minimal"]}
    return columns
