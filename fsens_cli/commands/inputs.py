"""Which images does a job get, and what can be refused before they are loaded?"""

import torch

from fsens_cli.cache.places import shown
from fsens_cli.commands.console import meter
from fsens_cli.commands.options import Flags
from fsens_cli.config.jobs import JobFields
from fsens_cli.data.catalog import load_images, peek_classes, peek_size, place_of, takes_pictures
from fsens_cli.data.geometry import Geometry
from fsens_cli.data.images import ImageSet
from fsens_cli.data.official import root_of
from fsens_cli.data.settings import FetchedSettings, Wanted
from fsens_cli.experiments.sensitivity import MeasureConfig
from fsens_cli.fourier.bands import frequency_bands
from fsens_cli.fourier.bases import build_basis
from fsens_cli.models.build import check_classes
from fsens_cli.models.weights import Weights
from fsens_cli.objectives.fourier_penalty import RegularizerConfig, prepare_penalty


def native_geometry(job: JobFields, weights: Weights) -> Geometry | None:
    """Return how the weights' makers turned pictures into images; None for data that are no pictures."""
    stored = weights.description.get("geometry")
    return Geometry(**stored) if stored and takes_pictures(job.data) else None


def load_for(
    job: JobFields, weights: Weights, split: str, flags: Flags, *, num_images: int | None = None, seed: int = 0
) -> ImageSet:
    """Return the job's images of a split, at most ``num_images`` drawn from ``seed``, as the weights need them."""
    wanted = Wanted(
        num_images=num_images,
        seed=seed,
        native=native_geometry(job, weights),
        imagenet=weights.is_imagenet,
        meter=meter(flags),
    )
    return load_images(job.data, split, wanted)


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
        check_classes(weights, num_classes)
    size = peek_size(job.data, split, native_geometry(job, weights))
    if size is None:
        return
    if bands_of is not None:
        frequency_bands(build_basis(bands_of.basis, *size).bins, bands_of.bands)
    if penalty is not None and penalty.is_on:
        prepare_penalty(penalty, *size, torch.device("cpu"))
