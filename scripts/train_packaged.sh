#!/usr/bin/env bash
# Trains the packaged dualband family with `fsens train` and puts the weights into the package.
#   scripts/train_packaged.sh [NAME...]      default: standard lsf hsf asf blur
set -euo pipefail
cd "$(dirname "$0")/.."
names=("$@")
[ ${#names[@]} -gt 0 ] || names=(standard lsf hsf asf blur)
python=${PYTHON:-.venv/bin/python}
[ -x "$python" ] || python=python
mkdir -p fsens_cli/models/packaged
for name in "${names[@]}"; do
  case $name in
    standard) change=() ;;
    blur) change=(frontend=blur) ;;
    *) change=("regularizer=$name") ;;
  esac
  run=$("$python" -m fsens_cli train experiment=dualband "tag=$name" "${change[@]}" --quiet)
  cp "$run/checkpoints/best.safetensors" "fsens_cli/models/packaged/dualband-resnet8-$name.safetensors"
  echo "$name: $run"
done
