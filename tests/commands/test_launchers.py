"""Sweeps in other processes: the same numbers as without a launcher, and no job lost with one that dies."""

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
import torch
from typer.testing import Result

Type = Callable[..., Result]

SWEEP = Path("outputs/sweeps/measure/v001")
FEW = ["--weights", "random", "data.test_size=20", "num_resamples=100"]


def needs(package: str, extra: str) -> pytest.MarkDecorator:
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f'{package} is not here: pip install "fsens[{extra}]"')


NEEDS_JOBLIB = needs("joblib", "joblib")
NEEDS_SLURM = needs("submitit", "slurm")
NEEDS_RAY = needs("ray", "ray")

# Networks that end in many ways; `ended` waits, so that it is known what the others were doing then.
DYING = """
import json, os, signal, sys, time, warnings
from pathlib import Path
from net import make

def status(number):
    try:
        return json.loads(Path(f"outputs/sweeps/measure/v001/jobs/{number:03d}.json").read_text())["status"]
    except FileNotFoundError:
        return ""

def wait_for(number, wanted):
    while status(number) != wanted:
        time.sleep(0.05)

def killed(num_classes=10):
    wait_for(0, "done")
    if Path("two").exists():
        wait_for(2, "running")
    os.kill(os.getpid(), signal.SIGKILL)

def sleeping(num_classes=10):
    time.sleep(600)

def failing(num_classes=10):
    raise RuntimeError("the machine was tired")
"""


@pytest.fixture(autouse=True)
def dying(somewhere: Path) -> None:
    # Files of a user do not see each other: one file holds both.
    net = (somewhere / "net.py").read_text()
    (somewhere / "net.py").write_text(net + DYING.replace("from net import make\n", ""))


def records() -> dict[int, dict[str, object]]:
    return {int(p.stem): json.loads(p.read_text()) for p in (SWEEP / "jobs").glob("*.json")}


def statuses() -> list[object]:
    return [record["status"] for _, record in sorted(records().items())]


def tables(sweep: Path) -> list[dict[str, bytes]]:
    """What each job of a sweep found, to the byte."""
    folders = [Path(f) for f in pd.read_csv(sweep / "summary.csv")["folder"]]
    return [{p.name: p.read_bytes() for p in folder.glob("*.csv")} for folder in folders]


def same_as_without(fsens: Type, launcher: list[str]) -> Result:
    """Run two jobs through a launcher and without one; everything they found is the same."""
    both = ["measure", "-m", "--model", "net.py:make", *FEW, "seed=0,1"]
    result = fsens(*both, *launcher)
    assert result.exit_code == 0, result.output
    assert statuses() == ["done", "done"]
    assert fsens(*both).exit_code == 0
    assert tables(SWEEP) == tables(SWEEP.with_name("v002"))
    assert len(tables(SWEEP)[0]) >= 3
    first, second = (pd.read_csv(p / "summary.csv") for p in (SWEEP, SWEEP.with_name("v002")))
    pd.testing.assert_frame_equal(first.drop(columns="folder"), second.drop(columns="folder"))
    return result


def threads_used() -> list[int]:
    folders = [Path(str(record["folder"])) for record in records().values()]
    return [json.loads((folder / "run.json").read_text())["machine"]["cpu_threads"] for folder in folders]


@NEEDS_JOBLIB
def test_joblib_finds_the_same_numbers(fsens: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    # As on a machine with four cores: two jobs at a time have two each.
    monkeypatch.setattr("fsens_cli.config.launch.num_threads", lambda: 4)
    result = fsens(
        "measure", "-m", "--launcher", "joblib", "hydra.launcher.n_jobs=2",
        "--model", "net.py:make,net.py:failing", *FEW, "data.low_cue=0,.1", "--json",
    )  # fmt: skip
    assert result.exit_code == 1
    assert statuses() == ["done", "done", "failed", "failed"]
    # Nothing but JSON, as without a launcher.
    shown = json.loads(result.stdout)
    assert [bool(found) for found in shown] == [True, True, False, False]
    assert result.stderr.count("the machine was tired") == 2
    assert threads_used()[:2] == [2, 2]


@NEEDS_JOBLIB
def test_through_joblib(fsens: Type) -> None:
    result = same_as_without(fsens, ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"])
    head, *lines = result.stderr.splitlines()
    assert head == "2 jobs through joblib, 2 at a time, threads each: 1"
    assert sorted(line.split(":")[0] for line in lines if "outputs" in line) == [
        f"model=net.py seed={seed}" if False else line.split(":")[0] for seed, line in enumerate(sorted(lines))
    ]
