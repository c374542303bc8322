"""The images that a job gets, and what can be refused before they are loaded."""

import dataclasses
import functools
from collections.abc import Sequence

import torch

from fsens_cli.commands.console import meter, note, warn
from fsens_cli.commands.options import Flags
from fsens_cli.config.jobs import JobFields
from fsens_cli.data.catalog import imagenet_hint, load_images, peek_classes, peek_size, place_of, takes_pictures
from fsens_cli.data.geometry import Geometry
from fsens_cli.data.images import ImageSet
from fsens_cli.data.official import root_of
from fsens_cli.data.settings import FetchedSettings
from fsens_cli.data.trained_on import TrainedImages
from fsens_cli.data.wanted import Wanted
from fsens_cli.errors import CheckpointError
from fsens_cli.experiments.measure_settings import MeasureConfig
from fsens_cli.fourier.bands import frequency_bands
from fsens_cli.fourier.bases import build_basis
from fsens_cli.home import shown
from fsens_cli.models.build import check_classes
from fsens_cli.models.weights import Weights
from fsens_cli.objectives.fourier_penalty import prepare_penalty
from fsens_cli.objectives.regularizers import RegularizerConfig
from fsens_cli.runs.training_images import read_training_images

IMAGENET_CLASSES = 1000


def native_geometry(job: JobFields, weights: Weights) -> Geometry | None:
    """Return how the weights' makers turned pictures into images; None for data that are no pictures."""
    stored = weights.description.get("geometry")
    return Geometry(**stored) if stored and takes_pictures(job.data) else None


def load_for(
    job: JobFields,
    weights: Weights,
    split: str,
    flags: Flags,
    *,
    num_images: int | None = None,
    seed: int = 0,
    beside: Sequence[Weights] = (),
    heard: Sequence[str] = (),
) -> ImageSet:
    """Return the job's images of a split as the weights need them, and say what is unusual about them.

    Args:
        num_images: at most this many, drawn from ``seed``.
        beside: further weights that are tried on the same images.
        heard: what was said before.
    """
    trained_on = _trained_on([weights, *beside])
    wanted = Wanted(
        num_images=num_images,
        seed=seed,
        native=native_geometry(job, weights),
        trained_on=trained_on,
        imagenet=weights.is_imagenet,
        meter=meter(flags),
    )
    images = load_images(job.data, split, wanted)
    seen = 0 if trained_on is None or images.split == "train" else trained_on.seen(images)
    if seen:
        warning = f"{seen:,} of {len(images):,} images were trained on by {weights.label}: these are no test images."
        images = dataclasses.replace(images, warnings=(*images.warnings, warning))
    for remark in images.notes:
        if remark not in heard:
            note(remark, flags)
    for warning in images.warnings:
        warn(warning)
    return images


def _trained_on(weights: Sequence[Weights]) -> TrainedImages | None:
    """Return what weights were trained on, as far as their run folders know it."""
    known = [t for t in (read_training_images(w.path) for w in weights) if t is not None]
    return functools.reduce(TrainedImages.together_with, known) if known else None


def also_missing(job: JobFields) -> str:
    """Return a sentence on the data where they are not on this disk either, so that one message says all."""
    if not isinstance(job.data, FetchedSettings) or place_of(job.data) is not None:
        return ""
    return f" {job.data.title} is not at data.root={shown(root_of(job.data))} either: give data.root=FOLDER."


def check_before_loading(
    job: JobFields,
    weights: Weights,
    split: str,
    *,
    bands_of: MeasureConfig | None = None,
    penalty: RegularizerConfig | None = None,
) -> None:
    """Refuse what cannot fit as far as it can be known without the images: classes, bands, a target spectrum.

    Raises:
        FsensError: says what does not fit.
    """
    num_classes = peek_classes(job.data, split, imagenet=weights.is_imagenet)
    if num_classes is not None:
        try:
            check_classes(weights, num_classes)
        except CheckpointError as error:
            hint = imagenet_hint(job.data, split) if weights.description.get("num_classes") == IMAGENET_CLASSES else ""
            raise CheckpointError(f"{error}{hint}") from error
    size = peek_size(job.data, split, native_geometry(job, weights))
    if size is None:
        return
    if bands_of is not None:
        frequency_bands(build_basis(bands_of.basis, *size).bins, bands_of.bands)
    if penalty is not None and penalty.is_on and not penalty.compares_pairs:
        prepare_penalty(penalty, *size, torch.device("cpu"))
