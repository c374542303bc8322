"""A stand-in for fsens that writes down how the scripts called it."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"

# Writes down how it was called and leaves what a finished run leaves.
STAND_IN = """#!/usr/bin/env bash
set -e
echo "$*" >> "$CALLS"
verb=$1
shift
if [ "$1" = --resume ]; then run=$2; else
    while [ "$1" != --out ]; do shift; done
    run=$2/$verb/resnet8-dualband/v001
fi
mkdir -p "$run"
printf '{"schema": %s}' "${SCHEMA:-2}" > "$run/run.json"
if [ -n "${BREAK:-}" ] && [ "$verb" = "$BREAK" ]; then exit 130; fi
echo '{}' > "$run/results.json"
ln -sfn v001 "$(dirname "$run")/latest"
"""


@pytest.fixture
def script(tmp_path: Path):  # noqa: ANN201 a function of the script's name
    fsens = tmp_path / "fsens"
    fsens.write_text(STAND_IN)
    fsens.chmod(0o755)
    page = tmp_path / "python"
    page.write_text('#!/usr/bin/env bash\necho "page $2" >> "$CALLS"\necho 7\n')
    page.chmod(0o755)
    calls = tmp_path / "calls"

    def run(name: str, *, arguments: tuple[str, ...] = (), **environment: str) -> tuple[int, list[str]]:
        calls.write_text("")
        inherited = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME")}
        ours = {"FSENS": str(fsens), "PYTHON": str(page), "CALLS": str(calls)}
        size = {"QUICK": "1", "OUT": str(tmp_path / "out")}
        done = subprocess.run(
            [SCRIPTS / name, *arguments],
            env=inherited | ours | size | environment,
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
        )
        return done.returncode, calls.read_text().splitlines()

    return run
