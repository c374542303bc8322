"""A sweep that lost jobs: every one says how it ended, and ``--resume`` runs what is missing and nothing else."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import Result

from fsens_cli.commands import measure as measure_command
from fsens_cli.errors import Interrupted

Type = Callable[..., Result]

SWEEP = Path("outputs/sweeps/measure/v001")
FEW = ["--model", "net.py:make", "--weights", "random", "data.test_size=20"]

pytestmark = pytest.mark.usefixtures("no_figures")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, BaseException | None], None]:
    """Let measurements with this seed end badly; None lets them be."""
    measured = measure_command.measure

    def let(seed: int, error: BaseException | None) -> None:
        def wrapped(classifier: object, batches: object, config: object, **more: object) -> object:
            if error is not None and getattr(config, "seed", None) == seed:
                raise error
            return measured(classifier, batches, config, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(measure_command, "measure", wrapped)

    return let


def ended() -> dict[str, str]:
    records = [json.loads(path.read_text()) for path in sorted((SWEEP / "jobs").glob("*.json"))]
    return {r["settings"]["seed"]: r["status"] for r in records}


def test_a_failed_job_loses_no_other_and_is_made_up_for(fsens: Type, failing: Callable[..., None]) -> None:
    failing(1, RuntimeError("the machine was tired"))
    result = fsens("measure", "-m", *FEW, "seed=0,1,2")
    assert result.exit_code == 1
    assert "seed=1" in result.stderr
    assert "the machine was tired" in result.stderr
    assert ended() == {"0": "done", "1": "failed", "2": "done"}
    table = pd.read_csv(SWEEP / "summary.csv", keep_default_na=False)
    assert table["status"].tolist() == ["done", "failed", "done"]
    before = {p: p.stat().st_mtime_ns for p in Path("outputs/measure").glob("*/v*/results.json")}
    assert len(before) == 2
    failing(1, None)
    again = fsens("measure", "--resume", str(SWEEP))
    assert again.exit_code == 0, again.output
    assert "2 jobs of" in again.stderr
    assert ended() == {"0": "done", "1": "done", "2": "done"}
    table = pd.read_csv(SWEEP / "summary.csv", keep_default_na=False)
    assert table["seed"].tolist() == [0, 1, 2]
    assert table["status"].tolist() == ["done"] * 3
    # What was there stays as it was, to the byte.
    after = {p: p.stat().st_mtime_ns for p in Path("outputs/measure").glob("*/v*/results.json")}
    assert len(after) == 3
    assert before.items() <= after.items()
    assert [p.name for p in Path("outputs/sweeps/measure").iterdir()] == ["v001"]


def test_a_resumed_sweep_equals_one_that_ran_through(fsens: Type, failing: Callable[..., None]) -> None:
    failing(0, RuntimeError("no"))
    fsens("measure", "-m", *FEW, "seed=0,1")
    failing(0, None)
    assert fsens("measure", "--resume", "measure/v001").exit_code == 0
    assert fsens("measure", "-m", *FEW, "seed=0,1").exit_code == 0
    first, second = (pd.read_csv(f"outputs/sweeps/measure/v00{i}/summary.csv").drop(columns="folder") for i in (1, 2))
    pd.testing.assert_frame_equal(first, second)


@pytest.mark.parametrize(
    "error",
    [KeyboardInterrupt(), pytest.param(Interrupted("stopped after step 3"), marks=pytest.mark.slow)],
    ids=["Ctrl-C", "in a training"],
)
def test_an_interrupted_sweep_stops_and_says_how_to_go_on(
    fsens: Type, failing: Callable[..., None], error: BaseException
) -> None:
    failing(1, error)
    result = fsens("measure", "-m", *FEW, "seed=0,1,2")
    assert result.exit_code == 130
    assert f"go on with: fsens measure --resume {SWEEP}" in result.stderr
    assert ended() == {"0": "done"}
    failing(1, None)
    assert fsens("measure", "--resume", str(SWEEP)).exit_code == 0
    assert len(pd.read_csv(SWEEP / "summary.csv")) == 3


@pytest.mark.slow
def test_a_run_that_was_lost_since_is_run_again(fsens: Type) -> None:
    assert fsens("measure", "-m", *FEW, "seed=0,1").exit_code == 0
    lost = Path(pd.read_csv(SWEEP / "summary.csv")["folder"].iloc[1])
    (lost / "per_image.csv").unlink()
    (SWEEP / "summary.csv").unlink()
    assert fsens("measure", "--resume", str(SWEEP)).exit_code == 0
    folders = pd.read_csv(SWEEP / "summary.csv")["folder"].tolist()
    assert str(lost) not in folders
    assert len(set(folders)) == 2


def test_a_failed_job_s_traceback_is_shown_and_the_sweep_goes_on(fsens: Type, failing: Callable[..., None]) -> None:
    failing(0, RuntimeError("the machine was tired"))
    result = fsens("measure", "-m", *FEW, "seed=0,1", "--debug")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert ended() == {"0": "failed", "1": "done"}


@pytest.mark.slow
def test_a_resumed_sweep_may_name_another_launcher_alone(fsens: Type, failing: Callable[..., None]) -> None:
    failing(1, RuntimeError("the machine was tired"))
    assert fsens("measure", "-m", *FEW, "seed=0,1", "hydra/launcher=basic").exit_code == 1
    failing(1, None)
    assert fsens("measure", "--resume", str(SWEEP), "--launcher", "basik").exit_code == 2
    assert fsens("measure", "--resume", str(SWEEP), "--launcher", "basic").exit_code == 0
    assert ended() == {"0": "done", "1": "done"}


def test_refused(fsens: Type) -> None:
    assert fsens("measure", "-m", *FEW, "seed=0,1").exit_code == 0
    for arguments, message in (
        (["measure", "--resume", str(SWEEP), "seed=5"], "a resumed sweep keeps its own settings: leave out seed"),
        (["hybrid-probe", "--resume", str(SWEEP)], f"{SWEEP} is a sweep of measure: go on with `fsens measure"),
        (["measure", "--resume", "nowhere"], "there is no sweep at nowhere"),
        (
            ["measure", "--resume", "outputs/measure/net.py-make-dualband/v001"],
            "v001 is a run of measure, which keeps nothing to go on from: start it again. `fsens measure --resume`",
        ),
    ):
        result = fsens(*arguments)
        assert result.exit_code == 2, result.output
        assert message in result.stderr
    record = Path("outputs/measure/net.py-make-dualband/v001/run.json")
    record.write_text(json.dumps(json.loads(record.read_text()) | {"verb": "train", "status": "interrupted"}))
    for name in (str(record.parent), "measure/net.py-make-dualband/v001"):
        result = fsens("measure", "--resume", name)
        assert result.exit_code == 2, result.output
        assert (
            "v001 is a run of train, not of measure: go on with `fsens train --resume outputs/measure" in result.stderr
        )
    (SWEEP / "sweep.json").write_text("{}")
    damaged = fsens("measure", "--resume", str(SWEEP))
    assert damaged.exit_code == 2
    assert "its sweep.json is damaged" in damaged.stderr
