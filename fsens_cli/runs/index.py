"""The runs that there are, and the one that a name means."""

import glob
from dataclasses import dataclass
from pathlib import Path

from fsens_cli.errors import OutputError
from fsens_cli.home import expanded
from fsens_cli.runs.folder import read_record
from fsens_cli.runs.owner import Standing, standing
from fsens_cli.runs.versions import LATEST, newest, version_of


@dataclass(frozen=True, slots=True)
class RunEntry:
    """A run folder and its record."""

    path: Path
    record: dict[str, object]

    @property
    def status(self) -> str:
        """The recorded status, or ``killed`` for a run that says running while its owner is gone."""
        status = str(self.record.get("status", "unknown"))
        if status != "running":
            return status
        return status if standing(self.path) is Standing.ALIVE else "killed"


def list_runs(out: Path) -> list[RunEntry]:
    """Return all runs below ``out``, oldest first; a folder with a damaged record is shown with an empty one."""
    entries = []
    out = expanded(out)
    # The module's glob passes over a folder that vanishes meanwhile; that of paths does not.
    for name in glob.glob("*/*/v*/run.json", root_dir=out):  # noqa: PTH207
        record_file = out / name
        if record_file.parent.is_symlink():
            continue
        try:
            entries.append(RunEntry(record_file.parent, read_record(record_file.parent)))
        except OutputError:
            entries.append(RunEntry(record_file.parent, {}))
    return sorted(entries, key=lambda e: (str(e.record.get("started", "")), str(e.path.parent), version_of(e.path)))


def find_run(name: str, out: Path, *, verb: str = "") -> Path:
    """Return the run folder that ``name`` means: a path, a path below ``out``, or ``latest`` (of a verb).

    ``latest`` is the finished run that was started last, and in a folder of versions the highest that is finished.

    Raises:
        OutputError: there is no such run.
    """
    if name == LATEST:
        ended = [e for e in list_runs(out) if e.record.get("status") == "done" and verb in ("", e.record.get("verb"))]
        if not ended:
            raise OutputError(f"there is no finished {verb or 'run'} below {out}. `fsens runs` lists what is there.")
        return ended[-1].path
    for candidate in (expanded(name), expanded(out) / name):
        if (candidate / "run.json").is_file():
            return candidate
        folder = candidate.parent if candidate.name == LATEST else candidate
        versions = [file.parent for file in folder.glob("v[0-9]*/run.json")]
        if finished := [run for run in versions if _is_done(run)]:
            return newest(finished)
        if versions:
            run = newest(versions)
            status = RunEntry(run, read_record(run)).status
            raise OutputError(f"{folder} holds no finished run: {run.name} is {status}. Name it as {run} to take it.")
    raise OutputError(f"there is no run at {name}. `fsens runs` lists the folders.")


def _is_done(run: Path) -> bool:
    try:
        return read_record(run).get("status") == "done"
    except OutputError:
        return False


def best_weights(run: Path) -> Path:
    """Return the best checkpoint of a ``train`` run.

    Raises:
        OutputError: the run trained nothing.
    """
    path = run / "checkpoints" / "best.safetensors"
    if path.is_file():
        return path
    record = read_record(run)
    status = RunEntry(run, record).status
    if record.get("verb") == "train" and status != "done":
        raise OutputError(
            f"{run} is {status} and has no weights yet: wait for its first epoch, or continue it with "
            f"`fsens train --resume {run}`."
        )
    raise OutputError(f"{run} has no checkpoints/best.safetensors: weights=run:RUN needs a `fsens train` run.")
