"""Which runs do the words of a user mean, and which of them can be read?"""

import glob
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from fsens_cli.errors import OutputError
from fsens_cli.runs.folder import read_json, read_record
from fsens_cli.runs.index import RunEntry, find_run
from fsens_cli.runs.sweep_files import job_folder

SWEEP = "sweep:"
# What a finished run of each verb must hold before anything is said about it.
NEEDED: dict[str, tuple[str, ...]] = {
    "measure": ("results.json", "per_image.csv", "spectrum.csv"),
    "train": ("results.json", "per_image.csv", "spectrum.csv"),
    "hybrid-probe": ("results.json", "per_pair.csv", "curve.csv"),
    "evaluate": ("results.json", "per_image.csv", "accuracy.csv"),
    "blur-defense": ("results.json", "sizes.csv", "sweep.csv"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """A run folder that is complete. It can stand for a job of a sweep, so that the same figures are drawn of it.

    Attributes:
        folder: of the run.
        record: ``run.json``.
        results: ``results.json``.
        settings: what its label in a figure is made of.
    """

    folder: Path
    record: dict[str, Any]
    results: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    status: str = "done"
    error: str = ""
    said: str = ""

    @property
    def verb(self) -> str:
        """The verb that made it."""
        return str(self.record["verb"])

    @property
    def training(self) -> str:
        """How the network was trained, where that is known; packaged networks are named after their training."""
        packaged = str(self.settings.get("weights", "")).partition("packaged:")[2]
        return str(self.results.get("training") or packaged)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What was meant: the runs that can be read, and a line for each that cannot."""

    runs: list[FinishedRun]
    skipped: list[str]


def select_runs(names: Sequence[str], out: Path) -> Selection:
    """Return the runs that ``names`` mean, each once, in the order given.

    A name is a run folder, a pattern such as ``outputs/measure/*/v*``, or ``sweep:`` and a sweep's folder; all of them
    may also be written as they stand below ``out``. A run that is unfinished, damaged or incomplete is skipped.

    Raises:
        OutputError: a name means nothing at all.
    """
    folders: list[Path] = []
    for name in names:
        folders += _sweep_runs(name.removeprefix(SWEEP), out) if name.startswith(SWEEP) else _named(name, out)
    runs, skipped, seen = [], [], set()
    for folder in folders:
        place = folder.resolve()
        if place in seen:
            continue
        seen.add(place)
        try:
            runs.append(read_run(folder))
        except OutputError as error:
            skipped.append(str(error))
    return Selection(runs=runs, skipped=skipped)


def _named(name: str, out: Path) -> list[Path]:
    if not any(sign in name for sign in "*?["):
        path = Path(name).expanduser()
        # A folder that is there but damaged is named and skipped; only one that is not there at all is refused.
        return [path] if path.is_dir() and not (path / "latest").exists() else [find_run(name, out)]
    patterns = (str(Path(name).expanduser()), str(out.expanduser() / name))
    for pattern in patterns:
        found = [Path(p) for p in sorted(glob.glob(pattern)) if Path(p).is_dir()]  # noqa: PTH207 absolute patterns
        found = [p for p in found if not p.is_symlink()]
        if found:
            return found
    raise OutputError(f"no folder matches {name}. `fsens runs` lists the folders.")


def sweep_path(name: str, out: Path) -> Path:
    """Return the folder of the sweep called ``name``: a path, or VERB or VERB/vNNN below the sweeps of ``out``.

    Raises:
        OutputError: there is no such sweep.
    """
    sweeps = out.expanduser() / "sweeps"
    for candidate in (Path(name).expanduser(), sweeps / name, out.expanduser() / name):
        if is_sweep(candidate):
            return candidate
        versions = sorted(p for p in candidate.glob("v[0-9]*") if is_sweep(p))
        if versions:
            return versions[-1]
    raise OutputError(f"there is no sweep at {name}: give a folder such as {sweeps / 'measure' / 'v001'}.")


def is_sweep(folder: Path) -> bool:
    """Return whether a sweep was written there."""
    return (folder / "summary.csv").is_file() or (folder / "sweep.json").is_file()


def _sweep_runs(name: str, out: Path) -> list[Path]:
    path = sweep_path(name, out)
    try:
        table = pd.read_csv(path / "summary.csv", dtype=str, keep_default_na=False)
        folders = [f for f, status in zip(table["folder"], table["status"], strict=True) if status == "done"]
    except (OSError, ValueError, KeyError) as error:
        raise OutputError(f"{path} is no finished sweep: its summary.csv cannot be read.") from error
    if not folders:
        raise OutputError(f"{path} has no finished job.")
    return [job_folder(path, f) for f in folders]


def read_run(folder: Path) -> FinishedRun:
    """Return a finished run.

    Raises:
        OutputError: it is unfinished, or a file is missing or half-written.
    """
    record = read_record(folder)
    verb, status = str(record.get("verb", "")), RunEntry(folder, record).status
    if verb not in NEEDED:
        raise OutputError(f"{folder} was made by `fsens {verb}`, which cannot be compared.")
    if status != "done":
        raise OutputError(f"{folder} is {status}, not done.")
    for name in NEEDED[verb]:
        path = folder / name
        if not path.is_file():
            raise OutputError(f"{folder} is incomplete: it has no {name}.")
        # Every table is written with a line's end as its last byte, so one without is half a table.
        if path.suffix == ".csv" and not path.read_bytes().endswith(b"\n"):
            raise OutputError(f"{folder} is incomplete: its {name} is half-written.")
    results = read_json(folder / "results.json", f"{folder} is incomplete")
    settings = {key: str(record.get(key, "")) for key in ("model", "data", "weights", "tag", "seed")}
    if isinstance(results.get("weights"), str):
        settings["weights"] = results["weights"]
    return FinishedRun(folder=folder, record=record, results=results, settings=settings)
