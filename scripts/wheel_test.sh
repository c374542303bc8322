#!/usr/bin/env bash
# The wheel in a fresh environment of each Python that is there, used from another folder: command line, Python, types.
#   scripts/wheel_test.sh BUILDER [PYTHON...]
# BUILDER is a Python with the packages `build` and `mypy`; PYTHON are commands or paths, by default python3.11 python3.12 python3.13.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD builder=$1
shift
[ $# -gt 0 ] || set -- python3.11 python3.12 python3.13
rm -rf dist build/wheel-test
"$builder" -m build --quiet
ran=""
for python in "$@"; do
  if ! version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2> /dev/null); then
    echo "not here: $python"
    continue
  fi
  place=$root/build/wheel-test/$version
  "$python" -m venv "$place"
  "$place/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt dist/*.whl
  cd /
  "$place/bin/fsens" measure num_images=64 --out "$place/outputs"
  "$place/bin/fsens" cite > /dev/null
  "$place/bin/python" "$root/docs/examples/notebook.py"
  "$builder" -m mypy --strict --python-executable "$place/bin/python" --cache-dir "$place/mypy" "$root/tests/python/typed_script.py"
  cd "$root"
  ran="$ran $version"
done
[ -n "$ran" ] || { echo "none of these Pythons is here: $*"; exit 1; }
echo "the wheel works on Python$ran"
