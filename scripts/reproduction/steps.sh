# What both reproductions share: sizes, one training or question a step, and what is done already.
# Sourced, not run. Every step leaves a run folder; a step whose run is finished is left out.
#
# Environment, all optional:
#   FSENS    the command, fsens
#   OUT      where runs go, build/reproduction (build/reproduction-quick with QUICK=1)
#   DOCS     where tables and figures go, $OUT/page
#   DATA     the pictures as settings, "data=cifar10"; for your own "data=folder data.root=ROOT"
#   SEEDS    of the trainings, "0 1 2"
#   QUICK=1  a small network and few pictures: ten minutes on two cores, to see that everything runs
#   MODEL, EPOCHS, PENALISED_EPOCHS, EXTRA   size of the trainings; the defaults go by what is there
#   RECIPE   of the trainings; give one without augment.flip where a mirror image is of another class (svhn, dualband)

set -euo pipefail

FSENS=${FSENS:-fsens}
if [ -n "${QUICK:-}" ]; then
    OUT=${OUT:-build/reproduction-quick}
    MODEL=${MODEL:-resnet8} EPOCHS=${EPOCHS:-2} PENALISED_EPOCHS=${PENALISED_EPOCHS:-2} SEEDS=${SEEDS:-0}
    EXTRA=${EXTRA:-data.subset=2500}
    ADVERSARY="adversary.norm=linf adversary.steps=2 adversary.step_size=0.0196"
    PENALTY="regularizer.space=normalized regularizer.every=2"
    MEASURED=500
    ASKED="num_images=200 suite.severities=[3] suite.attack_images=50 attack.steps=10 attack.minimal_steps=20"
    HYBRIDS="num_images=200 pairings=1"
elif command -v nvidia-smi > /dev/null && nvidia-smi -L | grep -q GPU; then
    OUT=${OUT:-build/reproduction}
    MODEL=${MODEL:-resnet18} EPOCHS=${EPOCHS:-30} PENALISED_EPOCHS=${PENALISED_EPOCHS:-30} SEEDS=${SEEDS:-0 1 2}
    EXTRA=${EXTRA:-}
    WARM_UP="optim.warmup_epochs=5"
    ADVERSARY="adversary.norm=linf"
    PENALTY="regularizer.space=normalized"
    MEASURED=10000
    ASKED="num_images=10000 suite.severities=[1,2,3,4,5] suite.attack_images=1000 attack.steps=20 attack.minimal_steps=100"
    HYBRIDS="num_images=10000 pairings=6"
else
    OUT=${OUT:-build/reproduction}
    MODEL=${MODEL:-resnet20} EPOCHS=${EPOCHS:-4} PENALISED_EPOCHS=${PENALISED_EPOCHS:-2} SEEDS=${SEEDS:-0 1 2}
    EXTRA=${EXTRA:-}
    ADVERSARY="adversary.norm=linf adversary.steps=2 adversary.step_size=0.0196"
    PENALTY="regularizer.space=normalized regularizer.every=2"
    MEASURED=2000
    ASKED="num_images=500 suite.severities=[1,3,5] suite.attack_images=100 attack.steps=20 attack.minimal_steps=40"
    HYBRIDS="num_images=500 pairings=2"
fi
DOCS=${DOCS:-$OUT/page}
# Words of a shell, so that a title may have spaces.
eval "WHERE=(${DATA:-data=cifar10})"

# The bands of the first paper, and the norm in which the second one gives sizes.
SUITE="suite.filters=[band-pass] suite.cutoffs=[5,10,23] suite.noises=[gaussian] suite.attacks=[pgd] suite.norms=[linf]
    suite.eps_linf=[0.00784314,0.03137255] suite.heat_map=false"
RECIPE="${RECIPE:-label_smoothing=0.1 augment.flip=alternating optim.schedule=linear} measure_images=$MEASURED
    ${WARM_UP:-}"

# Whether a run was written in the form of now; of older ones trainings alone are read, and none goes on.
is_current() { grep -qs '"schema": 2' "$1/run.json"; }

# step FOLDER VERB SETTINGS...: one run below FOLDER, unless a finished one is there; what keeps its progress goes on.
step() {
    local folder=$1 verb=$2 finished newest
    shift 2
    finished=$(compgen -G "$folder/$verb/*/latest/results.json" || true)
    if [ -n "$finished" ] && { [ "$verb" = train ] || is_current "${finished%/*}"; }; then
        return
    fi
    echo "== ${folder#"$OUT"/}: $verb"
    newest=$(compgen -G "$folder/$verb/*/v*/run.json" | sort -V | tail -n 1 || true)
    newest=${newest%/run.json}
    if [[ $verb = train || $verb = evaluate ]] && is_current "$newest"; then
        "$FSENS" "$verb" --resume "$newest" --quiet
    else
        # shellcheck disable=SC2086  # settings are words
        "$FSENS" "$verb" --model "$MODEL" "${WHERE[@]}" $EXTRA --out "$folder" --quiet "$@"
    fi
}

# network NAME SEED SETTINGS...: train a network, then ask it everything.
network() {
    local folder=$OUT/$1-s$2 seed=$2 run
    shift 2
    # shellcheck disable=SC2086
    step "$folder" train seed="$seed" $RECIPE "$@"
    run=$(compgen -G "$folder/train/*/latest")
    # shellcheck disable=SC2086
    step "$folder" hybrid-probe --weights "run:$run" $HYBRIDS
    # shellcheck disable=SC2086
    step "$folder" evaluate --weights "run:$run" $ASKED $SUITE
}

# page PAPER: tables, figures and verdicts of what is there. The Python is the one that fsens runs on, unless PYTHON says.
page() {
    local beside
    beside=$(dirname "$(command -v "$FSENS")")/python
    [ -x "$beside" ] || beside=python3
    "${PYTHON:-$beside}" "$(dirname "${BASH_SOURCE[0]}")/page.py" "$1" "$OUT" "$DOCS"
}
