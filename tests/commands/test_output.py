"""What is printed, to whom: closed pipes, narrow encodings."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

ROOT = Path(__file__).resolve().parents[2]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "fsens_cli", *arguments]


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | more


@pytest.mark.parametrize("arguments", [["--help"], ["measure", "--help"], ["data"]])
def test_a_pipe_that_nobody_reads_is_no_error(arguments: list[str]) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    try:
        done = subprocess.run(
            command(*arguments), stdout=writes, stderr=subprocess.PIPE, env=environment(), text=True, check=False
        )
    finally:
        os.close(writes)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_error_before_a_closed_pipe_is_one() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    try:
        done = subprocess.run(command("nothing"), stdout=writes, stderr=subprocess.PIPE, env=environment(), check=False)
    finally:
        os.close(writes)
    assert done.returncode == 2


@pytest.mark.usefixtures("no_figures")  # their font lacks it, too
def test_a_title_that_the_terminal_s_encoding_lacks(measure: Callable[..., Result], somewhere: Path) -> None:
    done = measure("data.title='周波数'", "--quiet")
    run = done.stdout.strip()
    shown = subprocess.run(
        command("show", run),
        capture_output=True,
        env=environment(PYTHONIOENCODING="ascii"),
        cwd=somewhere,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    assert rb"\u5468\u6ce2\u6570" in shown.stdout
