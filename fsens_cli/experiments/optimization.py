"""The optimizer that moves the weights, and its learning rate at each step."""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from fsens_cli.errors import CheckpointError, require
from fsens_cli.experiments.train_settings import OptimConfig


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
        epoch = step // steps_per_epoch
        count = sum(epoch >= e for e in config.step_at) if config.step_at else epoch // config.step_epochs
        return config.lr * config.step_factor**count
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
