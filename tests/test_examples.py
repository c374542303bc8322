"""The examples in docs/examples run as they stand, and stay short enough to read."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.axes import Axes

EXAMPLES = sorted((Path(__file__).resolve().parents[1] / "docs" / "examples").glob("*.py"))
# Importing either library takes about ten seconds.
NEEDS = {"lightning_module": "lightning", "transformers_trainer": "transformers"}
SHORT = [path for path in EXAMPLES if path.stem not in NEEDS]
LONG = [path for path in EXAMPLES if path.stem in NEEDS]


def run_here(example: Path) -> dict[str, object]:
    """Run a script in this process, and leave the random numbers as they were."""
    with torch.random.fork_rng():
        return runpy.run_path(str(example), run_name="__main__")


@pytest.mark.parametrize("example", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_example_is_short(example: Path) -> None:
    assert len(example.read_text().splitlines()) < 40


@pytest.mark.parametrize("example", SHORT, ids=[path.stem for path in SHORT])
def test_example_runs(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    open_figures = plt.get_fignums()
    run = run_here(example)
    assert "low" in capsys.readouterr().out.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []
    if example.stem == "notebook":
        # Ten steps of the penalty move the network to low frequencies, a blur far more; a plot leaves pyplot alone.
        shares = [run[name]["share-low"] for name in ("before", "after", "blurred")]
        assert shares[0].high < shares[1].low < shares[1].high < shares[2].low
        assert isinstance(run["axes"], Axes)
        assert plt.get_fignums() == open_figures
        assert len(example.read_text().splitlines()) <= 25


@pytest.mark.slow
@pytest.mark.parametrize("example", LONG, ids=[path.stem for path in LONG])
def test_example_with_another_library_runs(example: Path, tmp_path: Path) -> None:
    pytest.importorskip(NEEDS[example.stem])
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(example)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "low" in done.stdout.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []
