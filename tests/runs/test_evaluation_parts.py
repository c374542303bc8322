"""Parts of an evaluation come back as they were kept; a damaged one is computed anew."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fsens_cli.experiments.evaluation import PartResult
from fsens_cli.experiments.suite import Part
from fsens_cli.runs.evaluation_parts import PartFiles, RowFiles
from fsens_cli.runs.files import write_arrays
from fsens_cli.runs.folder import RunFolder
from fsens_cli.runs.stored_tables import read_arrays

PART = Part(name="clean", kind="clean", conditions=(), num_images=3)


@pytest.fixture
def run(tmp_path: Path) -> Any:
    record = {"verb": "evaluate", "config": {}}
    with RunFolder.create(tmp_path, "evaluate", "net-data", config_yaml="", record=record) as folder:
        yield folder


def test_a_part_comes_back(run: RunFolder) -> None:
    PartFiles(run).save(PartResult(part=PART, index_N=torch.arange(3), label_N=torch.zeros(3).long(), notes=("a",)))
    kept = PartFiles(run).load(PART)
    assert kept is not None
    assert (kept.index_N.tolist(), kept.notes) == ([0, 1, 2], ("a",))


@pytest.mark.parametrize(
    "change",
    [
        [],
        None,
        "[" * 100_000,
        {"part": 3},
        {"num_rejected": None},
        {"num_rejected": 10**400},
        {"notes": "x"},
        {"stages": [1]},
        {"stages": [{"no_such": 1}]},
        {"stages": 3},
    ],
)
def test_a_damaged_part_is_computed_anew(change: object, run: RunFolder) -> None:
    files = PartFiles(run)
    files.save(PartResult(part=PART, index_N=torch.arange(3), label_N=torch.zeros(3).long()))
    arrays = read_arrays(files.folder / "clean.npz", ("record",))
    record = json.loads(str(arrays["record"]))
    said = change if isinstance(change, str) else json.dumps(record | change if isinstance(change, dict) else change)
    write_arrays(files.folder / "clean.npz", arrays | {"record": np.array(said)})
    assert files.load(PART) is None


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b"{"])
def test_a_damaged_piece_is_computed_anew(content: bytes, run: RunFolder) -> None:
    row = RowFiles(run, "row")
    row.save_piece("preference", {"a": float("inf")})
    assert row.load_piece("preference") == {"a": float("inf")}
    (row.parts.folder / "preference.json").write_bytes(content)
    assert row.load_piece("preference") is None
