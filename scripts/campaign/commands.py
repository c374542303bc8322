"""Commands of fsens, each typed into a process of its own that is forked from one in which everything is imported."""

import os
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

DONE, BAD_INPUT, KILLED = 0, 2, -signal.SIGKILL
LONGEST_SECONDS = 300
LONGEST_LINE = 2_000
MOST_LINES = 12
# Words of OmegaConf, of Hydra and of its grammar, which say nothing to a user.
FOREIGN = re.compile(
    r"ListConfig|DictConfig|OmegaConf|not Optional|could not be converted|Cannot (?:merge|convert|assign)|"
    r"Invalid (?:type|value) assigned|not a subclass|[Ii]nterpolation key|[Mm]issing mandatory|"
    r"Structured config|token recognition|no viable alternative|mismatched input|extraneous input|site-packages"
)


def warm_up() -> None:
    """Import what commands import, so that a fork starts at once; nothing of it starts a thread."""
    import matplotlib.pyplot as plt
    import pandas as pd
    import torch

    from fsens_cli import app
    from fsens_cli.commands import compare, evaluate, report, train
    from fsens_cli.config import compose

    del plt, pd, app, compare, evaluate, report, train, compose
    torch.set_num_threads(1)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: exit code (negative: the signal), what it printed, and how long it took."""

    code: int
    out: str
    err: str
    seconds: float

    def fault(self, *allowed: int) -> str:
        """Return what is wrong with the end of a command, empty where nothing is."""
        if "Traceback" in self.err or "Traceback" in self.out:
            return "traceback: " + self.err.strip().splitlines()[-1][:200]
        if self.code not in (allowed or (DONE, BAD_INPUT)):
            return f"exit code {self.code}: {self.err.strip()[-200:]}"
        if len(self.err.rstrip().splitlines()) > MOST_LINES:
            return f"{len(self.err.rstrip().splitlines())} lines on standard error"
        if foreign := FOREIGN.search(self.err):
            return f"words of a library ({foreign[0]}): {self.err.strip()[-200:]}"
        if self.code == BAD_INPUT:
            return self._fault_of_refusal()
        return ""

    def _fault_of_refusal(self) -> str:
        said = [line for line in self.err.splitlines() if line.startswith("error: ")]
        if len(said) != 1:
            return f"{len(said)} lines say the error: {self.err.strip()[-200:]}"
        if len(said[0]) > LONGEST_LINE:
            return f"an error of {len(said[0])} characters"
        if any(ord(c) < 32 and c not in "\n\t" for c in self.err + self.out):
            return "control characters reach the terminal"
        return ""


@dataclass(slots=True)
class Command:
    """A command that runs."""

    pid: int
    words: Path
    started: float = field(default_factory=time.monotonic)
    status: int | None = None

    def is_over(self) -> bool:
        """Return whether the process has ended."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = status if pid else None
        return self.status is not None

    def kill(self) -> None:
        """End the process as a power failure would."""
        if not self.is_over():
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, longest: float = LONGEST_SECONDS) -> Ended:
        """Return how the command ended; one that takes too long is killed, which is its exit code."""
        while not self.is_over():
            if time.monotonic() - self.started > longest:
                self.kill()
            time.sleep(0.005)
        assert self.status is not None
        out, err = ((self.words / name).read_text(errors="replace") for name in ("out", "err"))
        return Ended(os.waitstatus_to_exitcode(self.status), out, err, time.monotonic() - self.started)


def start(
    arguments: list[str], folder: Path, words: Path, *, home: Path | None = None, processor_seconds: int | None = None
) -> Command:
    """Type ``fsens ARGUMENTS`` in a folder; what it prints goes to files under ``words``."""
    words.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return Command(pid, words)
    code = 1
    try:
        os.chdir(folder)
        if processor_seconds is not None:
            resource.setrlimit(resource.RLIMIT_CPU, (processor_seconds, processor_seconds))
        if home is not None:
            os.environ["HOME"] = str(home)
        for number, name in ((0, os.devnull), (1, str(words / "out")), (2, str(words / "err"))):
            os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), number)
        code = _main(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _main(arguments: list[str]) -> int:
    from fsens_cli.app import main

    sys.argv = ["fsens", *arguments]
    try:
        main()
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        print(ended.code, file=sys.stderr)
        return 1
    except BaseException:  # noqa: BLE001 as the interpreter does: a traceback and exit code 1
        traceback.print_exc()
        return 1
    return 0


def run(arguments: list[str], folder: Path, longest: int = LONGEST_SECONDS, *, home: Path | None = None) -> Ended:
    """Type a command and wait for its end; it may use so many seconds of the processor, and wait ten times as long.

    A busy machine is no fault of the command, so what it waits for others does not count.
    """
    with words_folder() as words:
        return start(arguments, folder, words, home=home, processor_seconds=longest).wait(10 * longest)


@contextmanager
def words_folder() -> Iterator[Path]:
    """Give a folder for what a command prints, outside of where it works."""
    with tempfile.TemporaryDirectory(prefix="campaign-words-") as folder:
        yield Path(folder)
