"""One job of a sweep: the verb's own work, and the record of how it ended."""

import contextlib
import io
import traceback
from dataclasses import dataclass, replace
from pathlib import Path

from fsens_cli.commands.boundary import told_of_model
from fsens_cli.commands.console import note, stderr
from fsens_cli.commands.library_words import libraries_unheard
from fsens_cli.commands.options import Flags
from fsens_cli.commands.verbs.verb import Task
from fsens_cli.config.jobs import JobFields
from fsens_cli.errors import Interrupted
from fsens_cli.memory import keep_freed_memory
from fsens_cli.runs.sweep_files import JobRecord, forget_jobs, write_job
from fsens_cli.text import in_255ths


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepJob:
    """Does one job and records how it ended. Plain data, so that a launcher can send it to another process.

    Attributes:
        task: does the verb's work; a function of a module.
        flags: how to show what is done.
        swept: the settings that tell the jobs apart.
        folder: of the sweep.
        num_jobs: of the whole sweep.
        varied: those of the swept settings that differ between jobs; they are what is said of one.
        elsewhere: whether this runs in another process, which keeps its words for the one that the user sees.
    """

    task: Task
    flags: Flags
    swept: tuple[str, ...]
    folder: Path
    elsewhere: bool = False
    num_jobs: int = 0
    varied: tuple[str, ...] = ()

    def __call__(self, job: JobFields, config_yaml: str, number: int) -> JobRecord:
        """Return how the job ended; only an interruption is raised."""
        keep_freed_memory()
        settings = settings_of(job, self.swept)
        write_job(self.folder, number, JobRecord(status="running", settings=settings))
        try:
            done = self._aside(job, config_yaml) if self.elsewhere else self._attempt(job, config_yaml, self.flags)
        except BaseException:
            forget_jobs(self.folder, [number])
            raise
        done = replace(done, settings=settings)
        write_job(self.folder, number, done)
        if not self.elsewhere:
            told = replace(done, settings={key: settings[key] for key in self.varied} or settings)
            note(f"job {number + 1} of {self.num_jobs}: {in_one_line(told)}", self.flags)
        return done

    def _aside(self, job: JobFields, config_yaml: str) -> JobRecord:
        with contextlib.redirect_stderr(io.StringIO()) as said, libraries_unheard():
            record = self._attempt(job, config_yaml, replace(self.flags, quiet=True))
        return replace(record, said=said.getvalue().strip())

    def _attempt(self, job: JobFields, config_yaml: str, flags: Flags) -> JobRecord:
        try:
            return JobRecord(status="done", folder=self.task(job, config_yaml, flags))
        except Interrupted as stopped:
            # Nothing between here and the command line catches this, so no further job starts.
            raise KeyboardInterrupt(str(stopped)) from None
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 a job that fails takes no other with it
            if flags.debug:
                stderr().print(traceback.format_exc(), markup=False)
            return JobRecord(status="failed", error=told_of_model(error) or f"{error}" or type(error).__name__)


def settings_of(job: JobFields, swept: tuple[str, ...]) -> dict[str, str]:
    """Return a job's values of the settings that were given."""
    return {key: in_255ths(str(_setting(job, key))) for key in swept}


def _setting(job: JobFields, key: str) -> object:
    value: object = job
    for part in key.split("."):
        value = getattr(value, part, "") if not isinstance(value, dict) else value.get(part, "")
    return getattr(value, "name", value)


def in_one_line(record: JobRecord) -> str:
    """Return which job it was and where its results are, or why there are none."""
    return f"{in_words(record.settings)}: {record.folder or record.error}"


def in_words(settings: dict[str, str]) -> str:
    """Return settings as they are typed.

    >>> in_words({"seed": "1", "split": "test"})
    'seed=1 split=test'
    """
    return " ".join(f"{key}={value}" for key, value in settings.items())
