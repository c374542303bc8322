"""Which optimizer moves the weights, and what is its learning rate at each step?"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fsens_cli.errors import CheckpointError, require, require_one_of

OPTIMIZERS = ("sgd", "adamw")
SCHEDULES = ("cosine", "linear", "step")


@dataclass(kw_only=True)
class OptimConfig:
    """Optimizer and learning-rate schedule.

    Attributes:
        name: ``sgd`` (with Nesterov momentum) or ``adamw``.
        lr: highest learning rate.
        momentum: of SGD.
        nesterov: whether SGD looks ahead.
        weight_decay: not applied to biases and normalisation layers where ``decay_norm`` is false.
        decay_norm: whether biases and normalisation layers decay too (the published recipe does).
        warmup_epochs: linear rise from 0.
        schedule: ``cosine`` or ``linear`` to 0 at the last step, or ``step``.
        step_epochs, step_factor: of the step schedule.
    """

    name: str = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 5e-4
    decay_norm: bool = False
    warmup_epochs: float = 1.0
    schedule: str = "cosine"
    step_epochs: int = 50
    step_factor: float = 0.1

    def __post_init__(self) -> None:
        """Check names and ranges."""
        require_one_of("optim.name", self.name, OPTIMIZERS)
        require_one_of("optim.schedule", self.schedule, SCHEDULES)
        require(0 < self.lr < 100, f"optim.lr={self.lr} must lie in (0, 100).")
        require(0 <= self.momentum < 1, f"optim.momentum={self.momentum} must lie in [0, 1).")
        require(self.weight_decay >= 0, f"optim.weight_decay={self.weight_decay} must not be negative.")
        require(self.warmup_epochs >= 0, f"optim.warmup_epochs={self.warmup_epochs} must not be negative.")
        require(self.step_epochs >= 1, f"optim.step_epochs={self.step_epochs} must be at least 1.")
        require(0 < self.step_factor <= 1, f"optim.step_factor={self.step_factor} must lie in (0, 1].")


def build_optimizer(config: OptimConfig, module: nn.Module) -> torch.optim.Optimizer:
    """Return the optimizer over the module's trainable parameters."""
    trainable = [p for p in module.parameters() if p.requires_grad]
    require(bool(trainable), "the model has no parameters that need gradients: there is nothing to train.")
    decayed = [p for p in trainable if p.ndim > 1 or config.decay_norm]
    plain = [p for p in trainable if p.ndim <= 1 and not config.decay_norm]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if config.name == "adamw":
        return torch.optim.AdamW(groups, lr=config.lr)
    nesterov = config.nesterov and config.momentum > 0
    return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=nesterov)


def learning_rate(config: OptimConfig, step: int, *, steps_per_epoch: int, epochs: int) -> float:
    """Return the learning rate of step ``step``, counted from 0 over the whole training.

    >>> c = OptimConfig(lr=1.0, warmup_epochs=1.0, schedule="linear")
    >>> [round(learning_rate(c, s, steps_per_epoch=2, epochs=3), 2) for s in range(6)]
    [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]
    """
    total = epochs * steps_per_epoch
    # A warm-up longer than the training would leave no time at the full rate.
    warmup = min(round(config.warmup_epochs * steps_per_epoch), total // 2)
    if step < warmup:
        return config.lr * (step + 1) / warmup
    if config.schedule == "step":
        return config.lr * config.step_factor ** (step // (config.step_epochs * steps_per_epoch))
    progress = (step - warmup) / max(1, total - warmup)
    return config.lr * (1 - progress if config.schedule == "linear" else 0.5 * (1 + math.cos(math.pi * progress)))


def set_learning_rate(groups: Iterable[dict[str, object]], lr: float) -> None:
    """Write the learning rate into every parameter group."""
    for group in groups:
        group["lr"] = lr


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's state as tensors named ``PARAMETER.KEY``."""
    return {
        f"{number}.{key}": torch.as_tensor(value)
        for number, entries in optimizer.state_dict()["state"].items()
        for key, value in entries.items()
        if value is not None
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], *, began: bool = True) -> None:
    """Put back what ``optimizer_tensors`` returned.

    Args:
        began: whether steps were taken before, so that there must be something to put back.

    Raises:
        CheckpointError: the tensors are not those of this optimizer over these parameters.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    wanted = _state_names(optimizer)
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        number, _, key = name.partition(".")
        if key not in wanted or not number.isdecimal() or int(number) >= len(parameters):
            raise _unfit(f"its tensor {name} is unknown to {type(optimizer).__name__} of {len(parameters)} parameters")
        shape = () if key == "step" else tuple(parameters[int(number)].shape)
        if tuple(value.shape) != shape or not bool(torch.isfinite(value).all()):
            raise _unfit(f"its tensor {name} has shape {tuple(value.shape)} instead of {shape}, or is not finite")
        state.setdefault(int(number), {})[key] = value
    # A parameter that the loss never reached has no state at all; one that it reached has all of it.
    partial = [number for number, entries in state.items() if entries.keys() != wanted]
    if partial or (began and wanted and not state):
        of = f"parameter {partial[0]}" if partial else "all parameters"
        raise _unfit(f"it lacks {', '.join(sorted(wanted))} of {of}")
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _unfit(reason: str) -> CheckpointError:
    return CheckpointError(f"the checkpoint's optimizer does not fit this training: {reason}. Start a new run.")


def _state_names(optimizer: torch.optim.Optimizer) -> frozenset[str]:
    """Return what the optimizer keeps of each parameter."""
    if isinstance(optimizer, torch.optim.AdamW):
        return frozenset({"step", "exp_avg", "exp_avg_sq"})
    return frozenset({"momentum_buffer"}) if optimizer.defaults["momentum"] else frozenset()
