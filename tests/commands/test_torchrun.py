"""`fsens train` as torchrun starts it: one run folder, one voice, stopping together, going on alone."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from two_processes import LOOPBACK
from typer.testing import Result

from fsens_cli.app import main
from fsens_cli.errors import ConfigError
from fsens_cli.parallel.meeting import own_device
from fsens_cli.parallel.place import Place, place_in_torchrun

Type = Callable[..., Result]
ErrorOf = Callable[[Result], str]

TINY = (
    "model.kwargs.width=8", "data.train_size=160", "data.test_size=40", "batch_size=32", "val_fraction=0.2",
    "probe_size=8", "--device", "cpu", "--quiet",
)  # fmt: skip
RUN = Path("outputs/train/resnet8-dualband/v001")


def torchrun(*arguments: str) -> subprocess.Popen[str]:
    """Start two processes of `fsens train` that meet on this machine's own address."""
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": LOOPBACK}
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1",
        "--nproc-per-node", "2", "-m", "fsens_cli", "train", *TINY, *arguments,
    ]  # fmt: skip
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(str(run / "checkpoints" / "best.safetensors"))


def record(run: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((run / "run.json").read_text())
    return content


def finished(*arguments: str) -> None:
    """Train in two processes to the end."""
    process = torchrun(*arguments)
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert said == f"{RUN}\n"


@pytest.mark.slow
def test_two_processes_leave_one_run() -> None:
    finished("epochs=1", "regularizer=lsf")
    assert [p.parent for p in Path.cwd().rglob("run.json") if not p.parent.is_symlink()] == [Path.cwd() / RUN]
    assert (record(RUN)["status"], record(RUN)["num_processes"]) == ("done", 2)


@pytest.mark.slow
def test_two_processes_train_as_one(fsens: Type) -> None:
    finished("epochs=1", "regularizer=lsf")
    alone = fsens("train", *TINY, "epochs=1", "regularizer=lsf", "--out", "alone")
    expected = Path(alone.stdout.strip())
    assert record(expected)["num_processes"] == 1
    for name, value in weights(expected).items():
        # In float32 another order of the same images in one process changes the weights as much.
        torch.testing.assert_close(weights(RUN)[name], value, rtol=1e-2, atol=2e-3)
    columns = ["epoch", "lr", "train_loss", "penalty", "skipped_images"]
    shared, single = (pd.read_csv(run / "training.csv")[columns] for run in (RUN, expected))
    pd.testing.assert_frame_equal(shared, single, rtol=1e-3)


@pytest.mark.slow
def test_stopped_together_and_continued_by_one(fsens: Type) -> None:
    process = torchrun("epochs=6")
    deadline = time.monotonic() + 120
    while not list((RUN / "checkpoints").glob("at-00001-*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert record(RUN)["status"] == "interrupted", errors
    assert errors.count(f"continue with: fsens train --resume {RUN}") == 1
    resumed = fsens("train", "--resume", str(RUN), "--quiet")
    assert resumed.exit_code == 0, resumed.output
    assert (record(RUN)["status"], record(RUN)["num_processes"]) == ("done", 1)
    straight = fsens("train", *TINY, "epochs=6", "--out", "straight")
    columns = ["epoch", "lr", "train_loss"]
    shared, single = (pd.read_csv(run / "training.csv")[columns] for run in (RUN, Path(straight.stdout.strip())))
    pd.testing.assert_frame_equal(shared, single, rtol=0.02)


@pytest.mark.slow
def test_a_refusal_is_said_once_and_leaves_nothing() -> None:
    process = torchrun("batch_size=33")
    said, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    assert said == ""
    assert errors.count("error: ") == 1
    assert "batch_size=33 is the batch of all processes together, and 2 processes cannot share it" in errors
    assert "exitcode  : 2" in errors
    assert not Path("outputs").exists()


@pytest.fixture
def started_by_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "TORCHELASTIC_RUN_ID": "none", "RANK": "0", "WORLD_SIZE": "8", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "4",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("started_by_torchrun")
def test_place() -> None:
    assert place_in_torchrun() == Place(rank=0, size=8, local_rank=0, local_size=4)


def test_one_process_is_no_company(started_by_torchrun: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert place_in_torchrun() is None


@pytest.mark.usefixtures("started_by_torchrun")
@pytest.mark.parametrize("command", [["measure"], ["runs"], ["report", "latest"]])
def test_other_verbs_are_refused(command: list[str], fsens: Type, error_of: ErrorOf) -> None:
    assert f"only `fsens train` is for several: run `fsens {command[0]}`" in error_of(fsens(*command))


@pytest.mark.usefixtures("started_by_torchrun")
def test_sweeps_are_refused(fsens: Type, error_of: ErrorOf) -> None:
    assert "torchrun is for one training: leave out -m" in error_of(fsens("train", "-m", "seed=0,1"))


def test_only_the_first_process_speaks(
    started_by_torchrun: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["fsens", "measure"])
    codes = []
    heard = []
    for rank in ("0", "3"):
        monkeypatch.setenv("RANK", rank)
        with pytest.raises(SystemExit) as left:
            main()
        codes.append(left.value.code)
        heard.append(capfd.readouterr().err)
    assert codes == [2, 0]
    assert "error: torchrun started 8 processes" in heard[0]
    assert heard[1] == ""


def test_each_process_takes_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(rank=6, size=8, local_rank=2, local_size=4)
    assert own_device("cpu", place) == "cpu"
    for available, count in ((False, 0), (True, 4), (True, 2)):
        monkeypatch.setattr("torch.cuda.is_available", lambda available=available: available)
        monkeypatch.setattr("torch.cuda.device_count", lambda count=count: count)
        if count == 4:
            assert [own_device(name, place) for name in ("auto", "cuda")] == ["cuda:2", "cuda:2"]
            with pytest.raises(ConfigError, match="device=cuda:1 under torchrun: every process takes a GPU of its own"):
                own_device("cuda:1", place)
        elif count == 2:
            with pytest.raises(ConfigError, match="started 4 processes on a machine with 2 usable CUDA devices"):
                own_device("auto", place)
        else:
            assert own_device("auto", place) == "cpu"
