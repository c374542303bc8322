#!/usr/bin/env bash
# The oldest version of everything that pyproject.toml allows, together in one environment: every verb, then the test suite.
#   scripts/oldest.sh [PYTEST ARGUMENTS...]
# PYTHON is the oldest one allowed, python3.11; the environment is build/oldest. Of the extras, ray and mlflow are left out: they bring
# dozens of packages with versions of their own.
set -euo pipefail
cd "$(dirname "$0")/.."
place=build/oldest
"${PYTHON:-python3.11}" -m venv "$place"
"$place/bin/python" - > "$place/oldest.txt" << 'END'
import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
wanted = [*project["dependencies"]]
for name in ("report", "hf", "hf-data", "clip", "onnx", "joblib", "slurm", "tensorboard"):
    wanted += extras[name]
for line in wanted:
    print(re.sub(r">=([\d.]+).*", r"==\1", line))
# The tools of the tests are those that the tests are written for, and the oracles whatever fits.
for line in Path("constraints.txt").read_text().splitlines():
    if re.match(r"(pytest|pytest-xdist|hypothesis|foolbox|imagecorruptions-imaug)==", line):
        print(line)
print("lightning\naccelerate")
END
"$place/bin/python" -m pip install --quiet --disable-pip-version-check -r "$place/oldest.txt"
"$place/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -e .
"$place/bin/python" -m pip freeze --exclude-editable > "$place/versions.txt"
scripts/smoke.sh "$place/bin/fsens" build/oldest-smoke
# Old releases beside new ones are full of deprecations, which are nobody's fault here.
"$place/bin/python" -m pytest -q -W ignore::DeprecationWarning "$@"
