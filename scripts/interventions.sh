#!/usr/bin/env bash
# Every intervention on one network and data set under one protocol: the same initial weights, order of images, epochs and
# activation, paired seeds; one strength each, chosen on validation images; then measured, hybrid-probed, evaluated, its
# critical band. A table, a figure and a verdict at the end. Start it again and it goes on. QUICK=1: small networks on the
# embedded data, to see that everything runs.
# Settings: see reproduction/steps.sh; further ones, all optional:
#   ONLY         names of interventions, "standard lsf trades"; default all
#   BAND         settings of critical-band
#   TUNE         1 chooses strengths (a third of the published one, itself, three times it) by short trainings with a seed
#                of their own, and gives the control of zeros the weight that pulls as hard as its target; 0 takes the
#                published strengths. Default 1, with QUICK=1 0
#   TUNE_EPOCHS  of these trainings; default a quarter of EPOCHS
if [ -n "${QUICK:-}" ]; then
    export OUT=${OUT:-build/interventions-quick} DATA=${DATA:-data=dualband} EPOCHS=${EPOCHS:-1} PENALISED_EPOCHS=${EPOCHS:-1}
    export EXTRA=${EXTRA:-data.train_size=600 data.test_size=200}
    export RECIPE=${RECIPE:-label_smoothing=0.1 optim.schedule=linear batch_size=64}
    BAND=${BAND:-num_images=40} TUNE=${TUNE:-0} VALIDATED=20 MATCHED=5
else
    export OUT=${OUT:-build/interventions} EPOCHS=${EPOCHS:-40} SEEDS=${SEEDS:-0 1}
    BAND=${BAND:-num_images=200} TUNE=${TUNE:-1} VALIDATED= MATCHED=
fi
source "$(dirname "$0")/reproduction/steps.sh"
TUNE_EPOCHS=${TUNE_EPOCHS:-$(((EPOCHS + 3) / 4))}
# Of no network that is compared.
TUNE_SEED=1000
beside=$(dirname "$(command -v "$FSENS")")/python
[ -x "$beside" ] || beside=python3
tool() { "${PYTHON:-$beside}" "$(dirname "$0")/reproduction/$1" "${@:2}"; }

# The gradient's size needs a smooth activation, so that all networks have it.
SAME="model.kwargs.activation=silu"
SIMILAR="regularizer=similarity regularizer.towards"
if [ -n "${QUICK:-}" ]; then
    SIMILAR="regularizer.num_images=100 $SIMILAR"
    ASKED="num_images=60 suite.severities=[3] suite.attack_images=20 attack.steps=5 attack.minimal_steps=10"
    HYBRIDS="num_images=60 pairings=1"
fi

# strength NAME SETTING=PUBLISHED,OTHER,... SETTINGS...: CHOSEN is the setting with what does best on validation images.
strength() {
    local name=$1 setting=${2%%=*} values=${2#*=} value
    shift 2
    for value in ${values//,/ }; do
        # shellcheck disable=SC2086
        step "$OUT/strengths/$name/$value" train seed="$TUNE_SEED" $RECIPE epochs="$TUNE_EPOCHS" $SAME "$@" \
            "$setting=$value"
    done
    # shellcheck disable=SC2086
    value=$(tool strengths.py "$OUT/strengths" "$name" "${values%%,*}" $VALIDATED | tail -n 1)
    CHOSEN=$setting=$value
}

# matched NAME: CHOSEN is the weight at which a control pulls as hard as the pixels' target, before the first step.
matched() {
    local run weight
    run=$(compgen -G "$OUT/similarity-pixel-s${SEEDS%% *}/train/*/latest" || true)
    if [ -n "$run" ]; then
        # shellcheck disable=SC2086
        weight=$(tool matched.py "$run" "${1#similarity-}" $MATCHED | tail -n 1)
        CHOSEN=regularizer.weight=$weight
    fi
}

# intervention NAME STRENGTH SETTINGS...: with every seed. STRENGTH is SETTING=PUBLISHED,OTHER,..., or "matched" for a
# control, or "-" where there is none to choose.
intervention() {
    local name=$1 tried=$2 folder run seed
    shift 2
    if [ -n "${ONLY:-}" ] && [[ " $ONLY " != *" $name "* ]]; then
        return
    fi
    CHOSEN=
    case $TUNE,$tried in
        *,-) ;;
        1,matched) matched "$name" ;;
        1,*) strength "$name" "$tried" "$@" ;;
        *,matched) ;;
        *) CHOSEN=${tried%%,*} ;;
    esac
    for seed in $SEEDS; do
        # shellcheck disable=SC2086
        network "$name" "$seed" epochs="$EPOCHS" $SAME "$@" $CHOSEN
        folder=$OUT/$name-s$seed
        run=$(compgen -G "$folder/train/*/latest")
        # shellcheck disable=SC2086
        step "$folder" critical-band --weights "run:$run" $BAND
    done
}

# shellcheck disable=SC2086
{
    intervention standard -
    intervention lsf regularizer.weight=0.5,0.167,1.5 regularizer=lsf $PENALTY
    intervention asf regularizer.weight=0.5,0.167,1.5 regularizer=asf $PENALTY
    intervention jafr regularizer.weight=0.001,0.00033,0.003 regularizer=jafr $PENALTY
    intervention gradient-norm regularizer.weight=1.5,0.5,4.5 regularizer=gradient-norm regularizer.every=2
    intervention similarity-pixel regularizer.weight=10,3.3,30 ${SIMILAR}=pixel
    intervention similarity-zero matched ${SIMILAR}=zero
    intervention similarity-gabor regularizer.weight=10,3.3,30 ${SIMILAR}=gabor
    intervention pgd adversary.eps=0.03137255,0.01568627,0.007843137 $ADVERSARY
    intervention trades adversary.beta=6,2,18 $ADVERSARY adversary.loss=trades
    intervention noise noise_sd=0.1,0.033,0.3
    intervention augmix augment.jsd=12,4,36 augment.policy=augmix
    intervention apr-sp - augment.policy=apr-sp
}

tool interventions.py "$OUT" "$DOCS"
