"""The record of a verb: all that the command line, sweeps, comparisons and pages need to know of it.

Nothing heavy is imported to read it: what does the work is named ``"module:attribute"`` and imported when it is used.
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from fsens_cli.commands.options import Flags
    from fsens_cli.config.compose import Request
    from fsens_cli.config.jobs import JobFields
    from fsens_cli.runs.findings_files import FigureFile

Rows = Sequence[tuple[str, str]]
CHANGE, PROBE = "Measure and change", "Probe and defend"


class Task(Protocol):
    """Does one job and returns the folder of its run."""

    def __call__(self, job: "JobFields", config_yaml: str, flags: "Flags") -> Path:
        """Do it."""


class Resume(Protocol):
    """Goes on with a single run, and returns its folder."""

    def __call__(self, name: str, request: "Request", flags: "Flags") -> Path:
        """Do it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One verb.

    Attributes:
        name: as it is typed, and as its folders are named; with underscores it is the name of its root configuration.
        panel: under which heading of `fsens --help` it stands.
        help: one line on what it does.
        question: what it asks, for pages.
        reading: how its numbers are to be read, for pages.
        job: the type of its settings.
        task: does one job; a `Task`.
        draw: draws a run's figures again from its folder alone: ``(folder, formats) -> list[FigureFile]``.
        columns: keys of the numbers in a sweep's table.
        settings: what people change most, with the defaults.
        examples: command lines.
        results: what it leaves and where.
        resume: goes on with a single run, a `Resume`; empty where runs are too short for that.
        order: key of the number by which a sweep's jobs are listed; empty for the order in which they ran.
        shares_processes: whether torchrun may start it in several processes.
    """

    name: str
    panel: str
    help: str
    question: str
    reading: str
    job: str
    task: str
    draw: str
    columns: tuple[str, ...]
    settings: Rows
    examples: Sequence[str]
    results: str
    resume: str = ""
    order: str = ""
    shares_processes: bool = False

    @property
    def config(self) -> str:
        """The name of its root configuration."""
        return self.name.replace("-", "_")

    def job_type(self) -> "type[JobFields]":
        """Import the type of its settings."""
        found: type[JobFields] = imported(self.job)
        return found

    def do(self) -> Task:
        """Import what does one job."""
        found: Task = imported(self.task)
        return found

    def go_on(self) -> Resume | None:
        """Import what goes on with a run; None where nothing does."""
        return imported(self.resume) if self.resume else None

    def redraw(self) -> "Callable[[Path, Sequence[str]], list[FigureFile]]":
        """Import what draws a run's figures again."""
        found: Callable[[Path, Sequence[str]], list[FigureFile]] = imported(self.draw)
        return found


def imported(target: str) -> Any:
    """Return what ``"module:attribute"`` names."""
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)
