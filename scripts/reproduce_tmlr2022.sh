#!/usr/bin/env bash
# Fourier Sensitivity and Regularization of Computer Vision Models (TMLR 2022) on real pictures, in one command:
# seven trainings a seed, their spectra, and what each network stands. Start it again and it goes on.
# Settings: see reproduction/steps.sh; QUICK=1 takes ten minutes on two cores.
source "$(dirname "$0")/reproduction/steps.sh"

for seed in $SEEDS; do
    network standard "$seed" epochs="$EPOCHS"
    for name in lsf msf hsf asf; do
        # shellcheck disable=SC2086
        network "$name" "$seed" epochs="$PENALISED_EPOCHS" regularizer="$name" $PENALTY
    done
    # shellcheck disable=SC2086
    network pgd "$seed" epochs="$EPOCHS" $ADVERSARY
    network noise "$seed" epochs="$EPOCHS" noise_sd=0.1
    page tmlr2022
done
