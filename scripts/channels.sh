#!/usr/bin/env bash
# Critical band and spectra by depth of the networks of a reproduction, in one table with networks trained on ImageNet
# (scripts/imagenet_panel.sh) and the published ones. Start it again and it goes on.
#
#   DATA="data=folder data.root=PICTURES" scripts/channels.sh REPRODUCTION [PANEL]
#
# REPRODUCTION and PANEL are the OUT of the other two scripts; DATA and MODEL those of REPRODUCTION. Environment: IMAGES
# (200), OUT for the new runs, DOCS for the table; the rest as in reproduction/steps.sh.
OUT=${OUT:-build/channels}
IMAGES=${IMAGES:-200}
source "$(dirname "$0")/reproduction/steps.sh"

[ $# -gt 0 ] || { echo "usage: $0 REPRODUCTION [PANEL]   see the head of the file"; exit 2; }
for trained in "$1"/*-s[0-9]*/train/*/latest; do
    [ -e "$trained/results.json" ] || continue
    folder=${trained#"$1"/}
    folder=$OUT/${folder%%/*}
    step "$folder" critical-band --weights "run:$trained" num_images="$IMAGES"
    step "$folder" layers --weights "run:$trained" num_images="$IMAGES"
done
"${PYTHON:-$(dirname "$(command -v "$FSENS")")/python}" "$(dirname "$0")/reproduction/channels.py" "$DOCS" "$OUT" ${2:+"$2"}
