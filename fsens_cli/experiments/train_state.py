"""Where a training stands: epochs and steps done, the sums of the current epoch, the history."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TypeGuard

import torch
from torch import Tensor

from fsens_cli.errors import CheckpointError, ModelError
from fsens_cli.experiments.training_step import StepSums
from fsens_cli.ranges import is_finite

# A sum that has become non-finite is noticed after this many steps; looking means waiting for the device.
STEPS_BETWEEN_CHECKS = 50
# Sums grow with the images; beyond this a double overflows.
LARGEST_SUM = 1e300
SUMS = frozenset({"loss", "penalty", "penalised_steps", "skipped_images", "correct", "images"})


@dataclass(kw_only=True, slots=True)
class TrainState:
    """Where a training stands: everything but weights and optimizer.

    Attributes:
        epoch, step: epochs finished, and steps finished in the current one.
        sums: running totals of the current epoch.
        history: one row an epoch.
        best_epoch, best_accuracy: by the validation images; epochs count from 1, 0 is none yet.
    """

    epoch: int = 0
    step: int = 0
    sums: dict[str, Tensor | float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_accuracy: float = -1.0


def add_up(state: TrainState, sums: StepSums) -> None:
    """Count a step and add its totals to the epoch's.

    Raises:
        ModelError: the loss or the penalty has become non-finite; looked for now and then.
    """
    state.step += 1
    values = {
        "loss": sums.loss * sums.num_images,
        "penalty": sums.penalty,
        "penalised_steps": torch.tensor(float(sums.penalised_steps)),
        "skipped_images": sums.num_skipped,
        "correct": sums.num_correct,
        "images": torch.tensor(float(sums.num_images)),
    }
    for name, value in values.items():
        state.sums[name] = value.double() + state.sums.get(name, 0.0)
    if state.step % STEPS_BETWEEN_CHECKS == 0 or state.step == 1:
        require_finite(state)


def require_finite(state: TrainState) -> None:
    """Raise ModelError if the epoch's loss or penalty is not finite."""
    for name in ("loss", "penalty"):
        if not bool(torch.isfinite(torch.as_tensor(state.sums[name]))):
            raise ModelError(
                f"the training {name} is not finite in epoch {state.epoch + 1}, at or before step {state.step}: "
                "lower optim.lr, or lengthen optim.warmup_epochs."
            )


def state_from(record: Mapping[str, object]) -> TrainState:
    """Return the state that a checkpoint's record describes.

    Raises:
        CheckpointError: an entry is missing, unknown, of another type, or contradicts the others.
    """
    names = {f.name for f in fields(TrainState)}
    if record.keys() != names:
        raise CheckpointError(f"its state has the entries {', '.join(sorted(record))}, not {', '.join(sorted(names))}")
    epoch, step, best_epoch = (_count(record, name) for name in ("epoch", "step", "best_epoch"))
    sums, history, best_accuracy = record["sums"], record["history"], record["best_accuracy"]
    if not _numbers(sums) or sums.keys() != (SUMS if step else frozenset()):
        raise CheckpointError(f"the sums of its state do not belong to step {step}")
    if not isinstance(history, list) or not all(_numbers(row) for row in history):
        raise CheckpointError("the history of its state is no list of numbers")
    if len(history) != epoch or any(row.get("epoch") != n for n, row in enumerate(history, start=1)):
        raise CheckpointError(f"the history of its state has {len(history)} rows, not those of {epoch} epochs")
    if best_epoch > epoch or (best_epoch == 0) != (epoch == 0):
        raise CheckpointError(f"best_epoch={best_epoch} of its state does not belong to epoch {epoch}")
    if not is_finite(best_accuracy) or (epoch > 0 and best_accuracy != history[best_epoch - 1].get("val_accuracy")):
        raise CheckpointError(f"best_accuracy={best_accuracy} of its state is not that of epoch {best_epoch}")
    return TrainState(
        epoch=epoch,
        step=step,
        sums=dict(sums),
        history=[dict(row) for row in history],
        best_epoch=best_epoch,
        best_accuracy=best_accuracy,
    )


def require_within(state: TrainState, epochs: int, steps_per_epoch: int) -> None:
    """Raise CheckpointError unless a training of that length comes through this state."""
    if state.epoch > epochs or state.step > (steps_per_epoch if state.epoch < epochs else 0):
        raise CheckpointError(
            f"the checkpoint stands at epoch {state.epoch}, step {state.step}, and this training has {epochs} epochs "
            f"of {steps_per_epoch} steps: it belongs to another one."
        )


def _count(record: Mapping[str, object], name: str) -> int:
    value = record[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise CheckpointError(f"{name}={value} of its state is no count")
    return value


def _numbers(value: object) -> TypeGuard[dict[str, float]]:
    return isinstance(value, dict) and all(is_finite(v, LARGEST_SUM) for v in value.values())
