"""How is a training kept so that it can be killed at any moment and continued exactly?

``checkpoints/last/`` holds weights, optimizer and state together: a complete new folder takes the place of the old one.
``checkpoints/best.safetensors`` holds the weights of the best epoch with their description.
"""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from fsens_cli.errors import CheckpointError
from fsens_cli.experiments.optimization import optimizer_tensors
from fsens_cli.experiments.train_state import TrainState
from fsens_cli.models.checkpoint import serialise
from fsens_cli.models.classifier import Classifier
from fsens_cli.runs.files import write_bytes

FOLDER = "checkpoints"


def save_best(run: Path, classifier: Classifier, description: dict[str, Any]) -> None:
    """Write the network's weights as the best so far."""
    (run / FOLDER).mkdir(exist_ok=True)
    write_bytes(run / FOLDER / "best.safetensors", serialise(classifier.module, description))


def save_checkpoint(
    run: Path, classifier: Classifier, optimizer: torch.optim.Optimizer, state: TrainState, description: dict[str, Any]
) -> None:
    """Write everything needed to continue; a reader finds the old checkpoint or the new one, never half of one."""
    step = f"{state.epoch:05d}-{state.step:07d}"
    parent = run / FOLDER
    parent.mkdir(exist_ok=True)
    new, final = parent / f".{step}.part", parent / f"at-{step}"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    (new / "model.safetensors").write_bytes(serialise(classifier.module, description))
    tensors = {name: value.detach().cpu().contiguous() for name, value in optimizer_tensors(optimizer).items()}
    save_file(tensors, str(new / "optimizer.safetensors"))
    record = asdict(state)
    record["sums"] = {name: float(value) for name, value in state.sums.items()}
    (new / "state.json").write_text(json.dumps(record))
    # Written again at the same place after a crash: the old one is complete, the new one equal.
    shutil.rmtree(final, ignore_errors=True)
    new.rename(final)
    for old in parent.glob("at-*"):
        if old != final:
            shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(run: Path) -> tuple[Path, dict[str, Tensor], TrainState]:
    """Return (weights file, optimizer tensors, state) of the newest checkpoint.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    found = sorted((run / FOLDER).glob("at-*"))
    if not found:
        raise CheckpointError(f"{run} has no checkpoint: it stopped before its first epoch ended. Start it again.")
    try:
        record = json.loads((found[-1] / "state.json").read_text())
        tensors = load_file(str(found[-1] / "optimizer.safetensors"))
        state = TrainState(**record)
    except (OSError, SafetensorError, json.JSONDecodeError, TypeError) as error:
        raise CheckpointError(f"{found[-1]} is damaged ({error}): remove it, or start again.") from error
    return found[-1] / "model.safetensors", tensors, state
