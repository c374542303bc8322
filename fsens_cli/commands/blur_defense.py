"""``fsens blur-defense``: what a filter in front of a network does to its robustness, with checks of the attacks."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from fsens_cli.commands.blur_defense_lines import defense_lines
from fsens_cli.commands.console import Advance, note, progress
from fsens_cli.commands.evaluate import corruption_source
from fsens_cli.commands.inputs import check_before_loading, load_for
from fsens_cli.commands.networks import build_for, fit_front_end, named_weights
from fsens_cli.commands.options import Flags
from fsens_cli.commands.record import (
    named_after,
    provenance,
    record_inputs,
    record_own_code,
    require_same,
    run_name,
)
from fsens_cli.commands.resuming import job_to_resume
from fsens_cli.commands.train import continue_training, train_task
from fsens_cli.config.compose import Request, flat_settings, job_yaml
from fsens_cli.config.jobs import DefenseJob, JobFields, TrainJob
from fsens_cli.data.images import ImageSet
from fsens_cli.errors import ConfigError
from fsens_cli.experiments.defense import DefenseRow, as_trained, defend, row_label, with_front_end
from fsens_cli.experiments.evaluate_hooks import own_code
from fsens_cli.home import expanded
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.device import pick_device
from fsens_cli.models.front_end import build_front_end
from fsens_cli.models.names import check_model_name
from fsens_cli.models.settings import FrontEndConfig
from fsens_cli.models.weights import Weights, packaged_names
from fsens_cli.runs.defense_files import VERB, write_defense
from fsens_cli.runs.evaluation_parts import RowFiles
from fsens_cli.runs.folder import SCHEMA, RunFolder
from fsens_cli.runs.index import RunEntry, list_runs
from fsens_cli.runs.provenance import peak_memory_mib
from fsens_cli.runs.subject import Subject

# What became of a training that can go on.
STOPPED = ("killed", "interrupted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """One network of ``mode=trained``: its weights and the strength of the filter that it was trained through."""

    strength: float
    weights: Weights


def defense_task(job: JobFields, config_yaml: str, flags: Flags) -> Path:
    """Do one blur defence and write its run folder."""
    assert isinstance(job, DefenseJob), "the verb decides the type"
    device = pick_device(job.device)
    check_model_name(job.model.name)
    _refuse_front_end(job)
    job = _settled(job)
    if job.mode == "test_time":
        check_before_loading(job, named_weights(job, flags), job.split)
    elif job.runs:
        _given(job)
    else:
        _require_plain(job, job.strengths())
    record = provenance(job, device) | {"config": flat_settings(config_yaml)}
    name = run_name(job)
    with RunFolder.create(Path(job.out), VERB, name, config_yaml=config_yaml, record=record, goes_on=True) as run:
        return _defend_in(run, job, device, flags)


def resume_defense(name: str, request: Request, flags: Flags) -> Path:
    """Continue the run called ``name`` with what it lacks, and return its folder."""
    path, job = job_to_resume(DefenseJob, name, request)
    job = _settled(job)
    note(f"continuing {path}", flags)
    with RunFolder.reopen(path) as run:
        return _defend_in(run, job, pick_device(job.device), flags)


def _settled(job: DefenseJob) -> DefenseJob:
    """Return the job with ``mode=auto`` decided by what else was asked for and what is packaged."""
    if job.mode != "auto":
        return job
    if job.runs or job.train.epochs:
        return dataclasses.replace(job, mode="trained")
    there = set(packaged_names(job.model.name, job.data.name))
    asked = job.weights != "auto" or job.sigmas or job.defense != "blur"
    if asked or not {"standard", "blur"} <= there:
        return dataclasses.replace(job, mode="test_time")
    return dataclasses.replace(job, mode="trained", runs=["packaged:standard", "packaged:blur"], controls=[0.5])


def _refuse_front_end(job: DefenseJob) -> None:
    if job.frontend.name != "none":
        raise ConfigError("blur-defense sets the filter itself: give defense=... and sigmas=[...] instead of frontend.")


def _defend_in(run: RunFolder, job: DefenseJob, device: torch.device, flags: Flags) -> Path:
    weights = Weights(label="trained") if job.mode == "trained" else named_weights(job, flags)
    networks = _given(job) if job.mode == "trained" and job.runs else []
    images = load_for(
        job,
        weights,
        job.split,
        flags,
        num_images=job.num_images,
        seed=job.seed,
        beside=[n.weights for n in networks],
    )
    require_same(run, data_fingerprint=images.fingerprint())
    record_own_code(run, own_code(job.suite))
    if job.mode == "trained":
        networks = networks or _train_all(job, flags)
        config = as_trained(job, [n.strength for n in networks])
        label = f"{len(networks)} trainings"
        classifiers = _trained_classifiers(run, job, networks, images, device, flags)
    else:
        config, label = job, weights.label
        classifiers = _filtered_classifiers(run, job, weights, images, device, flags)
    subject = Subject(model=job.model.name, weights=label, data=job.data.name, data_title=job.data.title)
    rows: list[DefenseRow] = []
    undefended: Classifier | None = None
    num_rows = len(config.strengths()) + len(config.controls)
    with progress("defending", 1, flags) as advance:
        for number, (strength, classifier, is_control) in enumerate(classifiers):
            row_name = row_label(config, strength, is_control=is_control)
            rows.append(
                defend(
                    classifier,
                    images,
                    config,
                    RowFiles(run, row_name.replace(" ", "-")),
                    strength=strength,
                    undefended=undefended,
                    is_control=is_control,
                    on_progress=_Bar(advance, row_name, number, num_rows),
                )
            )
            if strength == 0:
                undefended = classifier
    subject = named_after(subject, images)
    with run.reporting_disk_errors():
        write_defense(
            run.path,
            rows,
            config,
            subject,
            source=corruption_source(job),
            formats=job.plot.all_formats(),
            summary=defense_lines(rows, config, subject),
        )
    run.save(peak_memory_mib=round(peak_memory_mib(device), 1))
    return run.path


@dataclass(frozen=True, slots=True)
class _Bar:
    """Moves the bar through the parts of each row."""

    advance: Advance
    row: str
    number: int
    rows: int

    def __call__(self, name: str, done: int, total: int) -> None:
        """Show where the work is."""
        if total:
            self.advance(self.number * total + done, f"{self.row}: {name}", self.rows * total)
        else:
            self.advance(-1, f"{self.row}: {name}")


def _filtered_classifiers(
    run: RunFolder, job: DefenseJob, weights: Weights, images: ImageSet, device: torch.device, flags: Flags
) -> Iterator[tuple[float, Classifier, bool]]:
    """Yield one network behind each filter; no control among others."""
    network = build_for(job, weights, images, flags).to(device)
    if not isinstance(network.front_end, torch.nn.Identity):
        raise ConfigError(
            f"{weights.label} was trained through a filter of its own: take mode=trained with runs=[...], or weights "
            "without one."
        )
    record_inputs(run, weights, network, images)
    for strength in job.strengths():
        front_end = build_front_end(job.front_end(strength))
        fit_front_end(front_end, job, weights, images)
        yield strength, with_front_end(network, front_end), False


def _trained_classifiers(
    run: RunFolder, job: DefenseJob, networks: list[Trained], images: ImageSet, device: torch.device, flags: Flags
) -> Iterator[tuple[float, Classifier, bool]]:
    """Yield each network behind the filter that it was trained through, then the controls."""
    digests = {f"{n.strength:g}": n.weights.sha256 for n in networks}
    require_same(run, weights_by_strength=digests)
    run.save(
        data_title=images.title, data_fingerprint=images.fingerprint(), weights_by_strength=digests, weights="trained"
    )
    plain: Classifier | None = None
    for network in networks:
        classifier = build_for(job, network.weights, images, flags).to(device)
        yield network.strength, classifier, False
        plain = classifier if network.strength == 0 else plain
    for strength in job.controls:
        assert plain is not None, "checked before the run began"
        yield strength, with_front_end(plain, build_front_end(job.front_end(strength))), True


def _given(job: DefenseJob) -> list[Trained]:
    """Return the networks that ``runs`` names (runs, checkpoints, ``packaged:NAME``), weakest filter first.

    Raises:
        ConfigError: they differ in network, data or classes, or do not belong to ``defense``.
    """
    networks = []
    for name in job.runs:
        own = name.startswith(("packaged:", "run:")) or expanded(name).is_file()
        spec = name if own else f"run:{name}"
        weights = named_weights(dataclasses.replace(job, weights=spec))
        behind = FrontEndConfig(**weights.description.get("frontend", {}))
        if behind.name not in ("none", job.defense):
            raise ConfigError(f"runs: {name} was trained through {behind.label}, not through defense={job.defense}.")
        strength = 0.0 if behind.name == "none" else behind.components if behind.name == "pca" else behind.sigma
        networks.append(Trained(strength=float(strength), weights=weights))
    for key, words in (("data_title", "data"), ("class_names", "classes"), ("image_shape", "image shape")):
        found = {str(n.weights.description.get(key)) for n in networks}
        if len(found) > 1:
            raise ConfigError(f"runs differ in their {words} ({' and '.join(sorted(found))}): compare like with like.")
    strengths = [n.strength for n in networks]
    if len(set(strengths)) < len(strengths):
        raise ConfigError(f"runs have the strengths {strengths}: give one run a strength.")
    _require_plain(job, strengths)
    return sorted(networks, key=lambda n: n.strength)


def _require_plain(job: DefenseJob, strengths: Sequence[float]) -> None:
    if job.controls and 0 not in strengths:
        raise ConfigError("controls=[...] need a network that was trained without a filter among the runs or sigmas.")


def _train_all(job: DefenseJob, flags: Flags) -> list[Trained]:
    """Train one network a strength, or take the finished run that has the same settings."""
    networks = []
    for strength in job.strengths():
        front_end = job.front_end(strength)
        training = TrainJob(
            model=job.model,
            data=job.data,
            frontend=front_end,
            device=job.device,
            out=job.out,
            tag=front_end.label.replace(" ", ""),
            seed=job.seed,
            epochs=job.train.epochs,
            batch_size=job.train.batch_size,
            label_smoothing=job.train.label_smoothing,
            optim=job.train.optim,
        )
        config_yaml = job_yaml(training)
        same = _same_trainings(Path(job.out), config_yaml)
        finished, stopped = (
            next((run.path for run in same if run.status in wanted), None) for wanted in (["done"], STOPPED)
        )
        silent = dataclasses.replace(flags, quiet=True)
        if finished is not None:
            folder = finished
            note(f"{front_end.label}: {folder} has the same settings", flags)
        elif stopped is not None:
            note(f"training through {front_end.label}: {stopped} goes on", flags)
            folder = continue_training(stopped, training, silent)
        else:
            note(f"training through {front_end.label}", flags)
            folder = train_task(training, config_yaml, silent)
        weights = named_weights(dataclasses.replace(job, weights=f"run:{folder}"))
        networks.append(Trained(strength=strength, weights=weights))
    return networks


def _same_trainings(out: Path, config_yaml: str) -> list[RunEntry]:
    """Return the trainings with the same settings, the newest first."""
    same = {"schema": SCHEMA, "verb": "train", "config": flat_settings(config_yaml)}
    return [entry for entry in reversed(list_runs(out)) if same.items() <= entry.record.items()]
