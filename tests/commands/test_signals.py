"""SIGTERM and SIGHUP: every verb says how it ended and how to go on, and going on ends with the same files."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import Result

from fsens_cli.commands.signals import ending_on_signals
from fsens_cli.commands.verbs.registry import VERBS
from fsens_cli.runs.index import list_runs

Type = Callable[..., Result]

# As small as these verbs go.
SMALL = {
    "evaluate": [
        "num_images=40", "suite.corruptions=[shot_noise,contrast]", "suite.severities=[5]", "suite.filters=[]",
        "suite.shuffles=[]", "suite.noises=[]", "suite.norms=[linf]", "suite.eps_linf=[0.03]", "suite.attack_images=8",
        "suite.heat_map=false", "attack.steps=5", "attack.minimal_steps=8",
    ],
    "blur-defense": [
        "num_images=40", "sigmas=[0,1.5]", "suite.corruptions=[contrast]", "suite.severities=[3]",
        "suite.eps_l2=[0.5]", "suite.eps_linf=[0.01,0.02]", "suite.attack_images=8", "attack.steps=3",
        "attack.minimal_steps=6", "checks.images=5", "checks.steps=2", "checks.queries=5", "checks.starts=2",
        "pairings=1",
    ],
}  # fmt: skip


def signalled(number: signal.Signals, pattern: str, fsens: Type, *arguments: str, saying: bytes = b"") -> Result:
    """Type a command and send a signal as soon as there is such a file, which says something."""
    ended = threading.Event()

    def send() -> None:
        while not ended.is_set():
            if any(not saying or saying in p.read_bytes() for p in Path.cwd().glob(pattern)):
                os.kill(os.getpid(), number)
                return
            time.sleep(0.001)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        with ending_on_signals():
            return fsens(*arguments)
    finally:
        ended.set()
        sender.join()


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Signals are heard also where whoever started the tests ignores them, as nohup does."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGHUP, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def tables(run: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in run.glob("*.csv")}


@pytest.mark.parametrize(
    ("verb", "number", "kept"),
    [
        ("evaluate", signal.SIGTERM, "parts/*.npz"),
        pytest.param("blur-defense", signal.SIGHUP, "parts/*/*.npz", marks=pytest.mark.slow),
    ],
)
def test_a_long_verb_is_interrupted_and_goes_on(verb: str, number: signal.Signals, kept: str, fsens: Type) -> None:
    arguments = (verb, "--weights", "packaged:standard", "data.test_size=60", *SMALL[verb], "--quiet")
    pattern = f"outputs/{verb}/*/v001/{kept}"
    stopped = signalled(number, pattern, fsens, *arguments)
    run = Path(f"outputs/{verb}/resnet8-dualband/v001")
    assert stopped.exit_code == 130, stopped.output
    said = stopped.stderr.splitlines()[-1]
    assert said == f"interrupted: by {number.name}. go on with: fsens {verb} --resume {run}"
    assert [e.status for e in list_runs(Path("outputs"))] == ["interrupted"]
    assert "interrupted" in fsens("show", str(run)).stderr
    resumed = fsens(verb, "--resume", str(run), "--quiet")
    assert resumed.exit_code == 0, resumed.output
    straight = Path(fsens(*arguments).stdout.strip())
    assert tables(straight) == tables(run)
    assert not list(Path("outputs").rglob(".*"))


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS.values() if not verb.resume])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_short_verb_is_interrupted(verb: str, number: signal.Signals, fsens: Type) -> None:
    few = ("--weights", "packaged:standard", "data.test_size=40")
    pattern = f"outputs/{verb}/*/v001/run.json"
    result = signalled(number, pattern, fsens, verb, *few, saying=b"data_fingerprint")
    assert result.exit_code == 130, result.output
    run = Path(f"outputs/{verb}/resnet8-dualband/v001")
    assert result.stderr.splitlines()[-1] == (
        f"interrupted: by {number.name}. {run} keeps nothing to go on from: start it again"
    )
    assert json.loads((run / "run.json").read_text())["status"] == "interrupted"
    assert not list(Path("outputs").rglob(".*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_training_goes_on(number: signal.Signals, fsens: Type) -> None:
    settings = [
        "data.train_size=128", "data.test_size=20", "val_fraction=0.25", "epochs=3", "batch_size=32",
        "probe_size=8", "measure_images=8",
    ]  # fmt: skip
    stopped = signalled(number, "outputs/train/*/v001/checkpoints/at-00001-*", fsens, "train", *settings)
    assert stopped.exit_code == 130, stopped.output
    (run,) = Path("outputs/train").glob("*/v001")
    assert stopped.stderr.splitlines()[-1].endswith(f"continue with: fsens train --resume {run}")
    assert json.loads((run / "run.json").read_text())["status"] == "interrupted"
    assert fsens("train", "--resume", str(run), "--quiet").exit_code == 0


def test_a_sweep_is_interrupted(measure: Type) -> None:
    result = signalled(signal.SIGHUP, "outputs/measure/*/v002/run.json", measure, "-m", "seed=0,1,2,3,4,5,6,7")
    assert result.exit_code == 130, result.output
    assert result.stderr.splitlines()[-1].endswith(
        "finished jobs are kept; go on with: fsens measure --resume outputs/sweeps/measure/v001"
    )
    assert "start it again" not in result.stderr  # which holds for one job, not for the sweep
    assert [e.status for e in list_runs(Path("outputs"))] == ["done", "interrupted"]
    assert [p.name for p in Path("outputs/sweeps/measure/v001/jobs").iterdir()] == ["000.json"]
    assert not list(Path("outputs").rglob("owner-*"))


def test_what_is_to_be_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending_on_signals():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_of_several_signals_the_first_counts() -> None:
    with ending_on_signals():
        with pytest.raises(KeyboardInterrupt, match="by SIGTERM"):
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
