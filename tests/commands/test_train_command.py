"""`fsens train` from end to end: its files, weights for later runs, and stopping and going on in real processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from typer.testing import Result

from fsens_cli.commands import train_recorder
from fsens_cli.runs.folder import RunFolder
from fsens_cli.runs.owner import Ownership

Type = Callable[..., Result]
ErrorOf = Callable[[Result], str]

TINY = (
    "model.kwargs.width=8", "data.train_size=160", "data.test_size=40", "batch_size=32", "val_fraction=0.2",
    "probe_size=8", "--quiet",
)  # fmt: skip


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(str(run / "checkpoints" / "best.safetensors"))


def test_files_and_the_weights_serve_later_runs(fsens: Type) -> None:
    trained = fsens("train", *TINY, "epochs=2", "regularizer=lsf", "frontend=blur", "frontend.sigma=0.7", "tag=t")
    assert trained.exit_code == 0, trained.output
    run = Path(trained.stdout.strip())
    assert run == Path("outputs/train/resnet8-dualband-t/v001")
    results = json.loads((run / "results.json").read_text())
    record = json.loads((run / "run.json").read_text())
    history = pd.read_csv(run / "training.csv")
    assert record["status"] == "done"
    assert record["training"] == results["training"] == "lsf+blur"
    assert results["test_accuracy"]["n"] == 40
    assert results["num_train"] + results["num_validation"] == 160
    assert list(history["epoch"]) == [1, 2]
    shares = history[["probe_low_share", "probe_mid_share", "probe_high_share"]].sum(axis=1)
    assert list(shares) == pytest.approx([1, 1])
    for name in ("training.png", "spectrum.png", "map.png", "spectrum.csv", "per_image.csv", "config.yaml"):
        assert (run / name).stat().st_size > 0, name
    # The checkpoint knows its normalisation, its blur and its constructor's arguments.
    again = fsens("measure", "--weights", f"run:{run}", "data.test_size=40", "--json")
    assert again.exit_code == 0, again.output
    measured = json.loads(again.stdout)
    for now, then in zip(measured["bands"], results["measure"]["bands"], strict=True):
        # Another memory layout adds in another order.
        assert now["share"]["value"] == pytest.approx(then["share"]["value"], abs=1e-6)
    assert measured["accuracy"] == results["measure"]["accuracy"]
    shown = fsens("show", str(run), "--plot")
    assert shown.exit_code == 0, shown.output
    assert "lsf+blur training" in shown.stdout


def test_training_on_from_weights_keeps_their_normalisation_and_blur(fsens: Type) -> None:
    first = fsens("train", *TINY, "epochs=1", "frontend=blur", "frontend.sigma=0.7", "data.low_cue=2")
    start_run = Path(first.stdout.strip())
    arguments = [a for a in TINY if not a.startswith("model.kwargs")]
    second = fsens("train", *arguments, "epochs=1", "--weights", f"run:{start_run}")
    assert second.exit_code == 0, second.output
    descriptions = []
    for run in (start_run, Path(second.stdout.strip())):
        with safe_open(str(run / "checkpoints" / "best.safetensors"), framework="pt") as file:
            descriptions.append(json.loads(file.metadata()["fsens"]))
    before, after = descriptions
    assert before["frontend"] == after["frontend"] == {"name": "blur", "sigma": 0.7, "components": 512}
    assert before["model"] == after["model"]
    assert before["model"]["mean"] != []


def test_principal_components_are_found_before_training_and_again_for_later_runs(fsens: Type) -> None:
    small = (*TINY, "data.size=[16,16]")  # the components of 768 numbers, not of 3,072
    trained = fsens("train", *small, "epochs=1", "frontend=pca", "frontend.components=20")
    assert trained.exit_code == 0, trained.output
    weights_of_run = f"run:{trained.stdout.strip()}"
    data = [a for a in small if a.startswith("data.")]
    behind, without = (
        fsens("measure", "--weights", weights_of_run, *data, "num_images=20", *more, "--json")
        for more in ([], ["frontend=pca", "frontend.components=20"])
    )
    assert behind.exit_code == 0, behind.output
    assert json.loads(behind.stdout)["bands"] == json.loads(without.stdout)["bands"]


def test_a_target_spectrum_from_another_run(fsens: Type) -> None:
    first = fsens("measure", "--weights", "random", "num_images=10", "data.test_size=10", "--quiet")
    spectrum = Path(first.stdout.strip()) / "spectrum.csv"
    trained = fsens("train", *TINY, "epochs=1", "regularizer=target", f"regularizer.file={spectrum}")
    assert trained.exit_code == 0, trained.output
    history = pd.read_csv(Path(trained.stdout.strip()) / "training.csv")
    assert 0 < history["penalty"][0] < 20


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (None, "there is no such file"),
        ("radius,share\n1,0.5\n3,0.5\n", "lacks the radii 2"),
        ("radius,share\n1,0.5\n2,0.2\n", "add up to 0.7, expected 1"),
        ("radius,share\n1,1.5\n2,-0.5\n", "shares must be numbers from 0 up"),
        ("radius,share\n1,0.5\n1,0.5\n", "names a radius twice"),
        ("frequency,share\n1,1\n", "needs the columns radius and share, got frequency, share"),
        ("radius,share\n1,0.5\n2,0.5\n", "has 2 radii and 32x32 images have 23"),
    ],
)
def test_refuses_a_bad_target(rows: str | None, message: str, fsens: Type, error_of: ErrorOf) -> None:
    if rows is not None:
        Path("s.csv").write_text(rows)
    error = error_of(fsens("train", *TINY, "regularizer=target", "regularizer.file=s.csv"))
    assert message in error
    assert not Path("outputs").exists() or not any(Path("outputs").iterdir())


def test_refuses_flips_that_change_the_class(fsens: Type, error_of: ErrorOf) -> None:
    assert "a mirror image of dualband belongs to another class" in error_of(
        fsens("train", *TINY, "augment.flip=random")
    )


def test_weights_of_epochs_are_kept_and_measured(fsens: Type) -> None:
    run = Path(fsens("train", *TINY, "epochs=2", "keep_every=1").stdout.strip())
    files = [run / "checkpoints" / f"epoch-{epoch:05d}.safetensors" for epoch in (1, 2)]
    shares = []
    for file in files:
        measured = fsens("measure", "--weights", str(file), "data.test_size=40", "--json")
        assert measured.exit_code == 0, measured.output
        shares.append([band["share"]["value"] for band in json.loads(measured.stdout)["bands"]])
    history = pd.read_csv(run / "training.csv")
    best = int(json.loads((run / "results.json").read_text())["best_epoch"])
    for name, value in weights(run).items():
        assert torch.equal(value, load_file(str(files[best - 1]))[name]), name
    assert shares[0] != shares[1]
    assert len(history) == 2


def test_a_run_is_continued_by_its_own_verb_alone(fsens: Type) -> None:
    run = RunFolder.create(Path("outputs"), "train", "net", config_yaml="", record={})
    run.owner.release()
    refused = fsens("evaluate", "--resume", str(run.path))
    assert refused.exit_code == 2
    assert f"is a run of train, not of evaluate: go on with `fsens train --resume {run.path}`" in refused.stderr


def stop_at_checkpoint(number: int, patch: pytest.MonkeyPatch) -> None:
    """Stop trainings before they write that checkpoint."""
    left = iter(range(number - 1))
    save = train_recorder.save_checkpoint

    def saved(*arguments: Any) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        save(*arguments)

    patch.setattr(train_recorder, "save_checkpoint", saved)


def files(run: Path) -> dict[str, bytes]:
    """Return what a run holds beside its record and where it is."""
    found = {str(p.relative_to(run)): p.read_bytes() for p in run.rglob("*") if p.is_file()}
    return {name: content for name, content in found.items() if name not in ("run.json", "config.yaml")}


def test_a_training_without_a_checkpoint_begins_anew(fsens: Type) -> None:
    settings = [*TINY[:-1], "measure_images=20", "epochs=2", "keep_every=1", "--weights", "random"]
    straight = Path(fsens("train", *settings, "--quiet", "--out", "straight").stdout.strip())
    run = Path("outputs/train/resnet8-dualband/v001")
    with pytest.MonkeyPatch.context() as patch:
        stop_at_checkpoint(1, patch)
        stopped = fsens("train", *settings, "--quiet")
    assert stopped.exit_code == 130
    assert f"go on with: fsens train --resume {run}" in stopped.stderr
    assert (run / "checkpoints" / "best.safetensors").exists()
    resumed = fsens("train", "--resume", str(run))
    assert resumed.exit_code == 0, resumed.output
    assert resumed.stderr.count(f"{run} stopped before its first checkpoint: it begins anew\n") == 1
    assert files(run) == files(straight)
    assert json.loads((run / "run.json").read_text())["status"] == "done"


def test_what_differs_is_refused_as_often_as_it_is_tried(fsens: Type) -> None:
    run = Path("outputs/train/resnet8-dualband/v001")
    with pytest.MonkeyPatch.context() as patch:
        stop_at_checkpoint(1, patch)
        fsens("train", *TINY, "epochs=1")
    record = json.loads((run / "run.json").read_text())
    other_inputs = {"weights_sha256": "0", "data_fingerprint": "0"}
    for changes, message in [
        (other_inputs, "was started with other images and weights than now: start a new run."),
        ({"schema": 1}, "was written by another version of fsens: start a new run, or go on with that one."),
    ]:
        (run / "run.json").write_text(json.dumps(record | changes))
        for _ in range(2):
            refused = fsens("train", "--resume", str(run), "--quiet")
            assert refused.exit_code == 2, refused.output
            assert message in " ".join(refused.stderr.split())


def test_no_way_on_is_named_where_there_is_none(fsens: Type) -> None:
    run = RunFolder.create(Path("outputs"), "measure", "net", config_yaml="", record={})
    run.owner.release()
    refused = fsens("train", "--resume", str(run.path))
    assert refused.exit_code == 2
    said = " ".join(refused.stderr.split())
    assert f"{run.path} is a run of measure, which keeps nothing to go on from: start it again." in said


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "fsens_cli", "train", *TINY, "epochs=6", *arguments]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_epoch(run: Path, epoch: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not list((run / "checkpoints").glob(f"at-{epoch:05d}-*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_stopped_and_resumed_equals_uninterrupted(number: int, fsens: Type) -> None:
    straight = fsens("train", *TINY, "epochs=6", "regularizer=asf", "--out", "straight")
    assert straight.exit_code == 0, straight.output
    process = start(Path.cwd(), "regularizer=asf")
    run = Path("outputs/train/resnet8-dualband/v001")
    wait_for_epoch(run, 1, process)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    status = json.loads((run / "run.json").read_text())["status"]
    if number == signal.SIGTERM:
        assert process.returncode == 130
        assert status == "interrupted"
        assert f"continue with: fsens train --resume {run}" in said
    else:
        assert status == "running"  # nobody was left to say otherwise
        assert "killed" in fsens("runs").stdout
        assert "is killed, not done" in fsens("show", str(run)).stderr
    newest = sorted((run / "checkpoints").glob("at-*"))[-1]
    state = (newest / "state.json").read_bytes()
    (newest / "state.json").write_bytes(state.replace(b'"epoch": ', b'"epoch": -', 1))
    refused = fsens("train", "--resume", str(run))
    assert refused.exit_code == 2
    assert f"{newest} is damaged: state.json is not what was written" in refused.stderr
    assert json.loads((run / "run.json").read_text())["status"] == status
    (newest / "state.json").write_bytes(state)
    other = Ownership.take(run)
    refused = fsens("train", "--resume", str(run))
    assert refused.exit_code == 2
    assert f"{run} is still running (pid {os.getpid()}, host " in refused.stderr
    other.release()
    refused = fsens("train", "--resume", str(run), "epochs=9", "optim.lr=0.3")
    assert refused.exit_code == 2
    assert "started with other settings of epochs, optim.lr" in refused.stderr
    resumed = fsens("train", "--resume", str(run), "--quiet")
    assert resumed.exit_code == 0, resumed.output
    expected = weights(Path(straight.stdout.strip()))
    for name, value in weights(run).items():
        assert torch.equal(value, expected[name]), name
    assert (run / "training.csv").read_bytes() == (Path(straight.stdout.strip()) / "training.csv").read_bytes()
    assert json.loads((run / "run.json").read_text())["status"] == "done"
    assert "is finished: there is nothing to resume" in fsens("train", "--resume", str(run)).stderr
