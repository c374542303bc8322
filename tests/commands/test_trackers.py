"""Trackers are told what training.csv says, go on with a resumed run, and cost no training when they break."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import Result

from fsens_cli.runs.trackers.tracker import Dispensable

Type = Callable[..., Result]
ErrorOf = Callable[[Result], str]

TINY = (
    "--model", "net.py:make", "--weights", "random", "data.train_size=80", "data.test_size=20", "batch_size=16",
    "val_fraction=0.2", "probe_size=8", "epochs=3", "--quiet",
)  # fmt: skip
SHARES = ("share-low", "share-mid", "share-high")
# A name, its step and value, in the order of the steps.
Told = dict[str, list[tuple[int, float]]]


def history(run: Path) -> Told:
    """What training.csv says of every epoch."""
    table = pd.read_csv(run / "training.csv")
    return {
        str(name): [(int(e), float(v)) for e, v in zip(table["epoch"], table[name], strict=True)]
        for name in table.columns
        if name != "epoch"
    }


def told_tensorboard(run: Path) -> Told:
    pytest.importorskip("tensorboard", reason="needs the extra fsens[tensorboard]")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    return {name: [(e.step, e.value) for e in events.Scalars(name)] for name in events.Tags()["scalars"]}


def told_mlflow(run: Path) -> Told:
    mlflow = pytest.importorskip("mlflow", reason="needs the extra fsens[mlflow]")
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{Path('outputs/mlflow.db').resolve()}")
    experiment = client.get_experiment_by_name("fsens")
    (kept,) = client.search_runs([experiment.experiment_id])
    assert kept.info.run_name == "/".join(run.parts[-2:])
    assert kept.info.status == "FINISHED"
    assert kept.data.params["batch_size"] == "16"
    return {
        name: sorted((m.step, m.value) for m in client.get_metric_history(kept.info.run_id, name))
        for name in kept.data.metrics
    }


READERS = {"tensorboard": told_tensorboard, "mlflow": told_mlflow}


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def stopping_after(steps: int) -> Callable[[Any], bool]:
    asked = []

    def stop_requested(_: Any) -> bool:
        asked.append(1)
        return len(asked) == steps

    return stop_requested


@pytest.mark.parametrize("name", READERS)
def test_a_training_in_two_parts_is_one_run_of_the_tracker(
    name: str, fsens: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(name, reason=f"needs the extra fsens[{name}]")
    with monkeypatch.context() as patch:
        patch.setattr("fsens_cli.commands.train_recorder.RunRecorder.stop_requested", stopping_after(6))
        stopped = fsens("train", *TINY, f"tracker={name}")
    assert stopped.exit_code == 130, stopped.output
    run = Path("outputs/train/net.py-make-dualband/v001")
    resumed = fsens("train", "--resume", str(run), "--quiet")
    assert resumed.exit_code == 0, resumed.output
    assert "warning" not in resumed.stderr.replace("warning: accuracy", "")
    told = READERS[name](run)
    for column, rows in history(run).items():
        assert [step for step, _ in told[column]] == [1, 2, 3]
        # Event files hold single precision.
        assert [value for _, value in told[column]] == pytest.approx([value for _, value in rows], rel=1e-6)
    assert [step for step, _ in told["test-accuracy"]] == [3]
    assert sum(told[share][0][1] for share in SHARES) == pytest.approx(1, abs=1e-6)
    assert set(told) == {*history(run), "test-accuracy", "accuracy", *SHARES, "centroid"}


def test_none_by_default(fsens: Type) -> None:
    trained = fsens("train", *TINY)
    assert trained.exit_code == 0, trained.output
    assert [p.name for p in Path("outputs").iterdir()] == ["train"]
    assert not list(Path("outputs").rglob("*event*"))


def test_a_tracker_that_fails_ends_nothing(fsens: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorboard", reason="needs the extra fsens[tensorboard]")

    def full(self: object, step: int, numbers: Mapping[str, float]) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fsens_cli.runs.trackers.on_tensorboard.EventFiles.log", full)
    trained = fsens("train", *TINY, "tracker=tensorboard")
    assert trained.exit_code == 0, trained.output
    assert trained.stderr.count("the tracker stopped at step 1 (OSError: [Errno 28] No space left on device)") == 1
    assert len(pd.read_csv(Path(trained.stdout.strip()) / "training.csv")) == 3


def test_a_dispensable_tracker_is_asked_until_its_first_error() -> None:
    class Moody:
        def __init__(self) -> None:
            self.told: list[int] = []

        def log(self, step: int, numbers: Mapping[str, float]) -> None:
            self.told.append(step)
            if step == 2:
                raise RuntimeError("gone\nand more")

    warnings: list[str] = []
    moody = Moody()
    tracker = Dispensable(moody, warnings.append)
    for step in (1, 2, 3):
        tracker.log(step, {"a": 1.0})
    assert moody.told == [1, 2]
    assert warnings == [
        "the tracker stopped at step 2 (RuntimeError: gone); the training goes on, and training.csv has all its "
        "numbers."
    ]


@pytest.mark.parametrize("name", READERS)
def test_a_missing_package_is_said_before_anything_happens(
    name: str, fsens: Type, error_of: ErrorOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fsens_cli.runs.trackers.choice.find_spec", lambda _: None)
    error = error_of(fsens("train", *TINY, f"tracker={name}"))
    assert error == f"tracker={name} needs {name}: pip install 'fsens[{name}]'."


def test_a_store_that_cannot_be_used(fsens: Type, error_of: ErrorOf) -> None:
    pytest.importorskip("mlflow", reason="needs the extra fsens[mlflow]")
    error = error_of(fsens("train", *TINY, "tracker=mlflow", "tracker.uri=gopher://nowhere"))
    assert error.startswith("tracker.uri=gopher://nowhere cannot be used (")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["tracker=wandb"], "unknown tracker 'wandb'. tracker can be mlflow, none, tensorboard"),
        (["tracker=tensorboard", "tracker.uri=x"], "tracker.uri belongs to tracker=mlflow alone"),
        (["tracker=mlflow", "tracker.experiment=''"], "tracker.experiment must not be empty"),
    ],
)
def test_refuses_settings(settings: list[str], message: str, fsens: Type, error_of: ErrorOf) -> None:
    assert message in error_of(fsens("train", *TINY, *settings))
