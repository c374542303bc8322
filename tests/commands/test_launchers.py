"""Sweeps in other processes: the same numbers as without a launcher, and no job lost with one that dies."""

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from typer.testing import Result

from fsens_cli.config.launchers.choice import is_installed
from fsens_cli.runs.index import list_runs

Type = Callable[..., Result]

SWEEPS = Path("outputs/sweeps/measure")
SWEEP = SWEEPS / "v001"
FEW = ["--weights", "random", "data.test_size=20"]


def needs(extra: str, plugin: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not is_installed(plugin), reason=f'{plugin} is missing: pip install "fsens[{extra}]"')


NEEDS_JOBLIB = needs("joblib", "hydra_joblib_launcher")
NEEDS_SLURM = needs("slurm", "hydra_submitit_launcher")
NEEDS_RAY = needs("ray", "hydra_ray_launcher")

# Networks that end in many ways; `killed_beside` waits, so that it is known what the other jobs were doing then.
DYING = """
import json, os, signal, sys, time

def status(number):
    try:
        with open(f"outputs/sweeps/measure/v001/jobs/{number:03d}.json") as file:
            return json.load(file)["status"]
    except FileNotFoundError:
        return ""

def wait_for(number, wanted):
    while status(number) != wanted:
        time.sleep(0.05)

def make_too(num_classes=10):
    return make(num_classes)

def killed(num_classes=10):
    os.kill(os.getpid(), signal.SIGKILL)

def killed_beside(num_classes=10):
    wait_for(0, "done")
    wait_for(2, "running")
    os.kill(os.getpid(), signal.SIGKILL)

def slow(num_classes=10):
    time.sleep(600)

def failing(num_classes=10):
    print("noise of a network")
    raise RuntimeError("the machine was tired")
"""
HEALED = "\nkilled = killed_beside = slow = failing = make\n"


@pytest.fixture(autouse=True)
def networks(somewhere: Path) -> Path:
    net = somewhere / "net.py"
    net.write_text(net.read_text() + DYING)
    return net


def models(*functions: str) -> list[str]:
    return ["--model", ",".join(f"net.py:{name}" for name in functions)]


def records() -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((SWEEP / "jobs").glob("*.json"))]


def statuses() -> list[str]:
    return [record["status"] for record in records()]


def tables(sweep: Path) -> dict[str, dict[str, bytes]]:
    """What each finished job of a sweep found, to the byte."""
    table = pd.read_csv(sweep / "summary.csv")
    done = table[table["status"] == "done"]
    return {
        model: {path.name: path.read_bytes() for path in Path(folder).glob("*.csv")}
        for model, folder in zip(done["model"], done["folder"], strict=True)
    }


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@NEEDS_JOBLIB
def test_joblib_shares_the_threads_and_finds_the_same_numbers(fsens: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    # As on a machine of which torch would use four cores: two jobs at a time have two each.
    monkeypatch.setattr("fsens_cli.config.launch.num_threads", lambda: 4)
    jobs = [*models("make", "failing"), *FEW]
    result = fsens("measure", "-m", *jobs, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "--json")
    assert result.exit_code == 1, result.output
    # The contract of --json: nothing else on standard output, and no remarks.
    assert [bool(found) for found in json.loads(result.stdout)] == [True, False]
    assert result.stderr.splitlines()[-1].startswith("error: model=net.py:failing")
    assert "the machine was tired" in result.stderr
    assert statuses() == ["done", "failed"]
    run = json.loads((Path(records()[0]["folder"]) / "run.json").read_text())
    assert run["machine"]["cpu_threads"] == 2
    with threads(2):
        assert fsens("measure", "-m", *models("make"), *FEW).exit_code == 0
    assert tables(SWEEP) == tables(SWEEPS / "v002")
    assert len(tables(SWEEP)["net.py:make"]) >= 3


@pytest.mark.slow
@NEEDS_JOBLIB
def test_a_killed_worker_of_joblib_takes_only_what_was_running(fsens: Type, networks: Path) -> None:
    jobs = [*models("make", "killed_beside", "slow", "make_too"), *FEW]
    result = fsens("measure", "-m", *jobs, "--launcher", "joblib", "hydra.launcher.n_jobs=2")
    assert result.exit_code == 1, result.output
    assert statuses() == ["done", "failed", "failed", "done"]
    assert [bool("a worker process was killed (out of memory?)" in r["error"]) for r in records()] == [0, 1, 1, 0]
    assert "going on with the 1 not begun" in result.stderr
    assert pd.read_csv(SWEEP / "summary.csv")["status"].tolist() == statuses()
    kept = [records()[i]["folder"] for i in (0, 3)]
    networks.write_text(networks.read_text() + HEALED)
    again = fsens("measure", "--resume", str(SWEEP))
    assert again.exit_code == 0, again.output
    assert "2 jobs through joblib, 2 at a time" in again.stderr
    assert statuses() == ["done"] * 4
    assert [records()[i]["folder"] for i in (0, 3)] == kept


@pytest.mark.slow
@NEEDS_SLURM
def test_submitit_waits_for_all_and_another_launcher_goes_on(fsens: Type, networks: Path) -> None:
    jobs = [*models("killed", "make"), *FEW]
    result = fsens("measure", "-m", *jobs, "hydra/launcher=submitit_local", "hydra.launcher.cpus_per_task=1")
    assert result.exit_code == 1, result.output
    assert statuses() == ["failed", "done"]
    assert re.search(r"model=net.py:killed .*its process .*; its words are in .*/v001/submitit/", result.stderr)
    assert list((SWEEP / "submitit").glob("*.err"))
    networks.write_text(networks.read_text() + HEALED)
    again = fsens("measure", "--resume", str(SWEEP), "--launcher", "basic")
    assert again.exit_code == 0, again.output
    assert "through" not in again.stderr
    assert statuses() == ["done", "done"]
    assert fsens("measure", "-m", *jobs).exit_code == 0
    assert tables(SWEEP) == tables(SWEEPS / "v002")


@pytest.fixture
def ray_head(somewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A real ray on loopback, of this test alone (`ray stop` would end everybody's), with a token of its own."""
    (somewhere / "token").write_text(secrets.token_hex(32))
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(somewhere / "token"))
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    # Sockets have short paths only.
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    address = f"127.0.0.1:{free_port()}"
    settings = ["--node-ip-address=127.0.0.1", f"--port={address.partition(':')[2]}", f"--temp-dir={folder}"]
    settings += ["--num-cpus=2", "--object-store-memory=100000000", "--include-dashboard=false"]
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats"]
    process = subprocess.Popen([*command, *settings], stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until(lambda: listens(address), 120)
        yield address
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def listens(address: str) -> bool:
    host, _, port = address.partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
@NEEDS_RAY
@pytest.mark.filterwarnings("default")  # ray's own
def test_ray_on_a_running_head_then_on_its_own(fsens: Type, networks: Path, ray_head: str) -> None:
    jobs = [*models("killed", "make"), *FEW]
    address = f"hydra.launcher.ray.init.address='{ray_head}'"
    result = fsens("measure", "-m", *jobs, "--launcher", "ray", address)
    assert result.exit_code == 1, result.output
    assert statuses() == ["failed", "done"]
    assert "its ray worker was killed (out of memory?)" in result.stderr
    # No banner, no log lines of workers.
    assert set(result.stdout.splitlines()) & {str(SWEEP)}
    assert " INFO " not in result.output
    networks.write_text(networks.read_text() + HEALED)
    again = fsens("measure", "--resume", str(SWEEP), "hydra/launcher=ray", "hydra.launcher.ray.init.num_cpus=1")
    assert again.exit_code == 0, again.output
    assert "1 job through ray" in again.stderr
    assert statuses() == ["done", "done"]
    assert fsens("measure", "-m", *jobs).exit_code == 0
    assert tables(SWEEP) == tables(SWEEPS / "v002")


@NEEDS_RAY
def test_a_ray_that_is_not_there(fsens: Type) -> None:
    address = f"hydra.launcher.ray.init.address='127.0.0.1:{free_port()}'"
    result = fsens("measure", "-m", *models("make"), *FEW, "seed=0,1", "hydra/launcher=ray", address)
    assert result.exit_code == 2, result.output
    assert "error: the launcher ray cannot connect to 127.0.0.1:" in result.stderr
    assert f"Go on with: fsens measure --resume {SWEEP} --launcher basic" in result.stderr


def typed(*arguments: str) -> "subprocess.Popen[str]":
    """Start a command as a terminal would: in a process group of its own, which Ctrl-C reaches as a whole."""
    return subprocess.Popen(
        [sys.executable, "-m", "fsens_cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def working_here(folder: Path) -> list[int]:
    """The processes that work in a folder: children, theirs, and those in sessions of their own."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").resolve() == folder and int(process.name) != os.getpid():
                found.append(int(process.name))
    return found


def wait_until(true: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="finds processes by Linux's /proc")
@pytest.mark.parametrize(
    "launcher",
    [
        pytest.param("joblib", marks=NEEDS_JOBLIB),
        pytest.param("slurm-local", marks=NEEDS_SLURM),
        pytest.param("ray", marks=NEEDS_RAY),
    ],
)
def test_an_interrupted_sweep_leaves_no_process_and_says_how_to_go_on(launcher: str, somewhere: Path) -> None:
    own = ["hydra.launcher.n_jobs=2"] if launcher == "joblib" else []
    process = typed("measure", "-m", *models("make", "slow", "slow"), *FEW, "--launcher", launcher, *own)
    try:
        wait_until(lambda: statuses()[:2] == ["done", "running"], 300)
        assert len(working_here(somewhere)) > 1
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert out == ""
        assert err.splitlines()[-1] == (
            f"interrupted: finished jobs are kept; go on with: fsens measure --resume {SWEEP}"
        )
        assert "Traceback" not in err
        assert statuses() == ["done"]
        wait_until(lambda: working_here(somewhere) == [], 20)
    finally:
        for left in working_here(somewhere):
            os.kill(left, signal.SIGKILL)


@pytest.mark.slow
@NEEDS_JOBLIB
@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="finds processes by Linux's /proc")
def test_workers_do_not_outlive_a_killed_sweep(somewhere: Path) -> None:
    process = typed(
        "measure", "-m", *models("make", "slow", "slow"), *FEW, "--launcher", "joblib", "hydra.launcher.n_jobs=2"
    )
    try:
        wait_until(lambda: statuses()[:2] == ["done", "running"], 300)
        process.kill()
        process.communicate(timeout=60)
        wait_until(lambda: working_here(somewhere) == [], 3)
        assert "killed" in [entry.status for entry in list_runs(Path("outputs"))]
    finally:
        for left in working_here(somewhere):
            os.kill(left, signal.SIGKILL)
