"""Where does a training stand: epochs and steps done, the sums of the current epoch, the history?"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from fsens_cli.errors import ModelError
from fsens_cli.experiments.training_step import StepSums

# A sum that has become non-finite is noticed after this many steps; looking means waiting for the device.
STEPS_BETWEEN_CHECKS = 50


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
        "penalised_steps": torch.tensor(float(sums.num_penalised)),
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
