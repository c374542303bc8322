"""A training job: its name, its description, and the parts filled in from files and data."""

import dataclasses

import torch

from fsens_cli.config.jobs import TrainJob
from fsens_cli.data.catalog import channels_of, mirror_keeps_class, peek_size
from fsens_cli.data.images import ImageSet, channel_statistics
from fsens_cli.experiments.train import require_fitting_activations
from fsens_cli.guest.hooks import short_name
from fsens_cli.models.build import kwargs_with_stored
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.construct import build_network
from fsens_cli.models.description import Description
from fsens_cli.models.names import is_of_a_library
from fsens_cli.models.settings import FrontEndConfig
from fsens_cli.models.weights import Weights
from fsens_cli.objectives.similarity import default_taps, require_taps
from fsens_cli.runs.spectrum_csv import read_target
from fsens_cli.runs.subject import Subject


def training_name(job: TrainJob) -> str:
    """Return what distinguishes the training: ``standard``, ``lsf``, ``adversarial-linf+blur``, ..."""
    parts = []
    if job.regularizer.is_on:
        parts.append(regularizer_name(job))
    if job.adversary.norm != "none":
        parts.append(f"{'trades' if job.adversary.is_trades else 'adversarial'}-{job.adversary.norm}")
    if job.augment.policy != "none":
        parts.append(job.augment.policy)
    if job.noise_sd > 0:
        parts.append("noise")
    if job.frontend.name != "none":
        parts.append(job.frontend.name)
    return "+".join(parts) or "standard"


def regularizer_name(job: TrainJob) -> str:
    """Return the regularizer's name, with its target and control where it compares pairs: ``similarity-gabor``."""
    settings = job.regularizer
    if not settings.compares_pairs:
        return short_name(settings.name)
    control = "" if settings.control == "none" else f"-{settings.control}"
    off = "" if settings.weight > 0 else "-off"
    return f"{settings.name}-{settings.towards}{control}{off}"


def subject_of(job: TrainJob) -> Subject:
    """Return what the measurement after the training is about."""
    training = training_name(job)
    return Subject(
        model=job.model.name,
        weights=f"{training} training",
        data=job.data.name,
        data_title=job.data.title,
        training=training,
    )


def describe(job: TrainJob, images: ImageSet) -> Description:
    """Return what is stored with the weights: enough to build the same classifier again."""
    network, behind = job.model, job.frontend
    return {
        "model": {"name": network.name, "kwargs": network.kwargs, "mean": network.mean, "std": network.std},
        "frontend": {"name": behind.name, "sigma": behind.sigma, "components": behind.components},
        "data": job.data.name,
        "data_title": images.title,
        "class_names": list(images.class_names),
        "num_classes": images.num_classes,
        "image_shape": list(images.images_NCHW.shape[1:]),
        "training": training_name(job),
        "seed": job.seed,
        "epochs": job.epochs,
    }


def with_target(job: TrainJob) -> TrainJob:
    """Read the target spectrum of the regularizer, where one is named."""
    if job.regularizer.name != "target" or not job.regularizer.file:
        return job
    regularizer = dataclasses.replace(job.regularizer, target=read_target(job.regularizer.file))
    return dataclasses.replace(job, regularizer=regularizer)


def with_augmentation(job: TrainJob) -> TrainJob:
    """Decide which flips suit the data."""
    job.augment.require_channels(channels_of(job.data), job.data.title or "the data")
    augment = job.augment.resolved(mirror_keeps_class=mirror_keeps_class(job.data), title=job.data.title or "the data")
    return dataclasses.replace(job, augment=augment)


def check_network(job: TrainJob, weights: Weights) -> None:
    """Refuse, before images are loaded, a named network that does not suit the regularizer: activations, layers.

    Raises:
        ModelError: says what to take instead.
    """
    size = peek_size(job.data, "train")
    asked = job.regularizer.needs_smooth or job.regularizer.compares_pairs
    if not asked or not is_of_a_library(job.model.name) or size is None:
        return
    named = dataclasses.replace(job.model, kwargs=kwargs_with_stored(job.model, weights))
    with torch.device("meta"):  # a shape without numbers: which activations are called does not depend on any
        network = build_network(named, num_classes=10, shape=ImageShape(3, *size), seed=0)
    if job.regularizer.compares_pairs:
        require_taps(job.regularizer.taps or default_taps(network), dict(network.named_modules()))
    else:
        require_fitting_activations(network, job, (1, 3, *size))


def with_inherited(job: TrainJob, weights: Weights, images: ImageSet) -> TrainJob:
    """Take over what the starting weights were trained with, where the job says nothing else.

    That is constructor arguments and front end, and without starting weights the normalisation of the training images.
    """
    mean, std = job.model.mean, job.model.std
    if not mean and weights.path is None:
        mean, std = (list(values) for values in channel_statistics(images.images_NCHW))
    model = dataclasses.replace(job.model, mean=mean, std=std, kwargs=kwargs_with_stored(job.model, weights))
    behind = weights.description.get("frontend", {})
    frontend = job.frontend if job.frontend.name != "none" else FrontEndConfig(**behind)
    return dataclasses.replace(job, model=model, frontend=frontend)
