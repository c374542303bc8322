"""Finished pieces of long work, kept so that a killed run goes on where it stopped."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from fsens_cli.experiments.part_result import PartResult, StageRow
from fsens_cli.experiments.suite import Part
from fsens_cli.runs.files import regular, write_arrays, write_text
from fsens_cli.runs.folder import RunFolder
from fsens_cli.runs.json_files import Fields
from fsens_cli.runs.stored_tables import read_arrays

FOLDER = "parts"
TENSORS = (
    "index_N",
    "label_N",
    "correct_NK",
    "confidence_NK",
    "loss_NK",
    "brier_NK",
    "metric_MNK",
    "size_N",
    "frequency_M2",
    "power_NM",
    "energy_NK",
    "power_2HF",
    "margin_N",
    "move_NK",
    "flat_move_NK",
    "change_energy_KR",
    "value_NSV",
    "mark_NM",
)


@dataclass(frozen=True, slots=True)
class PartFiles:
    """Keeps each part of an evaluation as one file of the run folder, ``parts/NAME.npz``; below, for several models."""

    run: RunFolder
    below: str = ""

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self.run.path / FOLDER / self.below

    def load(self, part: Part) -> PartResult | None:
        """Return the stored result; None where there is none, it is damaged, or another question was asked."""
        path = self.folder / f"{part.name}.npz"
        try:
            arrays = read_arrays(path, ("record",))
            # A run of an older version has no stages.
            record = Fields({"stages": [], "seed": 0} | json.loads(str(arrays.pop("record"))), path)
            if record.text("part") != _as_json(part):
                return None
            # A run of an older version has no arrays for what it could not be asked.
            tensors = {name: torch.from_numpy(arrays[name]) for name in TENSORS if name in arrays}
            return PartResult(
                part=part,
                **tensors,
                num_rejected=record.whole("num_rejected"),
                notes=tuple(record.texts("notes")),
                stages=tuple(_stage(row) for row in record.rows("stages")),
                seed=record.whole("seed"),
            )
        except (ValueError, TypeError, AttributeError, RecursionError):  # an error of ours is the first
            return None

    def save(self, result: PartResult) -> None:
        """Write a part in one step."""
        record = {
            "part": _as_json(result.part),
            "num_rejected": result.num_rejected,
            "notes": list(result.notes),
            "stages": [asdict(row) for row in result.stages],
            "seed": result.seed,
        }
        arrays = {name: getattr(result, name).numpy() for name in TENSORS}
        with self.run.reporting_disk_errors():
            self.folder.mkdir(parents=True, exist_ok=True)
            write_arrays(self.folder / f"{result.part.name}.npz", arrays | {"record": np.array(json.dumps(record))})


def _stage(row: Fields) -> StageRow:
    counts = {name: row.whole(name) for name in ("num_standing", "steps", "queries", "gradients")}
    return StageRow(name=row.text("name"), **counts, seconds=row.number("seconds"))


def _as_json(part: Part) -> str:
    """Return a part as text; NaN is a value like any other in it."""
    return json.dumps(asdict(part), sort_keys=True)


@dataclass(frozen=True, slots=True)
class RowFiles:
    """Keeps the pieces of one row of a blur defence: its evaluation's parts, and plain numbers as JSON beside them."""

    run: RunFolder
    name: str

    @property
    def parts(self) -> PartFiles:
        """For the evaluation."""
        return PartFiles(self.run, self.name)

    def load_piece(self, name: str) -> object:
        """Return a stored piece; None where there is none or it is damaged."""
        try:
            return json.loads(regular(self.parts.folder / f"{name}.json").read_text())
        except (OSError, ValueError, RecursionError):
            return None

    def save_piece(self, name: str, content: object) -> None:
        """Write a piece in one step; infinite numbers stay what they are."""
        with self.run.reporting_disk_errors():
            self.parts.folder.mkdir(parents=True, exist_ok=True)
            write_text(self.parts.folder / f"{name}.json", json.dumps(content))
