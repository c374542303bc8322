"""Checkpoints: whole or refused by name, with the one before them offered."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from fsens_cli.errors import CheckpointError
from fsens_cli.experiments.optimization import build_optimizer, optimizer_tensors, restore_optimizer
from fsens_cli.experiments.train_settings import OptimConfig
from fsens_cli.experiments.train_state import SUMS, TrainState, require_within, state_from
from fsens_cli.models.checkpoint import sha256_of
from fsens_cli.models.classifier import Classifier
from fsens_cli.runs.checkpoints import keep_weights, load_checkpoint, restore_best, save_best, save_checkpoint

DESCRIPTION = {"model": {"name": "linear"}}


def network() -> Classifier:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    return Classifier(body, name="linear", num_classes=3, mean=[0.5] * 3, std=[0.5] * 3)


def stepped(classifier: Classifier, config: OptimConfig | None = None) -> torch.optim.Optimizer:
    optimizer = build_optimizer(config or OptimConfig(), classifier)
    classifier(torch.rand(4, 3, 2, 2)).square().mean().backward()
    optimizer.step()
    return optimizer


def after(epochs: int) -> TrainState:
    history = [{"epoch": n, "val_accuracy": 0.1 * n} for n in range(1, epochs + 1)]
    return TrainState(epoch=epochs, history=history, best_epoch=epochs, best_accuracy=history[-1]["val_accuracy"])


def trained(run: Path, epochs: int = 3) -> Path:
    """A run's folder after some epochs, and the newest checkpoint in it."""
    classifier = network()
    for epoch in range(1, epochs + 1):
        optimizer = stepped(classifier)
        save_best(run, classifier, DESCRIPTION)
        save_checkpoint(run, classifier, optimizer, after(epoch), DESCRIPTION)
    return run / "checkpoints" / f"at-{epochs:05d}-0000000"


def test_the_last_two_are_kept_and_nothing_else(tmp_path: Path) -> None:
    newest = trained(tmp_path)
    kept = sorted(p.name for p in newest.parent.iterdir())
    assert kept == ["at-00002-0000000", "at-00003-0000000", "best.safetensors"]
    checkpoint = load_checkpoint(tmp_path)
    assert checkpoint.folder == newest
    assert checkpoint.state == after(3)
    assert checkpoint.optimizer_state.keys() == {"0.momentum_buffer", "1.momentum_buffer"}


def test_weights_that_are_kept_for_good(tmp_path: Path) -> None:
    keep_weights(tmp_path, network(), DESCRIPTION, 20)
    kept = load_file(str(tmp_path / "checkpoints" / "epoch-00020.safetensors"))
    assert torch.equal(kept["1.weight"], network().module[1].weight)  # type: ignore[index]


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "state.json", "best.safetensors"])
@pytest.mark.parametrize("damage", ["a bit", "a byte less", "no file"])
def test_a_damaged_file_is_named_and_the_one_before_offered(name: str, damage: str, tmp_path: Path) -> None:
    newest = trained(tmp_path)
    content = bytearray((newest / name).read_bytes())
    (newest / name).unlink()
    if damage != "no file":
        content[len(content) // 2] ^= 1 if damage == "a bit" else 0
        (newest / name).write_bytes(content[: None if damage == "a bit" else -1])
    with pytest.raises(CheckpointError) as refused:
        load_checkpoint(tmp_path)
    assert f"at-00003-0000000 is damaged: {name} " in str(refused.value)
    offer = f"at-00002-0000000 (epoch 2, step 0) is whole: remove {newest} to go on from there."
    assert str(refused.value).endswith(offer)


def test_without_one_before_it(tmp_path: Path) -> None:
    newest = trained(tmp_path, epochs=1)
    (newest / "sha256.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"sha256.json cannot be read. There is no other one: start a new run"):
        load_checkpoint(tmp_path)


def test_without_any(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path) is None


def edited(newest: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Change the state as somebody would who also corrects its checksum."""
    state = json.loads((newest / "state.json").read_text())
    edit(state)
    (newest / "state.json").write_text(json.dumps(state))
    sums = json.loads((newest / "sha256.json").read_text())
    (newest / "sha256.json").write_text(json.dumps(sums | {"state.json": sha256_of(newest / "state.json")}))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda s: s.update(epoch=-1), "epoch=-1 of its state is no count"),
        (lambda s: s.update(epoch=1e9), "epoch=1000000000.0 of its state is no count"),
        (lambda s: s.update(epoch=10**9), "has 3 rows, not those of 1000000000 epochs"),
        (lambda s: s.update(epoch=True), "epoch=True of its state is no count"),
        (lambda s: s.update(step=4), "the sums of its state do not belong to step 4"),
        (lambda s: s.update(best_epoch=9), "best_epoch=9 of its state does not belong to epoch 3"),
        (lambda s: s.update(best_accuracy=0.9), "best_accuracy=0.9 of its state is not that of epoch 3"),
        (lambda s: s.update(history=[]), "has 0 rows, not those of 3 epochs"),
        (lambda s: s.update(history=[{"epoch": "1"}] * 3), "is no list of numbers"),
        (lambda s: s.update(sums={"loss": None}), "the sums of its state do not belong to step 0"),
        (lambda s: s.pop("step"), "its state has the entries best_accuracy, best_epoch, epoch"),
        (lambda s: s.update(epoch=2, history=s["history"][:2], best_epoch=2, best_accuracy=0.2), "it holds epoch 2"),
    ],
)
def test_a_state_that_contradicts_itself(edit: Callable[[Any], object], message: str, tmp_path: Path) -> None:
    newest = trained(tmp_path)
    edited(newest, edit)
    with pytest.raises(CheckpointError, match=r"at-00002-0000000 .* is whole") as refused:
        load_checkpoint(tmp_path)
    assert message in str(refused.value)


def test_a_state_of_another_training() -> None:
    require_within(after(3), 3, 10)
    with pytest.raises(CheckpointError, match="stands at epoch 3, step 0, and this training has 2 epochs of 10 steps"):
        require_within(after(3), 2, 10)
    state = TrainState(step=11, sums=dict.fromkeys(SUMS, 0.0))
    assert state_from(asdict(state)) == state
    with pytest.raises(CheckpointError, match="stands at epoch 0, step 11"):
        require_within(state, 2, 10)


ADAM = OptimConfig(name="adamw", lr=0.001)


@pytest.mark.parametrize(
    ("config", "edit", "message"),
    [
        (None, lambda t: t.clear(), "it lacks momentum_buffer of all parameters"),
        (None, lambda t: t.update({"7.momentum_buffer": torch.zeros(3)}), "7.momentum_buffer is unknown to SGD of 2"),
        (None, lambda t: t.update({"0.velocity": torch.zeros(3, 12)}), "its tensor 0.velocity is unknown to SGD"),
        (None, lambda t: t.update({"zero": torch.zeros(3)}), "its tensor zero is unknown to SGD"),
        (None, lambda t: t.update({"0.momentum_buffer": torch.zeros(3)}), r"has shape (3,) instead of (3, 12)"),
        (None, lambda t: t["0.momentum_buffer"].fill_(float("nan")), "or is not finite"),
        (ADAM, lambda t: t.pop("0.exp_avg"), "it lacks exp_avg, exp_avg_sq, step of parameter 0"),
    ],
)
def test_an_optimizer_of_another_training(
    config: OptimConfig | None, edit: Callable[[Any], object], message: str, tmp_path: Path
) -> None:
    classifier = network()
    optimizer = stepped(classifier, config)
    tensors = {name: value.clone() for name, value in optimizer_tensors(optimizer).items()}
    restore_optimizer(optimizer, tensors)
    edit(tensors)
    with pytest.raises(CheckpointError) as refused:
        restore_optimizer(optimizer, tensors)
    assert "the checkpoint's optimizer does not fit this training" in str(refused.value)
    assert message in str(refused.value)


def test_the_best_weights_come_back_with_their_checkpoint(tmp_path: Path) -> None:
    newest = trained(tmp_path)
    best = tmp_path / "checkpoints" / "best.safetensors"
    wanted = best.read_bytes()
    for damaged in (b"half", None):
        best.unlink() if damaged is None else best.write_bytes(damaged)
        # A file system without links has two files, one with them has one.
        (newest / "best.safetensors").unlink(missing_ok=True)
        (newest / "best.safetensors").write_bytes(wanted)
        restore_best(tmp_path, load_checkpoint(tmp_path))
        assert best.read_bytes() == wanted


def test_a_full_disk_leaves_the_checkpoint_before_and_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = trained(tmp_path)
    names = sorted(p.name for p in newest.parent.iterdir())

    def full(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    classifier = network()
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(tmp_path, classifier, stepped(classifier), after(4), DESCRIPTION)
    assert sorted(p.name for p in newest.parent.iterdir()) == names
    load_checkpoint(tmp_path)


def test_an_optimizer_file_that_is_none(tmp_path: Path) -> None:
    newest = trained(tmp_path)
    (newest / "optimizer.safetensors").write_bytes(b"no safetensors")
    sums = json.loads((newest / "sha256.json").read_text())
    sums["optimizer.safetensors"] = sha256_of(newest / "optimizer.safetensors")
    (newest / "sha256.json").write_text(json.dumps(sums))
    with pytest.raises(CheckpointError, match=r"optimizer\.safetensors cannot be read"):
        load_checkpoint(tmp_path)
