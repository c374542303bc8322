"""What the terminal shows while the jobs of a sweep run in other processes."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fsens_cli.commands.console import note, stderr
from fsens_cli.commands.options import Flags
from fsens_cli.commands.sweep_job import in_one_line, in_words
from fsens_cli.runs.sweep_files import JobRecord, read_job

POLL_SECONDS = 0.5


@contextmanager
def telling(folder: Path, numbers: Iterable[int], flags: Flags) -> Iterator[None]:
    """Print one line for each job that ends, and its warnings, as its record appears in the sweep's folder.

    Processes share no terminal, and need not be on this machine; what they write arrives whole and in order.
    """
    waiting, stop = list(numbers), threading.Event()

    def look() -> None:
        for number in list(waiting):
            record = read_job(folder, number)
            if record is not None and record.status in ("done", "failed"):
                waiting.remove(number)
                _tell(record, flags)

    def watch() -> None:
        while not stop.wait(POLL_SECONDS):
            look()

    watcher = threading.Thread(target=watch, name="sweep-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()
        look()


def _tell(record: JobRecord, flags: Flags) -> None:
    if record.said:
        stderr().print(f"{in_words(record.settings)}:\n{record.said}", markup=False)
    note(in_one_line(record), flags)
