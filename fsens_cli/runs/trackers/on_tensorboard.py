"""A training's numbers as event files in its run folder, for ``tensorboard --logdir outputs``."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from fsens_cli.errors import OutputError
from fsens_cli.runs.trackers.tracker import Tracker

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"


class EventFiles:
    """Writes one event a number; what is written is on the disk when ``log`` returns."""

    def __init__(self, writer: "SummaryWriter") -> None:
        self.writer = writer

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        """Write the numbers under their names."""
        for name, value in numbers.items():
            self.writer.add_scalar(name, value, step)
        self.writer.flush()


@contextmanager
def event_files(run: Path) -> Iterator[Tracker]:
    """Yield a tracker that writes into ``run/tensorboard``; a continued run adds a file to those that are there.

    Raises:
        OutputError: the folder cannot be written.
    """
    from torch.utils.tensorboard import SummaryWriter

    try:
        writer = SummaryWriter(str(run / FOLDER))
    except OSError as error:
        raise OutputError(f"cannot write to {run / FOLDER} ({error.strerror}): free space, or tracker=none.") from error
    try:
        yield EventFiles(writer)
    finally:
        # What failed before fails again here, and has been told.
        with suppress(OSError):
            writer.close()
