#!/usr/bin/env bash
# The two papers' story on data with known truth: which frequencies five networks listen to, and what they stand.
# usage: scripts/report_example.sh FSENS OUT
set -euo pipefail
FSENS=${1:-fsens}
OUT=${2:-build/report-example}
# Two jobs side by side with a thread each: so small a network gains nothing from two threads.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
FAMILY=packaged:standard,packaged:lsf,packaged:hsf,packaged:asf,packaged:blur

# The filter as a control, in front of a network that relies on high frequencies and of one that relies on low ones.
# packaged:blur carries a filter of its own.
"$FSENS" blur-defense -m --weights packaged:standard,packaged:lsf sigmas=[0,0.5,1] num_images=80 \
    suite.severities=[3] suite.attack_images=24 attack.minimal_steps=20 checks.images=16 checks.queries=50 \
    pairings=1 --out "$OUT" --quiet &
DEFENSE=$!

"$FSENS" measure -m --weights "$FAMILY" num_images=300 --out "$OUT"
"$FSENS" hybrid-probe -m --weights "$FAMILY" num_images=200 pairings=1 --out "$OUT"
"$FSENS" evaluate -m --weights "$FAMILY" num_images=100 suite.severities=[3] suite.filters=[] suite.shuffles=[] \
    suite.noises=[] suite.attack_images=24 attack.minimal_steps=20 suite.heat_map=false --out "$OUT"
wait "$DEFENSE"
"$FSENS" report sweep:measure sweep:hybrid-probe sweep:evaluate sweep:blur-defense --out "$OUT" -o "$OUT/report.html" \
    --title "Five trainings of one network: what they listen to, and what they stand"
