#!/usr/bin/env bash
# One verb for five networks, then their differences with intervals.
# usage: scripts/sweep_example.sh FSENS OUT
set -euo pipefail
FSENS=${1:-fsens}
OUT=${2:-build/sweep-example}

"$FSENS" hybrid-probe -m num_images=200 pairings=1 --out "$OUT" \
    --weights packaged:standard,packaged:lsf,packaged:hsf,packaged:asf,packaged:blur
"$FSENS" compare sweep:hybrid-probe --out "$OUT"
