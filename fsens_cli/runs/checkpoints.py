"""Checkpoints of a training: it can be killed at any moment and continued exactly.

``checkpoints/at-EPOCH-STEP/`` holds weights, optimizer, state, the best weights so far and a checksum of each: a
complete folder appears in one step, and the one before it stays. ``checkpoints/best.safetensors`` holds the weights of
the best epoch, ``checkpoints/epoch-NNNNN.safetensors`` those that are kept for good, all with their description.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from fsens_cli.errors import CheckpointError
from fsens_cli.experiments.optimization import optimizer_tensors
from fsens_cli.experiments.train_state import TrainState, state_from
from fsens_cli.models.checkpoint import serialise, sha256_of
from fsens_cli.models.classifier import Classifier
from fsens_cli.runs.files import regular, temporary_path, write_bytes

FOLDER = "checkpoints"
WEIGHTS, OPTIMIZER, STATE, BEST, BESIDE, SUMS = (
    "model.safetensors", "optimizer.safetensors", "state.json", "best.safetensors", "beside.safetensors", "sha256.json",
)  # fmt: skip
NUM_KEPT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A checkpoint whose files are what was written.

    Attributes:
        folder: of the checkpoint.
        optimizer_state: tensors by ``PARAMETER.KEY``.
        companion_state: of what is trained beside the network, by name; empty for most trainings.
        state: epochs, steps, sums and history.
    """

    folder: Path
    optimizer_state: dict[str, Tensor]
    companion_state: dict[str, Tensor]
    state: TrainState

    @property
    def weights_file(self) -> Path:
        """The network's weights."""
        return self.folder / WEIGHTS


def save_best(run: Path, classifier: Classifier, description: Mapping[str, object]) -> None:
    """Write the network's weights as the best so far."""
    _save_weights(run, BEST, classifier, description)


def keep_weights(run: Path, classifier: Classifier, description: Mapping[str, object], epoch: int) -> None:
    """Write the network's weights after an epoch, to stay."""
    _save_weights(run, f"epoch-{epoch:05d}.safetensors", classifier, description)


def _save_weights(run: Path, name: str, classifier: Classifier, description: Mapping[str, object]) -> None:
    (run / FOLDER).mkdir(exist_ok=True)
    write_bytes(run / FOLDER / name, serialise(classifier.module, description))


def save_checkpoint(
    run: Path,
    classifier: Classifier,
    optimizer: torch.optim.Optimizer,
    state: TrainState,
    description: Mapping[str, object],
    companion: nn.Module | None = None,
) -> None:
    """Write everything needed to continue; a reader finds the old checkpoint or the new one, never half of one."""
    parent = run / FOLDER
    parent.mkdir(exist_ok=True)
    name = f"{state.epoch:05d}-{state.step:07d}"
    final = parent / f"at-{name}"
    new = temporary_path(final)
    try:
        new.mkdir()
        _write_files(new, classifier, optimizer, state, description)
        beside = companion.state_dict() if companion is not None else {}
        if beside:
            (new / BESIDE).write_bytes(_as_file(beside))
        if state.best_epoch:
            _link_or_copy(parent / BEST, new / BEST)
        digests = {file.name: sha256_of(file) for file in sorted(new.iterdir())}
        (new / SUMS).write_text(json.dumps(digests, indent=2))
        # Written again at the same place after a crash: the old one is complete, the new one equal.
        shutil.rmtree(final, ignore_errors=True)
        new.rename(final)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    for old in sorted(parent.glob("at-*"))[:-NUM_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def _write_files(
    folder: Path,
    classifier: Classifier,
    optimizer: torch.optim.Optimizer,
    state: TrainState,
    description: Mapping[str, object],
) -> None:
    (folder / WEIGHTS).write_bytes(serialise(classifier.module, description))
    (folder / OPTIMIZER).write_bytes(_as_file(optimizer_tensors(optimizer)))
    record = asdict(state)
    record["sums"] = {name: float(value) for name, value in state.sums.items()}
    (folder / STATE).write_text(json.dumps(record, allow_nan=False))


def _as_file(tensors: Mapping[str, Tensor]) -> bytes:
    return save({name: value.detach().cpu().contiguous() for name, value in tensors.items()})


def _link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name; it is only ever replaced as a whole, so both stay what they are."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def load_checkpoint(run: Path) -> Checkpoint | None:
    """Return the newest checkpoint; None where the training stopped before it wrote one.

    Raises:
        CheckpointError: it is damaged; says which earlier one is whole.
    """
    found = sorted((run / FOLDER).glob("at-*"))
    if not found:
        return None
    try:
        return _read(found[-1])
    except CheckpointError as error:
        raise CheckpointError(f"{found[-1]} is damaged: {error}. {_way_on(found[-1], found[:-1])}") from error


def _way_on(damaged: Path, earlier: list[Path]) -> str:
    for folder in reversed(earlier):
        try:
            state = _read(folder).state
        except CheckpointError:
            continue
        return f"{folder.name} (epoch {state.epoch}, step {state.step}) is whole: remove {damaged} to go on from there."
    return "There is no other one: start a new run."


def _read(folder: Path) -> Checkpoint:
    """Return a checkpoint whose files have their checksums; the error's words go on after ``is damaged:``."""
    digests = _json_object(folder / SUMS)
    needed = {WEIGHTS, OPTIMIZER, STATE}
    if not needed <= digests.keys() <= needed | {BEST, BESIDE}:
        raise CheckpointError(f"{SUMS} names {', '.join(sorted(digests)) or 'nothing'}")
    for name, digest in digests.items():
        try:
            found = sha256_of(regular(folder / name))
        except OSError as error:
            raise CheckpointError(f"{name} cannot be read ({error.strerror})") from error
        if found != digest:
            raise CheckpointError(f"{name} is not what was written (its SHA-256 differs from that in {SUMS})")
    state = state_from(_json_object(folder / STATE))
    if folder.name != f"at-{state.epoch:05d}-{state.step:07d}":
        raise CheckpointError(f"it holds epoch {state.epoch}, step {state.step}")
    if (BEST in digests) != (state.best_epoch > 0):
        raise CheckpointError(f"{BEST} does not belong to best_epoch={state.best_epoch}")
    beside = _tensors(folder / BESIDE) if BESIDE in digests else {}
    return Checkpoint(folder=folder, optimizer_state=_tensors(folder / OPTIMIZER), companion_state=beside, state=state)


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(str(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path.name} cannot be read ({error})") from error


def _json_object(path: Path) -> dict[str, object]:
    try:
        content = json.loads(regular(path).read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path.name} cannot be read") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path.name} holds no record")
    return content


def restore_best(run: Path, checkpoint: Checkpoint) -> None:
    """Make the run's best weights those of the checkpoint again, where a kill or damage came between."""
    kept, current = checkpoint.folder / BEST, run / FOLDER / BEST
    if kept.is_file() and not (current.is_file() and sha256_of(current) == sha256_of(kept)):
        write_bytes(current, kept.read_bytes())
