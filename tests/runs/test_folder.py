"""Run folders: numbered once, honest about how they ended, found again."""

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fsens_cli.errors import DataError, FsensError, Interrupted, OutputError
from fsens_cli.experiments.quantities import Quantity
from fsens_cli.runs.folder import SCHEMA, RunFolder, claim_version, read_record, slug
from fsens_cli.runs.index import best_weights, find_run, list_runs
from fsens_cli.runs.sweep_files import JobRecord, sweep_folder, write_sweep


def new_run(out: Path, verb: str = "measure", name: str = "net-data", **record: object) -> RunFolder:
    return RunFolder.create(out, verb, name, config_yaml="seed: 0\n", record=record)


def interrupted_run(out: Path, **record: object) -> RunFolder:
    run = new_run(out)
    run.save(**record)
    (run.path / "parts").mkdir()
    with pytest.raises(Interrupted), run:
        raise Interrupted("stopped")
    return run


def finished_run(out: Path, verb: str = "measure", name: str = "net-data", **record: object) -> Path:
    with new_run(out, verb, name, **record) as run:
        pass
    return run.path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("timm/vit_tiny", "timm-vit_tiny"),
        ("../../etc/net.py:make", "etc-net.py-make"),
        ("a b\\c", "a-b-c"),
        ("Größe", "Gr-e"),
        ("..", "unnamed"),
        ("", "unnamed"),
        (".hidden", "hidden"),
    ],
)
def test_slugs_are_one_safe_part(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_versions_count_up_and_never_reuse_a_number(tmp_path: Path) -> None:
    parent = tmp_path / "a" / "b"
    assert [claim_version(parent).name for _ in range(3)] == ["v001", "v002", "v003"]
    (parent / "v002").rmdir()
    assert claim_version(parent).name == "v004"
    (parent / "v999").mkdir()
    (parent / "v12x").mkdir()
    assert claim_version(parent).name == "v1000"
    assert claim_version(parent).name == "v1001"


def test_threads_never_share_a_version(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)

    def claim(_: int) -> list[str]:
        barrier.wait()
        return [claim_version(tmp_path / "x").name for _ in range(10)]

    with ThreadPoolExecutor(8) as pool:
        names = [name for names in pool.map(claim, range(8)) for name in names]
    assert sorted(names) == [f"v{i:03d}" for i in range(1, 81)]


def test_processes_never_share_a_version(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from fsens_cli.runs.folder import claim_version;"
        "print(*(claim_version(Path(sys.argv[1])).name for _ in range(20)))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "x")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    names = [name for process in running for name in process.communicate()[0].split()]
    assert sorted(names) == [f"v{i:03d}" for i in range(1, 61)]


def test_claiming_while_others_clear_away(tmp_path: Path) -> None:
    def claim_and_discard(_: int) -> None:
        for _ in range(40):
            new_run(tmp_path).discard()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(claim_and_discard, range(4)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("inside", ["", "deeper"])
def test_unwritable_place(inside: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write to .*file.* \(.+\): give another folder with --out"):
        claim_version(tmp_path / "file" / inside)


def test_what_was_asked_is_written_before_the_work(tmp_path: Path) -> None:
    run = new_run(tmp_path, seed=3)
    assert run.path == tmp_path / "measure" / "net-data" / "v001"
    assert (run.path / "config.yaml").read_text() == "seed: 0\n"
    record = read_record(run.path)
    assert (record["status"], record["verb"], record["seed"], record["pid"]) == ("running", "measure", 3, os.getpid())
    assert record["schema"] == SCHEMA
    assert record["argv"] == sys.argv[1:]


def test_done(tmp_path: Path) -> None:
    path = finished_run(tmp_path)
    record = read_record(path)
    assert record["status"] == "done"
    assert record["duration_seconds"] >= 0
    assert record["finished"] >= record["started"]
    assert "error" not in record


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (ZeroDivisionError("by zero"), "failed", "ZeroDivisionError: by zero"),
        (FsensError("late complaint"), "failed", "FsensError: late complaint"),
        (KeyboardInterrupt(), "interrupted", None),
        (Interrupted("stopped"), "interrupted", None),
    ],
)
def test_how_a_run_with_files_ended(error: BaseException, status: str, message: str | None, tmp_path: Path) -> None:
    run = new_run(tmp_path)

    def work() -> None:
        with run:
            (run.path / "results.json").write_text("{}")
            raise error

    with pytest.raises(type(error)):
        work()
    record = read_record(run.path)
    assert (record["status"], record.get("error")) == (status, message)
    assert not (run.path.parent / "latest").exists()


def test_refused_input_leaves_nothing(tmp_path: Path) -> None:
    def work() -> None:
        with new_run(tmp_path):
            raise FsensError("no such thing")

    with pytest.raises(FsensError):
        work()
    assert list(tmp_path.iterdir()) == []


def test_refused_input_leaves_other_runs_alone(tmp_path: Path) -> None:
    kept = finished_run(tmp_path)

    def work() -> None:
        with new_run(tmp_path):
            raise FsensError("no such thing")

    with pytest.raises(FsensError):
        work()
    assert {p.name for p in kept.parent.iterdir()} == {"v001", "latest"}


def test_a_crash_before_any_file_is_kept_as_failed(tmp_path: Path) -> None:
    run = new_run(tmp_path)

    def work() -> None:
        with run:
            raise RuntimeError("bug")

    with pytest.raises(RuntimeError):
        work()
    assert read_record(run.path)["status"] == "failed"


def test_latest_follows_the_newest_finished_run(tmp_path: Path) -> None:
    first, second = finished_run(tmp_path), finished_run(tmp_path)
    link = first.parent / "latest"
    assert link.resolve() == second.resolve()
    assert os.readlink(link) == "v002"  # noqa: PTH115 relative, so that outputs can be moved
    assert {p.name for p in first.parent.iterdir()} == {"v001", "v002", "latest"}


def test_a_reopened_run_counts_its_time_on(tmp_path: Path) -> None:
    run = interrupted_run(tmp_path, duration_seconds=100.0)
    with RunFolder.reopen(run.path) as again:
        assert read_record(run.path)["status"] == "interrupted"  # until there is something to say
        again.save()
        assert read_record(run.path)["status"] == "running"
        assert "resumed" in again.record
    record = read_record(run.path)
    assert record["status"] == "done"
    assert record["duration_seconds"] >= 100


def test_disk_errors_become_one_line(tmp_path: Path) -> None:
    run = new_run(tmp_path)

    def fill() -> None:
        with run.reporting_disk_errors():
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match=r"cannot write to .*v001 \(No space left on device\): free space"):
        fill()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "has no run.json"),
        ("{", "cannot be read"),
        ("[1]", "holds no record"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_damaged_records(content: str | bytes | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "run.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(OutputError, match=f"is not a run folder: it.* {message}"):
        read_record(tmp_path)


def test_runs_are_listed_oldest_first(tmp_path: Path) -> None:
    paths = [
        finished_run(tmp_path, v, n, started=s)
        for v, n, s in (("train", "b", "2"), ("measure", "a", "1"), ("x", "y", "3"))
    ]
    broken = finished_run(tmp_path, "measure", "broken")
    (broken / "run.json").write_text("{")
    (tmp_path / "notes").mkdir()
    entries = list_runs(tmp_path)
    assert [e.path for e in entries] == [broken, paths[1], paths[0], paths[2]]
    assert [e.status for e in entries] == ["unknown", "done", "done", "done"]


def test_no_runs(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "nowhere") == []


def test_a_running_run_without_an_owner_was_killed(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    assert list_runs(tmp_path)[0].status == "running"
    run.owner.release()
    assert list_runs(tmp_path)[0].status == "killed"


def test_a_run_whose_process_was_killed(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from fsens_cli.runs.folder import RunFolder\n"
        "with RunFolder.create(Path(sys.argv[1]), 'measure', 'net', config_yaml='', record={}):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert [e.status for e in list_runs(tmp_path)] == ["killed"]


def test_runs_are_found_by_path_name_and_latest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older = finished_run(tmp_path, "train", "b", started="2000")
    newer = finished_run(tmp_path, "measure", "a", started="2001")
    new_run(tmp_path, "train", "unfinished")
    assert find_run("latest", tmp_path) == newer
    assert find_run("latest", tmp_path, verb="train") == older
    assert find_run(str(older), Path("elsewhere")) == older
    assert find_run("train/b/v001", tmp_path) == older
    assert find_run("train/b", tmp_path) == older.resolve()
    assert find_run("train/b/latest", tmp_path).resolve() == older.resolve()
    monkeypatch.chdir(tmp_path)
    assert find_run("measure/a/v001", Path("nowhere")) == Path("measure/a/v001")


@pytest.mark.parametrize("name", ["train/b/v009", "nothing", ""])
def test_runs_that_are_not_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=f"there is no run at {name}"):
        find_run(name, tmp_path)


def test_no_finished_run(tmp_path: Path) -> None:
    new_run(tmp_path, "train")
    with pytest.raises(OutputError, match="there is no finished train below"):
        find_run("latest", tmp_path, verb="train")


def test_best_weights(tmp_path: Path) -> None:
    path = finished_run(tmp_path, "train")
    with pytest.raises(OutputError, match=r"has no checkpoints/best\.safetensors"):
        best_weights(path)
    (path / "checkpoints").mkdir()
    (path / "checkpoints" / "best.safetensors").write_bytes(b"")
    assert best_weights(path) == path / "checkpoints" / "best.safetensors"


def test_a_sweep_s_summary(tmp_path: Path) -> None:
    import pandas as pd

    done = JobRecord(status="done", folder=tmp_path / "v001", settings={"seed": "0"})
    failed = JobRecord(status="failed", settings={"seed": "1"}, error='said "no", twice')
    number = Quantity(key="accuracy", label="accuracy", value=0.5, low=0.25, high=None, n=4)
    with sweep_folder(tmp_path, "measure") as folder:
        write_sweep(folder, "measure", [(done, [number]), (failed, [])])
    assert folder == tmp_path / "sweeps" / "measure" / "v001"
    table = pd.read_csv(folder / "summary.csv")
    numbers = ["accuracy", "accuracy_ci_low", "accuracy_ci_high", "accuracy_n"]
    assert list(table.columns) == ["verb", "seed", "status", "folder", *numbers, "error"]
    assert table["status"].tolist() == ["done", "failed"]
    assert table[numbers].iloc[0].tolist()[:2] == [0.5, 0.25]
    assert table["error"].tolist()[1] == 'said "no", twice'


def test_a_sweep_that_wrote_nothing_is_gone(tmp_path: Path) -> None:
    def work() -> None:
        with sweep_folder(tmp_path, "measure"):
            raise FsensError("refused")

    with pytest.raises(FsensError):
        work()
    assert list(tmp_path.iterdir()) == []


def test_records_are_plain_json(tmp_path: Path) -> None:
    path = finished_run(tmp_path, name="Käse")
    assert json.loads((path / "run.json").read_text())["verb"] == "measure"


def test_a_folder_that_was_removed_meanwhile_is_one_error(tmp_path: Path) -> None:
    def write_into(run: RunFolder) -> None:
        with run, run.reporting_disk_errors():
            shutil.rmtree(run.path)
            (run.path / "checkpoints").mkdir()

    with pytest.raises(OutputError, match=r"v001 was removed while it was written to: start the run again\."):
        write_into(new_run(tmp_path))
    assert list(tmp_path.rglob("run.json")) == []


def test_a_refused_first_run_leaves_nothing_at_all(tmp_path: Path) -> None:
    out = tmp_path / "results"
    with pytest.raises(DataError), RunFolder.create(out, "measure", "a", config_yaml="", record={}):
        raise DataError("no such images")
    assert list(tmp_path.iterdir()) == []
    out.mkdir()
    with pytest.raises(DataError), RunFolder.create(out, "measure", "a", config_yaml="", record={}):
        raise DataError("no such images")
    assert list(tmp_path.iterdir()) == [out]


def test_a_refused_continuation_leaves_the_run_as_it_was(tmp_path: Path) -> None:
    run = interrupted_run(tmp_path)
    before = {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()}
    with pytest.raises(DataError), RunFolder.reopen(run.path):
        raise DataError("other images")
    assert {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()} == before


def test_a_finished_run_is_not_reopened(tmp_path: Path) -> None:
    path = finished_run(tmp_path)
    with pytest.raises(OutputError, match="is finished: there is nothing to resume"):
        RunFolder.reopen(path)
    assert not list(path.glob("owner-*"))


def test_a_folder_that_was_removed_is_not_done(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="was removed while it was written to"), new_run(tmp_path) as run:
        shutil.rmtree(run.path)
    assert list(tmp_path.rglob("*.json")) == []


def test_a_folder_that_was_removed_is_not_made_again(tmp_path: Path) -> None:
    def write_into(run: RunFolder) -> None:
        with run, run.reporting_disk_errors():
            (run.path / "parts").mkdir(parents=True)

    run = new_run(tmp_path)
    shutil.rmtree(run.path)
    with pytest.raises(OutputError, match="was removed"):
        write_into(run)
    assert list(tmp_path.rglob("parts")) == []


@pytest.mark.parametrize(
    ("goes_on", "message"),
    [(True, "SIGTERM. go on with: fsens measure --resume "), (False, "v001 keeps nothing to go on from: start it ")],
)
def test_an_interruption_says_how_to_go_on(goes_on: bool, message: str, tmp_path: Path) -> None:
    run = new_run(tmp_path)
    run.goes_on = goes_on
    with pytest.raises(KeyboardInterrupt) as caught, run:
        raise KeyboardInterrupt("SIGTERM")
    assert message in str(caught.value)
    assert read_record(run.path)["status"] == "interrupted"


def test_a_terminal_that_is_closed_ends_a_run_as_an_interruption(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    error = OSError(errno.EIO, "Input/output error")  # of what clears a bar from a terminal that is gone
    error.__context__ = KeyboardInterrupt("by SIGHUP")
    with pytest.raises(KeyboardInterrupt), run:
        raise error
    assert read_record(run.path)["status"] == "interrupted"
    assert "error" not in read_record(run.path)


def test_the_next_start_removes_what_a_killed_run_had_not_finished(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from fsens_cli.runs.files import replacing\n"
        "from fsens_cli.runs.folder import RunFolder\n"
        "with RunFolder.create(Path(sys.argv[1]), 'measure', 'net-data', config_yaml='', record={}) as run:\n"
        "    (run.path / 'results.json').write_text('{}')\n"
        "    with replacing(run.path / 'spectrum.png') as temporary:\n"
        "        if sys.argv[2] == 'early': [p.unlink() for p in run.path.glob('*.json') if p.stem[:5] != 'owner']\n"
        "        os.kill(os.getpid(), signal.SIGKILL)"
    )
    parent = tmp_path / "measure" / "net-data"
    for number, when in enumerate(("late", "early"), start=1):
        subprocess.run([sys.executable, "-c", code, str(tmp_path), when], check=False)
        assert len(list(parent.glob(f"v{number:03d}/.spectrum.png.*.part.png"))) == 1
    path = finished_run(tmp_path)
    assert list(parent.glob("*/.*")) == []
    assert [p.name for p in sorted(parent.iterdir())] == ["latest", "v001", path.name]
    assert (parent / "v001" / "results.json").is_file()
