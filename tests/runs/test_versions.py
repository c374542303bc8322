"""Versions are numbers, and ``latest`` is the highest one that is finished."""

import json
from pathlib import Path

import pytest

from fsens_cli.errors import OutputError
from fsens_cli.runs.folder import RunFolder, claim_version, read_record
from fsens_cli.runs.index import find_run, list_runs
from fsens_cli.runs.selection import select_runs, sweep_path


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
