#!/usr/bin/env bash
# Every verb once on the embedded data: does each of them run to its end?
# usage: scripts/smoke.sh FSENS OUT
set -euo pipefail
FSENS=${1:-fsens}
OUT=${2:-build/smoke}

"$FSENS" measure num_images=64 --out "$OUT"
"$FSENS" train epochs=1 data.train_size=500 data.test_size=200 measure_images=64 --out "$OUT"
"$FSENS" hybrid-probe num_images=64 pairings=1 --out "$OUT"
"$FSENS" evaluate num_images=32 suite.severities=[3] suite.attack_images=8 suite.heat_map_images=4 attack.steps=5 \
    attack.minimal_steps=8 --out "$OUT"
"$FSENS" blur-defense sigmas=[0,1] num_images=32 suite.severities=[3] suite.attack_images=8 attack.minimal_steps=8 \
    checks.images=8 checks.queries=10 pairings=1 --out "$OUT"
"$FSENS" measure -m --weights packaged:lsf,packaged:hsf num_images=64 --out "$OUT"
"$FSENS" compare sweep:measure --out "$OUT"
"$FSENS" report sweep:measure --out "$OUT" -o "$OUT/report.html"
"$FSENS" show latest --out "$OUT"
"$FSENS" runs --out "$OUT"
