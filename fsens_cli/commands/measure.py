"""``fsens measure``: which spatial frequencies does a model listen to?"""

from pathlib import Path
from typing import Any

from rich.markup import escape

from fsens_cli.commands.console import progress, warn
from fsens_cli.commands.inputs import check_before_loading, load_for
from fsens_cli.commands.networks import build_for, named_weights
from fsens_cli.commands.options import Flags
from fsens_cli.commands.outcome import Outcome
from fsens_cli.commands.record import named_after, provenance, record_inputs, run_name, subject_of
from fsens_cli.commands.wording import interval_text, percent_interval
from fsens_cli.config.jobs import JobFields, MeasureJob
from fsens_cli.data.images import ImageSet
from fsens_cli.experiments.measure import measure
from fsens_cli.experiments.sensitivity import MeasureConfig, MeasureResult
from fsens_cli.models.catalog import check_model_name
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.device import pick_device
from fsens_cli.runs.folder import RunFolder
from fsens_cli.runs.measure_files import published_for, write_measure
from fsens_cli.runs.provenance import peak_memory_mib


def measure_task(job: JobFields, config_yaml: str, flags: Flags) -> Outcome:
    """Do one measurement and write its run folder."""
    assert isinstance(job, MeasureJob), "the verb decides the type"
    device = pick_device(job.device)
    check_model_name(job.model.name)
    weights = named_weights(job, flags)
    check_before_loading(job, weights, job.split, bands_of=job)
    subject = subject_of(job, weights)
    published_for(job.plot.published, subject)
    with RunFolder.create(
        Path(job.out), "measure", run_name(job), config_yaml=config_yaml, record=provenance(job, device)
    ) as run:
        images = load_for(job, weights, job.split, flags, num_images=job.num_images, seed=job.seed)
        classifier = build_for(job, weights, images).to(device)
        record_inputs(run, weights, classifier, images)
        result = measure_images(classifier, images, job, flags)
        with run.reporting_disk_errors():
            results = write_measure(
                run.path, result, named_after(subject, images), job.plot, class_names=images.class_names
            )
        run.save(peak_memory_mib=round(peak_memory_mib(device), 1))
    warn_about(result)
    return Outcome(status="done", folder=run.path, results=results)


def measure_images(classifier: Classifier, images: ImageSet, config: MeasureConfig, flags: Flags) -> MeasureResult:
    """Measure with a progress bar."""
    device = next(classifier.buffers()).device
    with progress("measuring", len(images), flags) as advance:
        return measure(
            classifier,
            images.batches(config.batch_size, device),
            config,
            index_N=images.index_N,
            on_progress=advance,
        )


def warn_about(result: MeasureResult) -> None:
    """Warn of a model at chance level, of missing gradients and of a failed self-check."""
    chance = 1 / result.num_classes
    if result.accuracy.low <= chance:
        warn(
            f"accuracy {100 * result.accuracy.value:.1f} % is at chance level ({100 * chance:.1f} %): "
            "check weights, model.mean and model.std before reading anything into this."
        )
    if result.num_zero_gradient:
        warn(f"{result.num_zero_gradient} of {result.num_images} images have a zero gradient and count in no average.")
    error = result.self_check.relative_error
    if error is not None and error > 0.05:
        warn(
            f"the gradient predicts changes of the {result.config.target} with an error of {100 * error:.0f} %: "
            "the numbers are unreliable."
        )


def measure_lines(results: dict[str, Any]) -> list[str]:
    """Return the table of one measurement as lines of text."""
    bands = [
        f" {b['name']:<5}{b['radius_first']:>4}-{b['radius_last']:<4}{'':7}{interval_text(b['share'], 3)}"
        f"{'' if b['density'] is None else format(b['density'], '10.2f')}"
        for b in results["bands"]
    ]
    norm, peak = results["gradient_norm"], results["peak"]
    check = results["self_check"]
    error = check["relative_error"]
    checked = f"not run: {check['note']}" if error is None else f"first-order error {100 * error:.2g} %"
    zero = results["zero_gradient_images"]
    return [
        f"[bold]{escape(results['model'])}[/] ({escape(results['weights'])}) on [bold]{escape(results['data'])}[/], "
        f"{results['num_images']:,} images, accuracy {percent_interval(results['accuracy'])}",
        "",
        f"[bold]Fourier sensitivity[/]  {results['target']}, {results['space']} space, channels {results['channels']}, "
        f"{results['basis']} basis",
        "[dim] band   c/image     share   95 % interval    x white[/]",
        *bands,
        f"peak {peak['cycles_per_image']:.3g} c/image ({peak['cycles_per_pixel']:.2f} c/px), centroid "
        f"{interval_text(results['centroid_cycles_per_image'], 2)} c/image, "
        f"median gradient norm {norm['median']:.3g}",
        f"self-check: {checked}; {zero} image{'' if zero == 1 else 's'} with zero gradient",
    ]


def sweep_columns(results: dict[str, Any]) -> dict[str, str]:
    """Return the columns of a sweep's table for one measurement."""
    columns = {"accuracy": percent_interval(results["accuracy"])}
    columns |= {b["name"]: interval_text(b["share"], 3) for b in results["bands"]}
    columns["centroid c/image"] = f"{results['centroid_cycles_per_image']['value']:.2f}"
    return columns
