"""What becomes of a training's progress: checkpoints and history in its run folder, the bar, the tracker."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from fsens_cli.commands.console import Advance, note
from fsens_cli.commands.options import Flags
from fsens_cli.data.trained_on import TrainedImages
from fsens_cli.experiments.companion import Companion
from fsens_cli.experiments.train_state import TrainState
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.description import Description
from fsens_cli.runs.checkpoints import keep_weights, save_best, save_checkpoint
from fsens_cli.runs.folder import RunFolder
from fsens_cli.runs.trackers.tracker import Tracker
from fsens_cli.runs.train_files import epoch_numbers, write_history
from fsens_cli.runs.training_images import write_training_images


@dataclass(slots=True)
class RunRecorder:
    """Keeps a training's checkpoints and history in its run folder, moves the progress bar and tells the tracker."""

    run: RunFolder
    description: Description
    trained_on: TrainedImages
    advance: Advance
    tracker: Tracker
    epochs: int
    flags: Flags
    began: float = field(default_factory=time.monotonic)
    stop: threading.Event = field(default_factory=threading.Event)

    def stop_requested(self) -> bool:
        """Return whether a signal has asked to stop."""
        return self.stop.is_set()

    def on_step(self, state: TrainState, steps_per_epoch: int) -> None:
        """Move the bar."""
        self.advance(state.epoch * steps_per_epoch + state.step)

    def on_epoch(self, state: TrainState) -> None:
        """Write the history so far."""
        with self.run.reporting_disk_errors():
            write_history(self.run.path, state.history)
        row = state.history[-1]
        self.tracker.log(state.epoch, epoch_numbers(row))
        shares = "/".join(f"{row[f'probe_{b}_share']:.2f}" for b in ("low", "mid", "high"))
        note(self._epoch_in_words(row), self.flags)
        self.began = time.monotonic()
        self.advance(-1, f"val {100 * row['val_accuracy']:.1f} %  low/mid/high {shares}")

    def _epoch_in_words(self, row: Mapping[str, float]) -> str:
        penalty = f"  penalty {row['penalty']:.4g}" if row["penalty"] else ""
        return (
            f"epoch {row['epoch']:.0f} of {self.epochs}  loss {row['train_loss']:.4f}{penalty}  "
            f"train {100 * row['train_accuracy']:.1f} %  val {100 * row['val_accuracy']:.1f} %  "
            f"{time.monotonic() - self.began:.0f} s"
        )

    def save_best(self, classifier: Classifier, state: TrainState) -> None:
        """Keep the best weights."""
        with self.run.reporting_disk_errors():
            write_training_images(self.run.path, self.trained_on)
            save_best(self.run.path, classifier, self.description | {"epoch": state.epoch})

    def keep_weights(self, classifier: Classifier, state: TrainState) -> None:
        """Keep the weights of this epoch."""
        with self.run.reporting_disk_errors():
            keep_weights(self.run.path, classifier, self.description | {"epoch": state.epoch}, state.epoch)

    def save_checkpoint(
        self, classifier: Classifier, optimizer: torch.optim.Optimizer, state: TrainState, companion: Companion
    ) -> None:
        """Keep everything needed to continue."""
        with self.run.reporting_disk_errors():
            save_checkpoint(self.run.path, classifier, optimizer, state, self.description, companion)


@dataclass(slots=True)
class Listener:
    """The recorder of a process beside the first one: it asks to stop, and is told nothing."""

    stop: threading.Event = field(default_factory=threading.Event)

    def stop_requested(self) -> bool:
        """Return whether a signal has asked to stop."""
        return self.stop.is_set()

    def on_step(self, *_: object) -> None:
        """Leave the bar to the first process."""

    def on_epoch(self, *_: object) -> None:
        """Leave the history to the first process."""

    def save_best(self, *_: object) -> None:
        """Leave the weights to the first process."""

    def keep_weights(self, *_: object) -> None:
        """Leave the weights to the first process."""

    def save_checkpoint(self, *_: object) -> None:
        """Leave the checkpoint to the first process."""
