"""Training a classifier: one plain loop that can be stopped after any step and continued exactly.

Every random number is a function of (seed, epoch, step), so a checkpoint needs no generator state: an interrupted
and resumed training takes the same steps as an uninterrupted one. Several processes can share every batch (``World``):
the steps are those of one process up to the order in which sums are added.

Shape letters: N images, C channels, H, W pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fsens_cli.data.images import ImageSet, split_off
from fsens_cli.errors import require
from fsens_cli.experiments.companion import Companion, companion_of, restore_companion
from fsens_cli.experiments.optimization import build_optimizer, restore_optimizer
from fsens_cli.experiments.pair_set import NO_OTHER_IMAGES, PairSet, PairSource, prepare_pairs
from fsens_cli.experiments.train_settings import TrainConfig
from fsens_cli.experiments.train_state import TrainState, require_within
from fsens_cli.experiments.training_course import Course, Recorder
from fsens_cli.models.classifier import Classifier, device_of, held_still
from fsens_cli.objectives.fourier_penalty import PreparedPenalty, prepare_penalty
from fsens_cli.objectives.smoothness import Activations
from fsens_cli.parallel.world import ALONE, World
from fsens_cli.statistics.intervals import Interval, wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """A finished training: its history and the validation accuracy of its best epoch."""

    config: TrainConfig
    history: tuple[dict[str, float], ...]
    best_epoch: int
    best_validation: Interval
    num_train: int
    num_validation: int


def require_sharable(config: TrainConfig, num_processes: int) -> None:
    """Raise ConfigError unless that many processes can take the training's steps together."""
    if num_processes == 1:
        return
    require(
        not config.regularizer.compares_pairs,
        f"regularizer={config.regularizer.name} is for a single process: leave it out with {num_processes}.",
    )
    require(
        config.batch_size % num_processes == 0,
        f"batch_size={config.batch_size} is the batch of all processes together, and {num_processes} processes cannot "
        f"share it evenly: give a multiple of {num_processes}.",
    )
    if config.regularizer.is_on:
        count = config.regularizer.images_of(config.batch_size)
        require(
            count >= num_processes,
            f"regularizer.fraction={config.regularizer.fraction} penalises {count} images a step, too few for "
            f"{num_processes} processes: give at least {num_processes / config.batch_size:.3g}.",
        )
    require(not config.compile, f"compile=true is for a single process: leave it out with {num_processes}.")


def require_fitting_activations(network: nn.Module, config: TrainConfig, shape: Sequence[int]) -> None:
    """Raise ModelError where the regularizer needs a smooth activation and the network has none.

    Args:
        shape: of a batch of its images, (N, C, H, W).
    """
    if not config.regularizer.needs_smooth:
        return
    image = torch.full((1, *shape[1:]), 0.5, device=device_of(network))
    with held_still(network), torch.no_grad(), Activations() as seen:
        network(image)
    seen.require_smooth()


def _parted(images: ImageSet, config: TrainConfig) -> tuple[ImageSet, ImageSet]:
    """Return the images to fit and those to validate on, both enough."""
    kept, held = split_off(images.label_N, config.val_fraction, config.seed)
    require(len(kept) >= config.batch_size, f"batch_size={config.batch_size} exceeds the {len(kept)} training images.")
    require(len(held) >= 1, f"val_fraction={config.val_fraction} of {len(images)} images keeps none for validation.")
    return images.select(kept), images.select(held)


def train(
    classifier: Classifier,
    images: ImageSet,
    config: TrainConfig,
    recorder: Recorder,
    *,
    state: TrainState | None = None,
    optimizer_state: dict[str, Tensor] | None = None,
    companion_state: dict[str, Tensor] | None = None,
    pair_source: PairSource = NO_OTHER_IMAGES,
    world: World = ALONE,
) -> TrainResult:
    """Train the classifier in place on the device it lies on.

    Args:
        images: training images; a stratified part of them becomes the validation set.
        recorder: hears of progress and keeps checkpoints.
        state, optimizer_state, companion_state: from a checkpoint, to continue; the classifier then holds that
            checkpoint's weights.
        pair_source: of what a regularizer of pairs needs beside the training images.
        world: the processes that share the batches; all of them call this with the same images and settings.

    Raises:
        Interrupted: the recorder asked to stop, that of any process.
        ModelError: the loss became non-finite.
        CheckpointError: ``state`` or ``optimizer_state`` belongs to another training.
        ConfigError: too few images for one batch, no validation image, or a batch that the processes cannot share.
    """
    require_sharable(config, world.size)
    fit, validation = _parted(images, config)
    pixels, labels = (part.to(device_of(classifier)) for part in (fit.images_NCHW, fit.label_N))
    pairs = prepare_pairs(classifier, fit, config, pair_source) if config.regularizer.compares_pairs else None
    prepared = _prepared(config, pixels)
    require_fitting_activations(classifier, config, pixels.shape)
    config.augment.require_channels(pixels.shape[1], images.title)
    state = state or TrainState()
    require_within(state, config.epochs, len(fit) // config.batch_size)
    companion = _companion(classifier, config, pairs, companion_state)
    world.level(classifier)
    world.level(companion)
    classifier.to(memory_format=_memory_format(classifier))
    optimizer = build_optimizer(config.optim, nn.ModuleList([classifier, companion]))
    if optimizer_state is not None:
        restore_optimizer(optimizer, optimizer_state, began=state.epoch + state.step > 0)
    if config.compile:
        classifier.compile()
    course = Course(classifier, optimizer, companion, config, recorder, world, pixels, labels, prepared, pairs)
    with torch.random.fork_rng(devices=[pixels.device] if pixels.is_cuda else []):
        while state.epoch < config.epochs:
            course.run_epoch(state, validation)
    return TrainResult(
        config=config,
        history=tuple(state.history),
        best_epoch=state.best_epoch,
        best_validation=wilson(round(state.best_accuracy * len(validation)), len(validation)),
        num_train=len(fit),
        num_validation=len(validation),
    )


def _companion(
    classifier: Classifier, config: TrainConfig, pairs: PairSet | None, stored: dict[str, Tensor] | None
) -> Companion:
    """Return what is trained beside the classifier, as it was stored."""
    companion = companion_of(classifier, config, pairs.similarity if pairs is not None else None)
    if stored is not None:
        restore_companion(companion, stored)
    return companion


def _prepared(config: TrainConfig, pixels_NCHW: Tensor) -> PreparedPenalty | None:
    """Return the penalty of the sensitivity, where the regularizer is one."""
    if config.regularizer.compares_pairs or not config.regularizer.is_on:
        return None
    return prepare_penalty(config.regularizer, pixels_NCHW.shape[-2], pixels_NCHW.shape[-1], pixels_NCHW.device)


def _memory_format(classifier: Classifier) -> torch.memory_format:
    """Return channels last, which trains nearly twice as fast on a CPU, where it is safe.

    A strided 1x1 convolution with fewer than 8 channels in this layout writes outside its memory (torch 2.15, CPU).
    """
    widths = [m.out_channels for m in classifier.modules() if isinstance(m, torch.nn.Conv2d)]
    return torch.channels_last if all(w % 8 == 0 for w in widths) else torch.contiguous_format
