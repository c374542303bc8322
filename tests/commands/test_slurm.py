"""What reaches Slurm and what comes back; small programs stand in for sbatch, srun, sacct and scancel."""

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from fsens_cli.config.launchers.choice import is_installed

SWEEP = Path("outputs/sweeps/measure/v001")

# An array of jobs runs at once, as on an empty cluster; each job sees what Slurm tells it.
SBATCH = """
import os, re, subprocess, sys
script = open(sys.argv[1]).read()
open("script.sh", "w").write(script)
last = int(re.search(r"--array=0-(\\d+)", script).group(1))
for k in range(last + 1):
    told = dict(JOB_ID=70 + k, ARRAY_JOB_ID=77, ARRAY_TASK_ID=k, NTASKS=1, JOB_NUM_NODES=1)
    told |= dict(NODEID=0, PROCID=0, LOCALID=0)
    env = os.environ | {f"SLURM_{name}": str(value) for name, value in told.items()}
    nothing = subprocess.DEVNULL
    subprocess.Popen(["bash", sys.argv[1]], env=env, stdin=nothing, stdout=nothing, stderr=nothing)
print("Submitted batch job 77")
"""
SRUN = """
import os, sys
arguments, places = sys.argv[1:], {}
while arguments[0].startswith("-"):
    flag = arguments.pop(0)
    if flag in ("--output", "--error"):
        places[flag] = arguments.pop(0)
for number, flag in ((1, "--output"), (2, "--error")):
    path = places[flag].replace("%A", "77").replace("%a", os.environ["SLURM_ARRAY_TASK_ID"]).replace("%t", "0")
    os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
os.execvp(arguments[0], arguments)
"""
SACCT = """
print("JobID|State|NodeList")
print("77_0|RUNNING|here")
print("77_1|RUNNING|here")
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("sbatch", SBATCH), ("srun", SRUN), ("sacct", SACCT), ("scancel", "")):
        (programs / name).write_text(f"#!{sys.executable}\n{text}")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.slow
@pytest.mark.skipif(not is_installed("hydra_submitit_launcher"), reason='needs pip install "fsens[slurm]"')
@pytest.mark.usefixtures("cluster")
def test_slurm(fsens: Callable[..., Result]) -> None:
    given = ["partition=gpu", "timeout_min=30", "gpus_per_node=1", "cpus_per_task=2", "mem_gb=8", "account=me"]
    result = fsens(
        *["measure", "-m", "--model", "net.py:make", "--weights", "random", "data.test_size=20"],
        *["seed=0,1", "--launcher", "slurm", *(f"hydra.launcher.{text}" for text in given)],
        "hydra.launcher.additional_parameters.mail-user=me@example.org",
    )
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("2 jobs through slurm, threads each: 2\n")
    asked = set(re.findall(r"^#SBATCH --(.*)$", Path("script.sh").read_text(), flags=re.MULTILINE))
    wanted = {"partition=gpu", "time=30", "gpus-per-node=1", "cpus-per-task=2", "mem=8GB", "account=me", "nodes=1"}
    wanted |= {"array=0-1%2", "job-name=fsens-measure", "ntasks-per-node=1", "mail-user=me@example.org"}
    assert wanted <= asked
    for number in (0, 1):
        record = json.loads((SWEEP / "jobs" / f"{number:03d}.json").read_text())
        run = json.loads((Path(record["folder"]) / "run.json").read_text())
        assert (record["status"], run["status"], run["machine"]["cpu_threads"]) == ("done", "done", 2)
        assert (SWEEP / "submitit" / f"77_{number}_0_log.err").is_file()


@pytest.mark.skipif(not is_installed("hydra_submitit_launcher"), reason='needs pip install "fsens[slurm]"')
@pytest.mark.usefixtures("cluster")
def test_slurm_refuses(fsens: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "bin" / "sbatch").write_text("#!/bin/sh\necho 'invalid partition specified: nosuch' >&2\nexit 1\n")
    result = fsens("measure", "-m", "seed=0,1", "--launcher", "slurm", "hydra.launcher.partition=nosuch")
    assert result.exit_code == 2, result.output
    assert "error: the launcher slurm cannot submit jobs: " in result.stderr
    assert "invalid partition specified: nosuch" in result.stderr
    assert f"Go on with: fsens measure --resume {SWEEP} --launcher basic" in result.stderr.replace("\n       ", " ")
    assert not list(Path("outputs").glob("measure/*"))
