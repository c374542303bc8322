#!/usr/bin/env bash
# Networks trained on ImageNet, asked everything, in one command: spectrum, hybrids, depth, critical band, corruptions
# with mCE, and a blur at test time of four strengths. Start it again and it goes on.
#
#   scripts/imagenet_panel.sh timm/resnet50 timm/vit_base_patch16_224 torchvision/inception_v3
#   DATA="data=folder data.root=PICTURES data.classes=imagenet" scripts/imagenet_panel.sh timm/NAME=FILE
#
# A network is a name that --model takes, whose published weights are fetched, or NAME=FILE with a weight file of yours.
# Environment: IMAGES (200) for spectra, FEW (100) for everything else, BLURS ("1.5 3 6 9") of the blur; the rest as in
# reproduction/steps.sh.
OUT=${OUT:-build/imagenet-panel}
DATA=${DATA:-data=imagenet}
IMAGES=${IMAGES:-200} FEW=${FEW:-100} BLURS=${BLURS-1.5 3 6 9}
source "$(dirname "$0")/reproduction/steps.sh"

CORRUPTIONS="suite.filters=[] suite.shuffles=[] suite.noises=[] suite.attacks=[] suite.minimal=false
    suite.heat_map=false suite.prediction=true num_images=$FEW batch_size=25"

[ $# -gt 0 ] || { echo "usage: $0 NAME[=FILE]...   see the head of the file"; exit 2; }
for entry in "$@"; do
    MODEL=${entry%%=*}
    folder=$OUT/$(basename "$MODEL")
    weights=(--weights public)
    case $entry in *=*) weights=(--weights "${entry#*=}") ;; esac
    step "$folder" measure "${weights[@]}" num_images="$IMAGES" batch_size=25
    step "$folder" layers "${weights[@]}" num_images="$FEW" batch_size=20
    step "$folder" hybrid-probe "${weights[@]}" num_images="$FEW" pairings=1
    step "$folder" critical-band "${weights[@]}" num_images="$FEW" batch_size=25
    # shellcheck disable=SC2086  # settings are words
    step "$folder" evaluate "${weights[@]}" $CORRUPTIONS suite.severities=[1,2,3,4,5]
    for sigma in $BLURS; do
        # shellcheck disable=SC2086
        step "$folder/blur$sigma" evaluate "${weights[@]}" frontend=blur frontend.sigma="$sigma" $CORRUPTIONS \
            suite.severities=[3]
    done
done
"${PYTHON:-$(dirname "$(command -v "$FSENS")")/python}" "$(dirname "$0")/reproduction/panel.py" "$OUT" "$DOCS"
