"""Training a classifier: one plain loop that can be stopped after any step and continued exactly.

Every random number is a function of (seed, epoch, step), so a checkpoint needs no generator state: an interrupted
and resumed training takes the same steps as an uninterrupted one. Several processes can share every batch (``World``):
the steps are those of one process up to the order in which sums are added.

Shape letters: N images, C channels, H, W pixels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from fsens_cli.data.images import ImageSet, split_off
from fsens_cli.errors import Interrupted, require
from fsens_cli.experiments.companion import Companion, companion_of, restore_companion
from fsens_cli.experiments.measure import measure
from fsens_cli.experiments.measure_settings import MeasureConfig
from fsens_cli.experiments.optimization import build_optimizer, learning_rate, restore_optimizer, set_learning_rate
from fsens_cli.experiments.pair_set import NO_OTHER_IMAGES, PairBatch, PairSet, PairSource, prepare_pairs
from fsens_cli.experiments.random_streams import seeded
from fsens_cli.experiments.train_settings import TrainConfig
from fsens_cli.experiments.train_state import TrainState, add_up, require_finite, require_within
from fsens_cli.experiments.training_step import prepare_images, take_step
from fsens_cli.models.classifier import Classifier, device_of, held_still
from fsens_cli.models.front_end import reseed_front_end
from fsens_cli.objectives.fourier_penalty import PreparedPenalty, prepare_penalty
from fsens_cli.objectives.smoothness import Activations
from fsens_cli.parallel.world import ALONE, World
from fsens_cli.perturb.attacks.watch import undecided
from fsens_cli.statistics.intervals import Interval, wilson


class Recorder(Protocol):
    """What a training tells the outside, and what it asks.

    Of several processes all are asked whether to stop, and only the first one's recorder is told anything.
    """

    def stop_requested(self) -> bool:
        """Return whether to stop after the current step."""

    def on_step(self, state: TrainState, steps_per_epoch: int) -> None:
        """Hear that a step is done."""

    def on_epoch(self, state: TrainState) -> None:
        """Hear that an epoch is done; its row is the last of the history."""

    def save_best(self, classifier: Classifier, state: TrainState) -> None:
        """Keep the weights as the best so far."""

    def keep_weights(self, classifier: Classifier, state: TrainState) -> None:
        """Keep the weights of this epoch for good."""

    def save_checkpoint(
        self, classifier: Classifier, optimizer: torch.optim.Optimizer, state: TrainState, companion: Companion
    ) -> None:
        """Keep everything that is needed to continue."""


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
    steps_per_epoch = len(fit) // config.batch_size
    device = device_of(classifier)
    pixels, labels = fit.images_NCHW.to(device), fit.label_N.to(device)
    prepared = None
    pairs = None
    if config.regularizer.compares_pairs:
        pairs = prepare_pairs(classifier, fit, config, pair_source)
    elif config.regularizer.is_on:
        prepared = prepare_penalty(config.regularizer, pixels.shape[-2], pixels.shape[-1], device)
    require_fitting_activations(classifier, config, pixels.shape)
    config.augment.require_channels(pixels.shape[1], images.title)
    companion = companion_of(classifier, config, pairs.similarity if pairs is not None else None)
    if companion_state is not None:
        restore_companion(companion, companion_state)
    world.level(classifier)
    world.level(companion)
    classifier.to(memory_format=_memory_format(classifier))
    optimizer = build_optimizer(config.optim, nn.ModuleList([classifier, companion]))
    state = state or TrainState()
    require_within(state, config.epochs, steps_per_epoch)
    if optimizer_state is not None:
        restore_optimizer(optimizer, optimizer_state, began=state.epoch + state.step > 0)
    if config.compile:
        classifier.compile()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        while state.epoch < config.epochs:
            classifier.train()
            for rows in _rows_left(len(fit), steps_per_epoch, config, state):
                _begin_step(optimizer, config, state, steps_per_epoch, world)
                reseed_front_end(
                    classifier.front_end, seeded(config.seed, "filter", state.epoch, state.step).initial_seed()
                )
                batch_labels = labels[rows.to(device)]
                batch = prepare_images(
                    pixels[rows.to(device)],
                    batch_labels,
                    rows,
                    classifier,
                    config,
                    epoch=state.epoch,
                    seed=config.seed,
                    generator=seeded(config.seed, "images", state.epoch, state.step),
                    world=world,
                )
                due: PreparedPenalty | PairBatch | None = prepared
                if pairs is not None:
                    due = pairs.batch(state.epoch * steps_per_epoch + state.step)
                if state.step % config.regularizer.every:
                    due = None
                strength = config.regularizer.strength_at(state.epoch + state.step / steps_per_epoch)
                sums = take_step(
                    classifier,
                    optimizer,
                    batch,
                    world.part_of(batch_labels),
                    config,
                    due,
                    world,
                    strength=strength,
                    companion=companion,
                )
                add_up(state, sums)
                if world.is_first:
                    recorder.on_step(state, steps_per_epoch)
                if world.any(recorder.stop_requested()):
                    world.from_first(lambda: recorder.save_checkpoint(classifier, optimizer, state, companion))
                    raise Interrupted(f"stopped in epoch {state.epoch + 1} of {config.epochs}, step {state.step}")
            # Every epoch is validated with the same draws, so that a resumed run chooses the same best one.
            reseed_front_end(classifier.front_end, config.seed)
            require_finite(state)
            row = world.from_first(lambda: _validated(classifier, validation, config, pairs))
            _end_epoch(state, row, _learning_rate(config, state, steps_per_epoch, steps_per_epoch - 1))
            world.from_first(lambda: _keep(recorder, classifier, optimizer, state, companion, config.keep_every))
    correct = round(state.best_accuracy * len(validation))
    return TrainResult(
        config=config,
        history=tuple(state.history),
        best_epoch=state.best_epoch,
        best_validation=wilson(correct, len(validation)),
        num_train=len(fit),
        num_validation=len(validation),
    )


def _memory_format(classifier: Classifier) -> torch.memory_format:
    """Return channels last, which trains nearly twice as fast on a CPU, where it is safe.

    A strided 1x1 convolution with fewer than 8 channels in this layout writes outside its memory (torch 2.15, CPU).
    """
    widths = [m.out_channels for m in classifier.modules() if isinstance(m, torch.nn.Conv2d)]
    return torch.channels_last if all(w % 8 == 0 for w in widths) else torch.contiguous_format


def _rows_left(num_images: int, steps_per_epoch: int, config: TrainConfig, state: TrainState) -> Iterator[Tensor]:
    """Yield the rows of the batches that remain in the current epoch."""
    order = torch.randperm(num_images, generator=seeded(config.seed, "order", state.epoch))
    for step in range(state.step, steps_per_epoch):
        yield order[step * config.batch_size : (step + 1) * config.batch_size]


def _learning_rate(config: TrainConfig, state: TrainState, steps_per_epoch: int, step: int) -> float:
    """Return the learning rate of a step of the current epoch."""
    number = state.epoch * steps_per_epoch + step
    return learning_rate(config.optim, number, steps_per_epoch=steps_per_epoch, epochs=config.epochs)


def _begin_step(
    optimizer: torch.optim.Optimizer, config: TrainConfig, state: TrainState, steps_per_epoch: int, world: World
) -> None:
    """Set learning rate and global seed (for layers such as dropout) from the step's number."""
    set_learning_rate(optimizer.param_groups, _learning_rate(config, state, steps_per_epoch, state.step))
    step = state.epoch * steps_per_epoch + state.step
    # Layers draw for the images that they see, so no two processes may draw the same.
    own = () if world.is_first else (world.rank,)
    torch.manual_seed(seeded(config.seed, "layers", step, *own).initial_seed())


def _validated(
    classifier: Classifier, validation: ImageSet, config: TrainConfig, pairs: PairSet | None
) -> dict[str, float]:
    """Return what the validation images say: the accuracy, and the band shares of some of them."""
    accuracy = evaluate_accuracy(classifier, validation, config.batch_size)
    # Evenly spaced rows, because pictures from folders come sorted by class.
    count = min(config.probe_size, len(validation))
    probe = validation.select(torch.arange(count) * len(validation) // count)
    settings = MeasureConfig(
        space=config.regularizer.space, channels=config.regularizer.channels, batch_size=config.batch_size
    )
    measured = measure(classifier, probe.batches(config.batch_size, device_of(classifier)), settings)
    shares = {f"probe_{b.band.name}_share": b.share.value for b in measured.bands}
    return {"val_accuracy": accuracy, **shares, **(pairs.agreement(classifier) if pairs is not None else {})}


def _end_epoch(state: TrainState, validated: dict[str, float], lr: float) -> None:
    """Write the epoch's row and note whether it is the best; of equals the later one counts."""
    sums = {name: float(value) for name, value in state.sums.items()}
    state.epoch += 1
    state.step = 0
    state.sums = {}
    state.history.append(
        {
            "epoch": state.epoch,
            "lr": lr,
            "train_loss": sums["loss"] / sums["images"],
            "train_accuracy": sums["correct"] / sums["images"],
            "penalty": sums["penalty"] / max(1.0, sums["penalised_steps"]),
            "skipped_images": sums["skipped_images"],
            **validated,
        }
    )
    if validated["val_accuracy"] >= state.best_accuracy:
        state.best_accuracy, state.best_epoch = validated["val_accuracy"], state.epoch


def _keep(
    recorder: Recorder,
    classifier: Classifier,
    optimizer: torch.optim.Optimizer,
    state: TrainState,
    companion: Companion,
    keep_every: int,
) -> None:
    if state.best_epoch == state.epoch:
        recorder.save_best(classifier, state)
    if keep_every and state.epoch % keep_every == 0:
        recorder.keep_weights(classifier, state)
    recorder.save_checkpoint(classifier, optimizer, state, companion)
    recorder.on_epoch(state)


def evaluate_accuracy(classifier: Classifier, images: ImageSet, batch_size: int) -> float:
    """Return the share of images whose largest logit is the label's; an output that is no number is wrong."""
    correct = 0
    with held_still(classifier), torch.no_grad():
        for batch, labels in images.batches(batch_size, device_of(classifier)):
            logits = classifier(batch)
            correct += int(((logits.argmax(dim=1) == labels) & ~undecided(logits)).sum())
    return correct / len(images)
