"""The steps and epochs of one training, and what they tell outside.

Shape letters: N images, C channels, H, W pixels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from fsens_cli.data.images import ImageSet
from fsens_cli.errors import Interrupted
from fsens_cli.experiments.companion import Companion
from fsens_cli.experiments.measure import measure
from fsens_cli.experiments.measure_settings import MeasureConfig
from fsens_cli.experiments.optimization import learning_rate, set_learning_rate
from fsens_cli.experiments.pair_set import PairBatch, PairSet
from fsens_cli.experiments.random_streams import seeded
from fsens_cli.experiments.train_settings import TrainConfig
from fsens_cli.experiments.train_state import TrainState, add_up, require_finite
from fsens_cli.experiments.training_step import prepare_images, take_step
from fsens_cli.models.classifier import Classifier, device_of, held_still
from fsens_cli.models.front_end import reseed_front_end
from fsens_cli.objectives.fourier_penalty import PreparedPenalty
from fsens_cli.parallel.world import World
from fsens_cli.perturb.attacks.watch import undecided


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


@dataclass(frozen=True, slots=True)
class Course:
    """What all steps of a training have in common.

    Attributes:
        pixels_NCHW, label_N: of the images to fit, on the classifier's device.
        prepared, pairs: what the regularizer needs, if there is one.
    """

    classifier: Classifier
    optimizer: torch.optim.Optimizer
    companion: Companion
    config: TrainConfig
    recorder: Recorder
    world: World
    pixels_NCHW: Tensor
    label_N: Tensor
    prepared: PreparedPenalty | None
    pairs: PairSet | None

    @property
    def per_epoch(self) -> int:
        """How many steps an epoch has."""
        return len(self.label_N) // self.config.batch_size

    def run_epoch(self, state: TrainState, validation: ImageSet) -> None:
        """Take the steps that are left of the current epoch, and validate.

        Raises:
            Interrupted: the recorder asked to stop, that of any process.
            ModelError: the loss became non-finite.
        """
        classifier, config, recorder, world = self.classifier, self.config, self.recorder, self.world
        classifier.train()
        for rows in _rows_left(len(self.label_N), self.per_epoch, config, state):
            self._take_step(rows, state)
            if world.is_first:
                recorder.on_step(state, self.per_epoch)
            if world.any(recorder.stop_requested()):
                world.from_first(lambda: recorder.save_checkpoint(classifier, self.optimizer, state, self.companion))
                raise Interrupted(f"stopped in epoch {state.epoch + 1} of {config.epochs}, step {state.step}")
        # Every epoch is validated with the same draws, so that a resumed run chooses the same best one.
        reseed_front_end(classifier.front_end, config.seed)
        require_finite(state)
        row = world.from_first(lambda: _validated(classifier, validation, config, self.pairs))
        _end_epoch(state, row, _learning_rate(config, state, self.per_epoch, self.per_epoch - 1))
        world.from_first(lambda: self._keep(state))

    def _keep(self, state: TrainState) -> None:
        if state.best_epoch == state.epoch:
            self.recorder.save_best(self.classifier, state)
        if self.config.keep_every and state.epoch % self.config.keep_every == 0:
            self.recorder.keep_weights(self.classifier, state)
        self.recorder.save_checkpoint(self.classifier, self.optimizer, state, self.companion)
        self.recorder.on_epoch(state)

    def _take_step(self, rows: Tensor, state: TrainState) -> None:
        """Take one step on the images of these rows, and add what it found to the epoch's sums."""
        config, classifier, world = self.config, self.classifier, self.world
        _begin_step(self.optimizer, config, state, self.per_epoch, world)
        reseed_front_end(classifier.front_end, seeded(config.seed, "filter", state.epoch, state.step).initial_seed())
        here = rows.to(self.label_N.device)
        labels = self.label_N[here]
        batch = prepare_images(
            self.pixels_NCHW[here],
            labels,
            rows,
            classifier,
            config,
            epoch=state.epoch,
            seed=config.seed,
            generator=seeded(config.seed, "images", state.epoch, state.step),
            world=world,
        )
        sums = take_step(
            classifier,
            self.optimizer,
            batch,
            world.part_of(labels),
            config,
            self._due(state),
            world,
            strength=config.regularizer.strength_at(state.epoch + state.step / self.per_epoch),
            companion=self.companion,
        )
        add_up(state, sums)

    def _due(self, state: TrainState) -> PreparedPenalty | PairBatch | None:
        """Return what this step is penalised by."""
        if state.step % self.config.regularizer.every:
            return None
        if self.pairs is not None:
            return self.pairs.batch(state.epoch * self.per_epoch + state.step)
        return self.prepared


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


def evaluate_accuracy(classifier: Classifier, images: ImageSet, batch_size: int) -> float:
    """Return the share of images whose largest logit is the label's; an output that is no number is wrong."""
    correct = 0
    with held_still(classifier), torch.no_grad():
        for batch, labels in images.batches(batch_size, device_of(classifier)):
            logits = classifier(batch)
            correct += int(((logits.argmax(dim=1) == labels) & ~undecided(logits)).sum())
    return correct / len(images)
