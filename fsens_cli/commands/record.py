"""What is written down of a job: its name, its subject, what made it and what was really loaded."""

from collections.abc import Mapping

import torch

from fsens_cli.config.jobs import JobFields, TrainJob
from fsens_cli.data.catalog import own_name
from fsens_cli.data.images import ImageSet
from fsens_cli.errors import DataError
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.onnx_network import is_onnx
from fsens_cli.models.program_names import is_program
from fsens_cli.models.user_file import is_factory
from fsens_cli.models.weights import Weights
from fsens_cli.runs.folder import RunFolder
from fsens_cli.runs.provenance import git_commit, machine, versions
from fsens_cli.runs.subject import Subject

PACKAGED, USUAL = "packaged:", "standard"  # weights that come with fsens, and those of them that `auto` takes


def run_name(job: JobFields) -> str:
    """Return the part of a run's path that says what it is about; of files of one's own their name without folders.

    The packaged network that is taken anyway has no name of its own, and a training is not called after what it starts
    from.
    """
    is_file = any(kind(job.model.name) for kind in (is_factory, is_onnx, is_program))
    model = job.model.name.rpartition("/")[2] if is_file else job.model.name
    trained = job.weights.removeprefix(PACKAGED)
    is_usual = trained in (job.weights, USUAL) or isinstance(job, TrainJob)
    of_weights = [] if is_usual else [trained]
    parts = [model, *of_weights, own_name(job.data) or job.data.name, *([job.tag] if job.tag else [])]
    return "-".join(parts)


def subject_of(job: JobFields, weights: Weights) -> Subject:
    """Return what a job is about, as far as it is known before the images are loaded."""
    return Subject(
        model=job.model.name,
        weights=weights.label,
        data=job.data.name,
        data_title=job.data.title,
        training=str(weights.description.get("training", "")),
    )


def named_after(subject: Subject, images: ImageSet) -> Subject:
    """Return the subject with the title of the loaded images."""
    return Subject(
        model=subject.model,
        weights=subject.weights,
        data=subject.data,
        data_title=images.subject,
        training=subject.training,
    )


def provenance(job: JobFields, device: torch.device) -> dict[str, object]:
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


# What a run is continued with has to be what it was started with, under these names of its record.
INPUTS = {"data_fingerprint": "images", "weights_sha256": "weights", "weights_by_strength": "weights"}


def require_same(run: RunFolder, **found: object) -> None:
    """Raise DataError if a run is continued with other images or weights than its record names."""
    changed = [INPUTS[key] for key, value in found.items() if run.record.get(key) not in (None, value)]
    if changed:
        raise DataError(f"{run.path} was started with other {' and '.join(changed)} than now: start a new run.")


def record_own_code(run: RunFolder, code: Mapping[str, str]) -> None:
    """Write the SHA-256 of the user's own functions into the run's record.

    Raises:
        DataError: a run is continued with other code than it was started with.
    """
    before = run.record.get("own_code", dict(code))
    changed = [name for name in code if not isinstance(before, Mapping) or before.get(name) != code[name]]
    if changed:
        raise DataError(f"{run.path} was started with another {', '.join(changed)}: start a new run.")
    run.save(own_code=dict(code))


def record_inputs(run: RunFolder, weights: Weights, classifier: Classifier, images: ImageSet) -> None:
    """Write what was really loaded into the run's record.

    Raises:
        DataError: a run is continued with other images or weights than it was started with.
    """
    require_same(run, data_fingerprint=images.fingerprint(), weights_sha256=weights.sha256)
    run.save(
        weights=weights.label,
        weights_sha256=weights.sha256,
        weights_revision=weights.revision,
        data_title=images.title,
        data_fingerprint=images.fingerprint(),
        data_split=images.split,
        data_rules=list(images.rules),
        data_notes=list(images.notes),
        data_warnings=list(images.warnings),
        weights_file=str(weights.path or ""),
        weights_remarks=classifier.remarks,
        weights_warnings=classifier.warnings,
        normalization_source=classifier.normalization.source,
        normalization={"mean": classifier.mean.flatten().tolist(), "std": classifier.std.flatten().tolist()},
        image_shape=list(images.images_NCHW.shape[1:]),
        geometry=weights.description.get("geometry", {}),
    )
