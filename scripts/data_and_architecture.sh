#!/usr/bin/env bash
# Does a network's sensitivity depend on the data set, and on the architecture? One architecture trained on several data sets
# of the same size, and several architectures on the first of these, all by one recipe. Start it again and it goes on.
# Settings: see reproduction/steps.sh; further ones, all optional:
#   SETS            data sets as "NAME=SETTINGS; NAME=SETTINGS", the first one for the architectures too
#   ARCHITECTURES   names in reproduction/architectures.py, "vgg mobilenet vit"; beside these the MODEL
#   ONLY            names of networks, "imagenette-vit cifar10-resnet20"; default all
if [ -n "${QUICK:-}" ]; then
    export OUT=${OUT:-build/data-and-architecture-quick}
else
    export OUT=${OUT:-build/data-and-architecture} EPOCHS=${EPOCHS:-40} SEEDS=${SEEDS:-0 1}
fi
source "$(dirname "$0")/reproduction/steps.sh"

SETS=${SETS:-"cifar10=data=cifar10 data.subset=9469; fashion-mnist=data=fashion-mnist data.channels=3 data.subset=9469"}
ARCHITECTURES=${ARCHITECTURES:-vgg mobilenet vit}
# Predictions are held against corruptions alone; bands in cycles/image would mean other things in pictures of other sizes.
SUITE="suite.filters=[] suite.noises=[] suite.attacks=[] suite.heat_map=false"
HERE=$(dirname "$0")

# trained NAME NETWORK: with every seed on the data set in WHERE; then its corruptions, to hold the prediction against.
trained() {
    local name=$1 MODEL=$2 seed folder run
    if [ -n "${ONLY:-}" ] && [[ " $ONLY " != *" $name "* ]]; then
        return
    fi
    for seed in $SEEDS; do
        folder=$OUT/$name-s$seed
        # shellcheck disable=SC2086  # settings are words
        {
            step "$folder" train seed="$seed" epochs="$EPOCHS" $RECIPE
            run=$(compgen -G "$folder/train/*/latest")
            step "$folder" evaluate --weights "run:$run" $ASKED $SUITE
        }
    done
}

first=
while read -r -u 3 -d ';' set; do
    eval "WHERE=(${set#*=})"
    trained "${set%%=*}-$MODEL" "$MODEL"
    if [ -z "$first" ]; then
        first=${set%%=*}
        for architecture in $ARCHITECTURES; do
            trained "$first-$architecture" "$HERE/reproduction/architectures.py:$architecture"
        done
    fi
done 3<<< "$SETS;"

beside=$(dirname "$(command -v "$FSENS")")/python
[ -x "$beside" ] || beside=python3
"${PYTHON:-$beside}" "$HERE/reproduction/data_and_architecture.py" "$OUT" "$DOCS"
