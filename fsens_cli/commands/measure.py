"""``fsens measure``: which spatial frequencies does a model listen to?"""

from pathlib import Path
from typing import Any

import torch
from rich.markup import escape
from torch import nn

from fsens_cli.commands.console import meter, progress, warn
from fsens_cli.commands.inputs import also_missing, check_before_loading, load_for
from fsens_cli.commands.jobs import Outcome
from fsens_cli.commands.options import Flags
from fsens_cli.commands.wording import interval_text, percent_interval
from fsens_cli.config.jobs import JobFields, MeasureJob
from fsens_cli.data.catalog import may_be_imagenet
from fsens_cli.data.images import ImageSet
from fsens_cli.errors import CheckpointError, FetchError
from fsens_cli.experiments.measure import measure
from fsens_cli.experiments.sensitivity import MeasureConfig, MeasureResult
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape, check_model_name
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.device import pick_device
from fsens_cli.models.factory import is_factory
from fsens_cli.models.front_end import PrincipalComponents
from fsens_cli.models.weights import Weights, find_weights
from fsens_cli.runs.folder import RunFolder
from fsens_cli.runs.index import best_weights, find_run
from fsens_cli.runs.measure_files import Subject, published_for, write_measure
from fsens_cli.runs.provenance import git_commit, machine, peak_memory_mib, versions


def measure_task(job: JobFields, config_yaml: str, flags: Flags) -> Outcome:
    """Do one measurement and write its run folder."""
    assert isinstance(job, MeasureJob), "the verb decides the type"
    device = pick_device(job.device)
    check_model_name(job.model.name)
    weights = named_weights(job, flags)
    check_before_loading(job, weights, job.split, bands_of=job)
    subject = Subject(
        model=job.model.name,
        weights=weights.label,
        data=job.data.name,
        data_title=job.data.title,
        training=str(weights.description.get("training", "")),
    )
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


def named_weights(job: JobFields, flags: Flags | None = None) -> Weights:
    """Return the weights that the job names, fetched where needed; ``run:RUN`` is looked up among the run folders."""
    flags = flags or Flags(quiet=True)
    spec = job.weights
    if spec.startswith("run:"):
        spec = str(best_weights(find_run(spec.removeprefix("run:"), Path(job.out), verb="train")))
    try:
        return find_weights(
            spec, model=job.model.name, data=job.data.name, imagenet=may_be_imagenet(job.data), meter=meter(flags)
        )
    except CheckpointError as error:
        if isinstance(error.__cause__, FetchError):
            raise CheckpointError(f"{error}{also_missing(job)}") from error
        raise


def run_name(job: JobFields) -> str:
    """Return the part of a run's path that says what it is about; of a file of one's own its name without folders."""
    model = job.model.name.rpartition("/")[2] if is_factory(job.model.name) else job.model.name
    parts = [model, job.data.name, *([job.tag] if job.tag else [])]
    return "-".join(parts)


def provenance(job: JobFields, device: torch.device) -> dict[str, Any]:
    """Return what is known of a job before its inputs are loaded."""
    return {
        "model": job.model.name,
        "weights": job.weights,
        "data": job.data.name,
        "tag": job.tag,
        "seed": getattr(job, "seed", 0),
        "git_commit": git_commit(),
        "versions": versions(),
        "machine": machine(device),
    }


def build_for(job: JobFields, weights: Weights, images: ImageSet) -> Classifier:
    """Build the job's classifier for the images."""
    shape = ImageShape(*images.images_NCHW.shape[1:])
    seed = int(getattr(job, "seed", 0))
    classifier = build_classifier(
        job.model,
        weights,
        num_classes=images.num_classes,
        shape=shape,
        seed=seed,
        front_end=job.frontend,
        data=job.data.name,
    )
    fit_front_end(classifier.front_end, job, weights, images)
    return classifier


def fit_front_end(front_end: nn.Module | None, job: JobFields, weights: Weights, images: ImageSet) -> None:
    """Find the principal components of the training images, where the filter in front is made of these."""
    if isinstance(front_end, PrincipalComponents):
        train = images if images.split == "train" else load_for(job, weights, "train", Flags(quiet=True))
        front_end.fit(train.images_NCHW)


def record_inputs(run: RunFolder, weights: Weights, classifier: Classifier, images: ImageSet) -> None:
    """Write what was really loaded into the run's record."""
    run.save(
        weights=weights.label,
        weights_sha256=weights.sha256,
        data_title=images.title,
        data_fingerprint=images.fingerprint(),
        weights_file=str(weights.path or ""),
        normalization={"mean": classifier.mean.flatten().tolist(), "std": classifier.std.flatten().tolist()},
        image_shape=list(images.images_NCHW.shape[1:]),
        geometry=weights.description.get("geometry", {}),
    )


def named_after(subject: Subject, images: ImageSet) -> Subject:
    """Return the subject with the title of the loaded images."""
    title = f"{images.title} {images.split}"
    return Subject(
        model=subject.model,
        weights=subject.weights,
        data=subject.data,
        data_title=title,
        training=subject.training,
    )


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
