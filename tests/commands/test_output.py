"""What is printed, to whom: closed pipes, narrow encodings."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from fsens_cli.commands.console import note, progress
from fsens_cli.commands.options import Flags

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


@pytest.mark.parametrize(
    ("flags", "seconds", "said"),
    [
        (Flags(), 20.0, "hybrids: 10 of 1,000 after 20 s, about 33 min to go\n"),
        (Flags(), 0.5, ""),
        (Flags(quiet=True), 20.0, ""),
        (Flags(json=True), 20.0, ""),
    ],
)
def test_without_a_bar_one_line_says_how_long_a_job_takes(
    flags: Flags, seconds: float, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [100.0]
    monkeypatch.setattr("fsens_cli.commands.console.time.monotonic", lambda: now[0])
    with progress("hybrids", 1000, flags) as advance:
        for done in (10, 20, 30):
            now[0] += seconds
            advance(done)
    assert capsys.readouterr().err == said


def test_what_is_said_while_a_bar_is_shown_stands_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with progress("training", 6, Flags()) as advance:
        advance(2)
        note("epoch 1 of 3", Flags())
        advance(4)
    note("done", Flags())
    lines = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", part) for part in re.split(r"[\r\n]|\x1b\[2K", written.getvalue())]
    assert "epoch 1 of 3" in [line.strip() for line in lines]
    assert "done" in [line.strip() for line in lines]


def test_a_remark_breaks_between_words_on_a_terminal_and_nowhere_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "dualband, 3x32x32: normalised by mean 0.5, std 0.1470/0.1469/0.1469 (packaged:standard)"
    for is_terminal in (False, True):
        written = io.StringIO()
        monkeypatch.setattr("sys.stderr", written)
        monkeypatch.setenv("COLUMNS", "80")
        if is_terminal:
            monkeypatch.setenv("FORCE_COLOR", "1")
            monkeypatch.setenv("TERM", "xterm")
        note(said, Flags())
        lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in written.getvalue().splitlines()]
        assert lines == ([said] if not is_terminal else [said[: said.rindex(" ")], "(packaged:standard)"])
