"""The examples in docs/examples run as they stand, and stay short enough to read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parents[1] / "docs" / "examples").glob("*.py"))
NEEDS = {"lightning_module": "lightning", "transformers_trainer": "transformers"}


def _marked(path: Path) -> object:
    """Importing either library takes about ten seconds."""
    return pytest.param(path, marks=pytest.mark.slow) if path.stem in NEEDS else path


@pytest.mark.parametrize("example", [_marked(path) for path in EXAMPLES], ids=[path.stem for path in EXAMPLES])
def test_example_runs_and_is_under_40_lines(example: Path, tmp_path: Path) -> None:
    if example.stem in NEEDS:
        pytest.importorskip(NEEDS[example.stem])
    assert len(example.read_text().splitlines()) < 40
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(example)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "low" in done.stdout.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []
