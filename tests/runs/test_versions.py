"""Versions are numbers, and ``latest`` is the highest one that is finished."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from fsens_cli.errors import OutputError
from fsens_cli.experiments.quantities import quantity
from fsens_cli.runs.folder import RunFolder, claim_version, read_record
from fsens_cli.runs.index import find_run, list_runs
from fsens_cli.runs.selection import _trained, select_runs, sweep_path
from fsens_cli.statistics.intervals import Interval


def run_at(out: Path, number: int, status: str = "done") -> Path:
    folder = out / "measure" / "net" / f"v{number:03d}"
    folder.mkdir(parents=True)
    started = {"schema": 2, "verb": "measure", "status": status, "started": "2000"}
    (folder / "run.json").write_text(json.dumps(started))
    return folder


def test_a_thousand_comes_after_999(tmp_path: Path) -> None:
    folders = [run_at(tmp_path, number) for number in (1000, 2, 999)]
    assert find_run("latest", tmp_path) == find_run("measure/net", tmp_path) == folders[0]
    assert [e.path.name for e in list_runs(tmp_path)] == ["v002", "v999", "v1000"]
    asked = select_runs(["measure/*/v*"], tmp_path).skipped
    assert [line.split(" ")[0].rpartition("/")[2] for line in asked] == ["v002", "v999", "v1000"]
    assert claim_version(tmp_path / "measure" / "net").name == "v1001"
    for number in (999, 1000):
        sweep = tmp_path / "sweeps" / "measure" / f"v{number}"
        sweep.mkdir(parents=True)
        (sweep / "summary.csv").touch()
    assert sweep_path("measure", tmp_path).name == "v1000"


def test_latest_is_the_highest_that_is_finished_with_and_without_a_link(tmp_path: Path) -> None:
    first, _, third = run_at(tmp_path, 1), run_at(tmp_path, 2), run_at(tmp_path, 3, "interrupted")
    for name in ("measure/net", "measure/net/latest"):
        assert find_run(name, tmp_path).name == "v002"
    link = first.parent / "latest"
    link.symlink_to("v002")
    with RunFolder.reopen(third) as run:
        run.save()
    assert link.resolve().name == "v003"
    (first / "run.json").write_text(json.dumps(read_record(first) | {"status": "interrupted"}))
    with RunFolder.reopen(first) as run:
        run.save()
    assert read_record(first)["status"] == "done"
    assert link.resolve().name == find_run("measure/net/latest", tmp_path).resolve().name == "v003"


def test_nothing_finished_names_the_newest(tmp_path: Path) -> None:
    for number in (999, 1000):
        run_at(tmp_path, number, "failed")
    with pytest.raises(OutputError, match="v1000 is failed"):
        find_run("measure/net", tmp_path)


def test_an_older_training_is_the_network_that_it_left(tmp_path: Path) -> None:
    """So that it shares a card with what was asked of its weights."""
    run = run_at(tmp_path, 1)
    assert _trained(run) == ""
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "best.safetensors").write_bytes(b"weights")
    assert _trained(run) == hashlib.sha256(b"weights").hexdigest()


def test_a_doubt_stands_behind_the_unit() -> None:
    number = quantity(Interval(1.0, 0.8, 1.2, 5), "width", "width", unit="octaves", scale=1, digits=1, note="open")
    assert number.text_with_unit() == "1.0 [0.8, 1.2] octaves (open)"
    assert number.head() == "width (octaves)"
    assert replace(number, unit="").head() == "width"
