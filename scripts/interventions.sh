#!/usr/bin/env bash
# Every intervention on one network and data set under one protocol: the same initial weights, order of images, epochs and
# activation, paired seeds; then measured, hybrid-probed, evaluated, its critical band. A table, a figure and a verdict at
# the end. Start it again and it goes on. QUICK=1: small networks on the embedded data, to see that everything runs.
# Settings: see reproduction/steps.sh; further ones, all optional:
#   ONLY     names of interventions, "standard lsf trades"; default all
#   BAND     settings of critical-band
if [ -n "${QUICK:-}" ]; then
    export OUT=${OUT:-build/interventions-quick} DATA=${DATA:-data=dualband} EPOCHS=${EPOCHS:-1} PENALISED_EPOCHS=${EPOCHS:-1}
    export EXTRA=${EXTRA:-data.train_size=600 data.test_size=200}
    export RECIPE=${RECIPE:-label_smoothing=0.1 optim.schedule=linear batch_size=64}
    BAND=${BAND:-num_images=40}
else
    export OUT=${OUT:-build/interventions} EPOCHS=${EPOCHS:-40} SEEDS=${SEEDS:-0 1}
    BAND=${BAND:-num_images=200}
fi
source "$(dirname "$0")/reproduction/steps.sh"

# The gradient's size needs a smooth activation, so that all networks have it.
SAME="model.kwargs.activation=silu"
SIMILAR="regularizer=similarity regularizer.towards"
if [ -n "${QUICK:-}" ]; then
    SIMILAR="regularizer.num_images=100 $SIMILAR"
    ASKED="num_images=60 suite.severities=[3] suite.attack_images=20 attack.steps=5 attack.minimal_steps=10"
    HYBRIDS="num_images=60 pairings=1"
fi

# intervention NAME SETTINGS...: with every seed.
intervention() {
    local name=$1 folder run seed
    shift
    if [ -n "${ONLY:-}" ] && [[ " $ONLY " != *" $name "* ]]; then
        return
    fi
    for seed in $SEEDS; do
        # shellcheck disable=SC2086
        network "$name" "$seed" epochs="$EPOCHS" $SAME "$@"
        folder=$OUT/$name-s$seed
        run=$(compgen -G "$folder/train/*/latest")
        # shellcheck disable=SC2086
        step "$folder" critical-band --weights "run:$run" $BAND
    done
}

# shellcheck disable=SC2086
{
    intervention standard
    intervention lsf regularizer=lsf $PENALTY
    intervention asf regularizer=asf $PENALTY
    intervention jafr regularizer=jafr $PENALTY
    intervention gradient-norm regularizer=gradient-norm regularizer.every=2
    intervention similarity-zero ${SIMILAR}=zero
    intervention similarity-pixel ${SIMILAR}=pixel
    intervention similarity-gabor ${SIMILAR}=gabor
    intervention pgd $ADVERSARY
    intervention trades $ADVERSARY adversary.loss=trades
    intervention noise noise_sd=0.1
    intervention augmix augment.policy=augmix
    intervention apr-sp augment.policy=apr-sp
}

beside=$(dirname "$(command -v "$FSENS")")/python
[ -x "$beside" ] || beside=python3
"${PYTHON:-$beside}" "$(dirname "$0")/reproduction/interventions.py" "$OUT" "$DOCS"
