"""What does a sweep leave behind: one row a job with its settings and headline numbers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from fsens_cli.runs.files import write_table
from fsens_cli.runs.folder import claim_version, remove_empty


class JobOutcome(Protocol):
    """What a sweep needs to know of a job."""

    @property
    def status(self) -> str: ...  # noqa: D102
    @property
    def folder(self) -> Path | None: ...  # noqa: D102
    @property
    def results(self) -> dict[str, Any]: ...  # noqa: D102
    @property
    def settings(self) -> dict[str, Any]: ...  # noqa: D102
    @property
    def error(self) -> str: ...  # noqa: D102


def headline_numbers(results: dict[str, Any]) -> dict[str, float | str | None]:
    """Return every number of ``results.json`` under one flat name; intervals become three columns.

    A ``status`` inside says why a number is missing, and stays as a word.

    >>> headline_numbers({"accuracy": {"value": 0.9, "low": 0.8, "high": 1.0, "n": 5}, "model": "m"})
    {'accuracy': 0.9, 'accuracy_low': 0.8, 'accuracy_high': 1.0, 'accuracy_n': 5}
    """
    flat: dict[str, float | str | None] = {}
    _flatten(results, "", flat)
    return flat


def _flatten(value: Any, name: str, flat: dict[str, float | str | None]) -> None:
    if isinstance(value, dict):
        for key, child in value.items():
            _flatten(child, name if key == "value" else f"{name}_{key}".strip("_"), flat)
    elif isinstance(value, list):
        for child in value:
            if isinstance(child, dict) and "name" in child:
                _flatten(child, f"{name}_{child['name']}", flat)
    elif (isinstance(value, int | float) and not isinstance(value, bool)) or name.endswith("_status"):
        flat[name] = value


@contextmanager
def sweep_folder(out: Path, verb: str) -> Iterator[Path]:
    """Give a new folder ``out/sweeps/verb/vNNN``; if nothing is written into it, it is gone afterwards."""
    folder = claim_version(out.expanduser() / "sweeps" / verb)
    try:
        yield folder
    finally:
        (folder / "multirun.yaml").unlink(missing_ok=True)  # Hydra's own note; summary.csv says more
        remove_empty(folder, folder.parent, folder.parent.parent)


def write_sweep(folder: Path, verb: str, outcomes: Sequence[JobOutcome]) -> None:
    """Write ``summary.csv``: settings, status, folder and every headline number of each job."""
    numbers = [headline_numbers(o.results) for o in outcomes]
    settings = list(dict.fromkeys(key for o in outcomes for key in o.settings))
    names = list(dict.fromkeys(name for row in numbers for name in row))
    columns: dict[str, list[Any]] = {"verb": [verb] * len(outcomes)}
    columns |= {key: [str(o.settings.get(key, "")) for o in outcomes] for key in settings}
    columns["status"] = [o.status for o in outcomes]
    columns["folder"] = ["" if o.folder is None else str(o.folder) for o in outcomes]
    columns |= {name: [row.get(name) for row in numbers] for name in names if name not in columns}
    columns["error"] = [o.error for o in outcomes]
    write_table(folder / "summary.csv", columns)
