"""``fsens train``: train a network, then measure which frequencies it has learnt to listen to."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import torch
import typer

from fsens_cli.commands.console import note, progress, warn
from fsens_cli.commands.inputs import check_before_loading, load_for
from fsens_cli.commands.measure import measure_images, spectrum_lines
from fsens_cli.commands.networks import build_for, named_weights
from fsens_cli.commands.options import Flags
from fsens_cli.commands.pair_sources import check_pairs, pair_source_of
from fsens_cli.commands.processes import agreeing, met_processes, pick_own_device
from fsens_cli.commands.record import provenance, record_inputs, record_own_code, require_same, run_name
from fsens_cli.commands.resuming import job_to_resume
from fsens_cli.commands.signals import stopping_on_signals
from fsens_cli.commands.train_recorder import Listener, RunRecorder
from fsens_cli.commands.training_job import (
    check_network,
    describe,
    subject_of,
    training_name,
    with_augmentation,
    with_inherited,
    with_target,
)
from fsens_cli.commands.wording import percent_interval
from fsens_cli.config.compose import Request, flat_settings
from fsens_cli.config.jobs import JobFields, TrainJob
from fsens_cli.data.images import ImageSet
from fsens_cli.data.recordings import Recordings
from fsens_cli.data.trained_on import TrainedImages
from fsens_cli.errors import Interrupted
from fsens_cli.experiments.measure_result import MeasureResult
from fsens_cli.experiments.pair_set import NO_OTHER_IMAGES, PairSource
from fsens_cli.experiments.quantities import Findings
from fsens_cli.experiments.train import TrainResult, require_sharable, train
from fsens_cli.experiments.training_course import evaluate_accuracy
from fsens_cli.models.checkpoint import load_into, read_state_dict, sha256_of
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.names import check_model_name
from fsens_cli.models.weights import Weights, find_weights
from fsens_cli.objectives.own_regularizer import own_regularizer_code
from fsens_cli.parallel.meeting import leave
from fsens_cli.parallel.world import World
from fsens_cli.runs.checkpoints import (
    Checkpoint,
    load_checkpoint,
    restore_best,
)
from fsens_cli.runs.folder import RunFolder
from fsens_cli.runs.measure_files import require_published, write_measure
from fsens_cli.runs.provenance import peak_memory_mib
from fsens_cli.runs.subject import Subject
from fsens_cli.runs.trackers.choice import require_tracker, tracking
from fsens_cli.runs.trackers.tracker import Tracker
from fsens_cli.runs.train_files import write_train
from fsens_cli.runs.training_images import read_training_images
from fsens_cli.statistics.intervals import Interval, wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a training starts from.

    Attributes:
        weights: to begin with, or those of a checkpoint.
        device: of this process.
        world: the processes that train together.
        checkpoint: None for a new training.
        recordings: that representations are compared with, where such are named.
    """

    weights: Weights
    device: torch.device
    world: World
    checkpoint: Checkpoint | None = None
    recordings: Recordings | None = None


def train_task(job: JobFields, config_yaml: str, flags: Flags) -> Path:
    """Train, measure and write a new run folder, with the processes that torchrun started, if it did."""
    assert isinstance(job, TrainJob), "the verb decides the type"
    with met_processes() as world, agreeing(world) as ready:
        job = with_augmentation(with_target(job))
        start = _begun(job, world, flags)
        if not world.is_first:
            _step_along(job, start, flags, ready)
        record = _recorded(job, start) | {"config": flat_settings(config_yaml)}
        name = run_name(job)
        with RunFolder.create(
            Path(job.out), "train", name, config_yaml=config_yaml, record=record, goes_on=True
        ) as run:
            return _train_in(run, job, start, flags, ready)


def resume_training(name: str, request: Request, flags: Flags) -> Path:
    """Continue the training called ``name``, and return its folder."""
    path, job = job_to_resume(TrainJob, name, request)
    return continue_training(path, job, flags)


def continue_training(path: Path, job: TrainJob, flags: Flags) -> Path:
    """Continue an unfinished training in its own folder, with as many processes as there are now.

    One that stopped before its first checkpoint begins anew.
    """
    with met_processes() as world, agreeing(world) as ready:
        job = with_augmentation(with_target(job))
        if not world.is_first:
            _step_along(job, _continued(path, job, world, flags), flags, ready)
        with RunFolder.reopen(path) as run:
            start = _continued(path, job, world, flags)
            if start.checkpoint is None:
                note(f"{path} stopped before its first checkpoint: it begins anew", flags)
                run.save(**_recorded(job, start))
            else:
                state = start.checkpoint.state
                note(f"continuing {path} after epoch {state.epoch}, step {state.step}", flags)
                run.save(num_processes=world.size)
            return _train_in(run, job, start, flags, ready)


def _recorded(job: TrainJob, start: Start) -> dict[str, object]:
    """Return what is known of a training before its inputs are loaded."""
    known = {"training": training_name(job), "num_processes": start.world.size}
    return provenance(job, start.device) | known


def _begun(job: TrainJob, world: World, flags: Flags) -> Start:
    """Return what a new training starts from, once everything that needs no images is checked."""
    device = _device_of(job, world)
    check_model_name(job.model.name)
    weights = named_weights(job, flags)
    check_before_loading(job, weights, "train", bands_of=job.measure, penalty=job.regularizer)
    check_network(job, weights)
    recordings = check_pairs(job)
    require_published(job.plot.published)
    return Start(weights=weights, device=device, world=world, recordings=recordings)


def _continued(path: Path, job: TrainJob, world: World, flags: Flags) -> Start:
    """Return what a run in ``path`` goes on from."""
    checkpoint = load_checkpoint(path)
    if checkpoint is None:
        return _begun(job, world, flags)
    device = _device_of(job, world)
    if world.is_first:
        restore_best(path, checkpoint)
    # The checkpoint knows its normalisation and front end, wherever the training began.
    weights = find_weights(str(checkpoint.weights_file), model=job.model.name, data=job.data.name)
    return Start(weights=weights, device=device, world=world, checkpoint=checkpoint, recordings=check_pairs(job))


def _device_of(job: TrainJob, world: World) -> torch.device:
    """Return the device of this process, once the job is known to suit all of them."""
    device = pick_own_device(job.device, world)
    require_sharable(job, world.size)
    require_tracker(job.tracker)
    return device


def _train_in(run: RunFolder, job: TrainJob, start: Start, flags: Flags, ready: Callable[[], None]) -> Path:
    """Train and measure in the first or only process."""
    images = load_for(job, start.weights, "train", flags)
    test = load_for(job, start.weights, "test", flags, heard=images.notes)
    job, classifier = _built(job, start, images, flags)
    if start.checkpoint is None:
        record_inputs(run, start.weights, classifier, images)
    else:
        require_same(run, data_fingerprint=images.fingerprint())
    record_own_code(run, own_regularizer_code(job.regularizer))
    with tracking(job.tracker, run, warn) as tracker:
        ready()
        source = pair_source_of(job, start.recordings, classifier, images, test, flags)
        result = _fit(run, classifier, images, job, flags, start, tracker, source)
        leave()
        found = _write_results(run, classifier, test, job, result, images.class_names, flags)
        tracker.log(len(result.history), {q.key: q.value for q in found.quantities if q.value is not None})
    best = run.path / "checkpoints" / "best.safetensors"
    run.save(peak_memory_mib=round(peak_memory_mib(start.device), 1), trained_sha256=sha256_of(best))
    return run.path


def _write_results(
    run: RunFolder,
    classifier: Classifier,
    test: ImageSet,
    job: TrainJob,
    result: TrainResult,
    class_names: Sequence[str],
    flags: Flags,
) -> Findings:
    """Measure the best epoch's weights, write everything and return what they say."""
    best = run.path / "checkpoints" / "best.safetensors"
    load_into(classifier.module, read_state_dict(best), best)
    right = round(evaluate_accuracy(classifier, test, job.batch_size) * len(test))
    accuracy = wilson(right, len(test))
    measured = measure_images(classifier, test.sample(job.measure_images, job.measure.seed), job.measure, flags)
    subject = dataclasses.replace(subject_of(job), data_title=test.subject)
    lines = train_lines(result, measured, accuracy, subject)
    with run.reporting_disk_errors():
        numbers = write_measure(run.path, measured, subject, job.plot, summary=lines, class_names=class_names)
        return write_train(
            run.path,
            result,
            job,
            test_accuracy=accuracy,
            measured=numbers,
            training=training_name(job),
            formats=job.plot.all_formats(),
            summary=lines,
        )


def _step_along(job: TrainJob, start: Start, flags: Flags, ready: Callable[[], None]) -> NoReturn:
    """Take the steps of the training in a process beside the first one, which keeps and tells everything, and leave."""
    images = load_for(job, start.weights, "train", flags)
    job, classifier = _built(job, start, images, flags)
    ready()
    _steps(classifier, images, job, Listener(), start)
    raise typer.Exit


def _built(job: TrainJob, start: Start, images: ImageSet, flags: Flags) -> tuple[TrainJob, Classifier]:
    """Return the job with what the starting weights and the images decide, and its network."""
    job = with_inherited(job, start.weights, images)
    classifier = build_for(job, start.weights, images, flags).to(start.device)
    # What is stored with the trained weights is what the classifier really has.
    taken = classifier.normalization
    model = dataclasses.replace(job.model, mean=list(taken.mean), std=list(taken.std))
    return dataclasses.replace(job, model=model), classifier


def _fit(
    run: RunFolder,
    classifier: Classifier,
    images: ImageSet,
    job: TrainJob,
    flags: Flags,
    start: Start,
    tracker: Tracker,
    source: PairSource,
) -> TrainResult:
    """Train with a progress bar, keeping checkpoints in the run folder."""
    fitted = len(images) - round(job.val_fraction * len(images))
    total = job.epochs * max(1, fitted // job.batch_size)
    with progress("training steps", total, flags) as advance:
        try:
            before = read_training_images(start.weights.path)
            trained_on = TrainedImages.of(images).together_with(before)
            recorder = RunRecorder(run, describe(job, images), trained_on, advance, tracker, job.epochs, flags)
            return _steps(classifier, images, job, recorder, start, source)
        except Interrupted as stopped:
            raise Interrupted(f"{stopped}; continue with: fsens train --resume {run.path}") from None


def _steps(
    classifier: Classifier,
    images: ImageSet,
    job: TrainJob,
    recorder: RunRecorder | Listener,
    start: Start,
    source: PairSource = NO_OTHER_IMAGES,
) -> TrainResult:
    """Train; signals end it after the current step."""
    with stopping_on_signals(recorder.stop):
        return train(
            classifier,
            images,
            job,
            recorder,
            state=start.checkpoint.state if start.checkpoint else None,
            optimizer_state=start.checkpoint.optimizer_state if start.checkpoint else None,
            companion_state=start.checkpoint.companion_state if start.checkpoint else None,
            pair_source=source,
            world=start.world,
        )


def train_lines(result: TrainResult, measured: MeasureResult, accuracy: Interval, subject: Subject) -> list[str]:
    """Return the table of one training as lines of text."""
    epochs = len(result.history)
    return [
        f"{subject.model}, {subject.training} training on {subject.data_title.removesuffix(' test')}: "
        f"{epochs} epoch{'' if epochs == 1 else 's'}, {result.num_train:,} images, best epoch {result.best_epoch} by "
        f"{result.num_validation:,} validation images",
        f"test accuracy {percent_interval(accuracy)}, n = {accuracy.n:,}",
        "",
        *spectrum_lines(measured),
    ]
