"""The finished runs that a user's words mean, and a line for each that cannot be read."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fsens_cli.errors import OutputError
from fsens_cli.experiments.quantities import Findings
from fsens_cli.home import expanded
from fsens_cli.runs.findings_files import FigureFile, read_figures, read_findings, read_summary
from fsens_cli.runs.folder import SCHEMA, read_record
from fsens_cli.runs.index import RunEntry, best_weights, find_run
from fsens_cli.runs.json_files import Fields
from fsens_cli.runs.older import read_schema_1
from fsens_cli.runs.stored_tables import read_rows
from fsens_cli.runs.sweep_files import PLAN
from fsens_cli.runs.versions import newest, version_of

SWEEP = "sweep:"
LABELLING = ("model", "data", "weights", "tag", "seed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What made a run, in words; ``seconds`` is None where that is not known."""

    command: str
    seed: str
    weights_sha256: str
    data_fingerprint: str
    git_commit: str
    versions: dict[str, str]
    device: str
    started: str
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """A run folder that is complete, and what it says of itself.

    Attributes:
        folder: of the run.
        record, results: ``run.json`` and ``results.json``.
        verb: that made it.
        model, weights, training, data, num_images: what it is about, in words; empty where it does not say.
        network: which weights it is about: their hash; runs without one are each about their own.
        warnings: what makes its numbers doubtful: what was said of its images, of its weights, and of what was found.
        made: what made it.
        findings: numbers, warnings, lines of plots, and the settings that must agree.
        figures: those whose files are there.
        summary: what its command said.
        settings: what its label is made of.
    """

    folder: Path
    record: Fields
    results: Fields
    verb: str
    model: str
    weights: str
    training: str
    data: str
    num_images: str
    network: str
    warnings: tuple[str, ...]
    made: Provenance
    findings: Findings
    figures: tuple[FigureFile, ...]
    summary: tuple[str, ...]
    settings: dict[str, str] = field(default_factory=dict)


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
        path = expanded(name)
        # A folder that is there but damaged is named and skipped; only one that is not there at all is refused.
        return [path] if _is_alone(path) else [find_run(name, out)]
    patterns = (str(expanded(name)), str(expanded(out) / name))
    for pattern in patterns:
        found = [Path(p) for p in glob.glob(pattern) if Path(p).is_dir()]  # noqa: PTH207 absolute patterns
        found.sort(key=lambda p: (p.parent, version_of(p), p.name))
        # What a pattern catches beside runs, folders of sweeps, was not meant.
        found = [p for p in found if not p.is_symlink() and not (p / PLAN).is_file()]
        if found:
            return found
    raise OutputError(f"no folder matches {name}. `fsens runs` lists the folders.")


def _is_alone(path: Path) -> bool:
    """Return whether a folder is one run, though perhaps a damaged one, and no folder of versions."""
    return path.is_dir() and not any(version_of(p) >= 0 for p in path.iterdir())


def sweep_path(name: str, out: Path) -> Path:
    """Return the folder of the sweep called ``name``: a path, or VERB or VERB/vNNN below the sweeps of ``out``.

    Raises:
        OutputError: there is no such sweep.
    """
    sweeps = expanded(out) / "sweeps"
    for candidate in (expanded(name), sweeps / name, expanded(out) / name):
        if is_sweep(candidate):
            return candidate
        versions = [p for p in candidate.glob("v[0-9]*") if is_sweep(p)]
        if versions:
            return newest(versions)
    raise OutputError(f"there is no sweep at {name}: give a folder such as {sweeps / 'measure' / 'v001'}.")


def is_sweep(folder: Path) -> bool:
    """Return whether a sweep was written there."""
    return (folder / "summary.csv").is_file() or (folder / "sweep.json").is_file()


def _sweep_runs(name: str, out: Path) -> list[Path]:
    path = sweep_path(name, out)
    try:
        rows = read_rows(path / "summary.csv", ("status", "folder"))
    except OutputError as error:
        raise OutputError(f"{path} is no finished sweep: its summary.csv cannot be read.") from error
    folders = [row["folder"] for row in rows if row["status"] == "done"]
    if not folders:
        raise OutputError(f"{path} has no finished job.")
    return [job_folder(path, f) for f in folders]


def job_folder(sweep: Path, folder: str) -> Path:
    """Return a job's run folder: as the sweep wrote it, else beside the sweep, where that was moved with its runs."""
    path = Path(folder)
    return path if path.is_dir() else sweep.resolve().parents[2].joinpath(*path.parts[-3:])


def read_run(folder: Path) -> FinishedRun:
    """Return a finished run.

    Raises:
        OutputError: it is unfinished, of another version of fsens, or a file is missing or damaged; names the file.
    """
    record = Fields(read_record(folder), folder / "run.json")
    status = RunEntry(folder, record.content).status
    if record.whole("schema") > SCHEMA:
        raise OutputError(f"{folder} was written by a newer version of fsens: read it with that one.")
    if status != "done":
        raise OutputError(f"{folder} is {status}, not done.")
    results = Fields.read(folder / "results.json", f"{folder} is incomplete")
    settings = {key: record.text(key, "") for key in LABELLING}
    weights = results.text("weights", "")
    settings["weights"] = weights or settings["weights"]
    is_older = record.whole("schema") < SCHEMA
    verb = record.text("verb")
    findings = read_schema_1(folder, verb, results) if is_older else read_findings(folder, results)
    # Packaged networks are named after their training.
    packaged = settings["weights"].partition("packaged:")[2]
    trained = record.text("trained_sha256", "") or (_trained(folder) if is_older and verb == "train" else "")
    return FinishedRun(
        folder=folder,
        record=record,
        results=results,
        verb=verb,
        model=results.text("model", "") or settings["model"],
        weights=weights or ("trained by this run" if trained else ""),
        training=results.text("training", "") or (record.text("training", "") if is_older else "") or packaged,
        data=results.text("data", "") or settings["data"],
        num_images=results.text("num_images", "?"),
        network=trained or record.text("weights_sha256", "") or str(folder),
        warnings=(*record.texts("data_warnings"), *record.texts("weights_warnings"), *findings.warnings),
        made=_provenance(record),
        findings=findings,
        figures=() if is_older else tuple(read_figures(folder)),
        summary=tuple(_in_words(findings) if is_older else read_summary(folder)),
        settings=settings,
    )


def _trained(folder: Path) -> str:
    """Return the SHA-256 of what a training of an older version left; empty where it left nothing."""
    from fsens_cli.models.checkpoint import sha256_of

    try:
        return sha256_of(best_weights(folder))
    except (OutputError, OSError):
        return ""


def _in_words(findings: Findings) -> list[str]:
    """Return a line a number, for runs that kept no words."""
    return [f"{q.title}: {q.text_with_unit()}" for q in findings.quantities]


def _provenance(record: Fields) -> Provenance:
    machine = record.words("machine")
    return Provenance(
        command=" ".join(["fsens", *record.texts("argv")]),
        seed=record.text("seed", ""),
        weights_sha256=record.text("weights_sha256", ""),
        data_fingerprint=record.text("data_fingerprint", ""),
        git_commit=record.text("git_commit", ""),
        versions=record.words("versions"),
        device=machine.get("gpu", machine.get("device", "")),
        started=record.text("started", ""),
        seconds=record.number_or_none("duration_seconds"),
    )
