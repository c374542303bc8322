"""What every verb does that asks one network about images of one split: check, load, build, record."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from fsens_cli.commands.inputs import check_before_loading, load_for
from fsens_cli.commands.networks import build_for, named_weights
from fsens_cli.commands.options import Flags
from fsens_cli.commands.record import named_after, provenance, record_inputs, run_name, subject_of
from fsens_cli.config.jobs import ImagesFields
from fsens_cli.data.images import ImageSet
from fsens_cli.experiments.measure_settings import MeasureConfig
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.device import pick_device
from fsens_cli.models.names import check_model_name
from fsens_cli.runs.folder import RunFolder
from fsens_cli.runs.provenance import peak_memory_mib
from fsens_cli.runs.subject import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One network, on its device, before the images that it is asked about.

    Attributes:
        run: where the answer goes.
        subject: how the answer is called.
    """

    run: RunFolder
    classifier: Classifier
    images: ImageSet
    subject: Subject
    device: torch.device


@contextmanager
def probing(
    job: ImagesFields, verb: str, config_yaml: str, flags: Flags, *, bands_of: MeasureConfig | None = None
) -> Iterator[Probe]:
    """Give the body what ``job`` names, in a run folder of its own; the way the body ends is the run's status.

    Args:
        bands_of: bands that have to fit the images, where that can be known before these are loaded.
    """
    device = pick_device(job.device)
    check_model_name(job.model.name)
    weights = named_weights(job, flags)
    check_before_loading(job, weights, job.split, bands_of=bands_of)
    record = provenance(job, device)
    with RunFolder.create(Path(job.out), verb, run_name(job), config_yaml=config_yaml, record=record) as run:
        images = load_for(job, weights, job.split, flags, num_images=job.num_images, seed=job.seed)
        classifier = build_for(job, weights, images, flags).to(device)
        record_inputs(run, weights, classifier, images)
        subject = named_after(subject_of(job, weights), images)
        yield Probe(run=run, classifier=classifier, images=images, subject=subject, device=device)
        run.save(peak_memory_mib=round(peak_memory_mib(device), 1))
