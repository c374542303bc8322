"""The processor time of a training step, beside that of a standard one, from the settings of finished trainings."""

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from fsens_cli.config.compose import load_job
from fsens_cli.config.jobs import TrainJob
from fsens_cli.data.images import ImageSet
from fsens_cli.errors import ConfigError
from fsens_cli.experiments.companion import companion_of
from fsens_cli.experiments.optimization import build_optimizer
from fsens_cli.experiments.pair_set import NO_OTHER_IMAGES, PairBatch, prepare_pairs
from fsens_cli.experiments.training_step import prepare_images, take_step
from fsens_cli.models.build import build_classifier
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.checkpoint import read_metadata
from fsens_cli.models.weights import Weights
from fsens_cli.objectives.fourier_penalty import PreparedPenalty, prepare_penalty

BATCH, STEPS, ROUNDS = 64, 2, 3


def cost_ratios(trainings: Mapping[str, Path]) -> dict[str, float]:
    """Return the time of a step of each training beside that of ``standard``: the median over rounds of ratios.

    Trainings take turns, so that what else the machine does falls on all of them. Those whose settings this version
    cannot read have none: NaN.
    """
    steps, unread = {}, []
    for name, folder in trainings.items():
        try:
            steps[name] = _steps_of(folder)
        except ConfigError:
            unread.append(name)
    if "standard" not in steps:
        return dict.fromkeys(trainings, math.nan)
    for step, _ in steps.values():
        step()
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(ROUNDS):
        for name, (step, count) in steps.items():
            began = time.process_time()
            step()
            times[name].append((time.process_time() - began) / count)
    plain = np.array(times["standard"])
    ratios = {name: float(np.median(np.array(taken) / plain)) for name, taken in times.items()}
    return ratios | dict.fromkeys(unread, math.nan)


def _steps_of(folder: Path) -> tuple[Callable[[], None], int]:
    """Return a function that takes steps of a training on images of noise, and how many: a penalty's whole round."""
    job, _ = load_job(TrainJob, folder / "config.yaml")
    assert isinstance(job, TrainJob), "the verb decides the type"
    described = read_metadata(folder / "checkpoints" / "best.safetensors")
    shape, num_classes = described["image_shape"], described["num_classes"]
    assert isinstance(shape, list) and isinstance(num_classes, int), "checked above"  # noqa: PT018 one question
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (BATCH, *shape), dtype=torch.uint8, generator=generator)
    labels = torch.arange(BATCH) % num_classes
    images = ImageSet(
        images_NCHW=pixels,
        label_N=labels,
        index_N=torch.arange(BATCH),
        class_names=tuple(str(k) for k in range(num_classes)),
        title="noise",
        split="train",
    )
    augment = job.augment.resolved(mirror_keeps_class=True, title="noise")
    job.augment = augment
    classifier = build_classifier(
        job.model,
        Weights(label="random"),
        num_classes=num_classes,
        shape=ImageShape(*shape),
        seed=0,
        front_end=job.frontend,
    )
    classifier.to(memory_format=torch.channels_last).train()
    pairs = prepare_pairs(classifier, images, job, NO_OTHER_IMAGES) if job.regularizer.compares_pairs else None
    companion = companion_of(classifier, job, pairs.similarity if pairs is not None else None)
    optimizer = build_optimizer(job.optim, torch.nn.ModuleList([classifier, companion]))
    prepared = None
    if job.regularizer.is_on and pairs is None:
        prepared = prepare_penalty(job.regularizer, shape[1], shape[2], torch.device("cpu"))
    every = job.regularizer.every if job.regularizer.is_on else 1
    count = STEPS * every

    def steps() -> None:
        for number in range(count):
            due: PreparedPenalty | PairBatch | None = prepared if pairs is None else pairs.batch(number)
            if number % every:
                due = None
            batch = prepare_images(
                pixels, labels, torch.arange(BATCH), classifier, job, epoch=0, seed=0, generator=generator
            )
            take_step(classifier, optimizer, batch, labels, job, due, companion=companion)

    return steps, count
