#!/usr/bin/env bash
# Does training longer move a standard network's spectrum, or do the pictures decide? One training whose weights are kept
# after every few epochs, each measured on the test pictures. Start it again and it goes on.
#
# Environment, all optional:
#   FSENS    the command, fsens
#   OUT      where runs go, build/spectra-over-epochs
#   DATA     the pictures as settings, "data=cifar10"; for your own "data=folder data.root=ROOT"
#   MODEL, EPOCHS, EVERY, SEED   resnet20, 30, 2, 0
#   RECIPE   of the training, as in reproduction/steps.sh
#   CSV      the table, $OUT/epochs.csv
set -euo pipefail

FSENS=${FSENS:-fsens} OUT=${OUT:-build/spectra-over-epochs} MODEL=${MODEL:-resnet20}
EPOCHS=${EPOCHS:-30} EVERY=${EVERY:-2} SEED=${SEED:-0}
RECIPE=${RECIPE:-label_smoothing=0.1 augment.flip=alternating optim.schedule=linear}
eval "WHERE=(${DATA:-data=cifar10})"

begun=$(compgen -G "$OUT/train/*/v001/run.json" || true)
if [ -z "$begun" ]; then
    # shellcheck disable=SC2086  # settings are words
    "$FSENS" train --model "$MODEL" "${WHERE[@]}" --out "$OUT" --quiet seed="$SEED" epochs="$EPOCHS" keep_every="$EVERY" \
        measure_images=2000 $RECIPE
elif [ ! -e "${begun%/run.json}/results.json" ]; then
    "$FSENS" train --resume "${begun%/run.json}" --quiet
fi
run=$(compgen -G "$OUT/train/*/v001")
for kept in "$run"/checkpoints/epoch-*.safetensors; do
    name=$(basename "$kept" .safetensors)
    compgen -G "$OUT/$name/measure/*/latest/results.json" > /dev/null && continue
    "$FSENS" measure --model "$MODEL" "${WHERE[@]}" --weights "$kept" --out "$OUT/$name" num_images=2000 --quiet
done
beside=$(dirname "$(command -v "$FSENS")")/python
[ -x "$beside" ] || beside=python3
"${PYTHON:-$beside}" "$(dirname "$0")/reproduction/epochs.py" "$OUT" "${CSV:-$OUT/epochs.csv}"
