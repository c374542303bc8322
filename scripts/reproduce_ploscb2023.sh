#!/usr/bin/env bash
# Robust deep learning object recognition models rely on low frequency information in natural images (PLoS Comput Biol
# 2023) on real pictures, in one command: networks behind a blur of four strengths and behind principal components, beside
# the networks of the first paper; their reversal frequencies, smallest perturbations and corruption accuracies.
# Start it again and it goes on. Settings: see reproduction/steps.sh; QUICK=1 takes ten minutes on two cores.
source "$(dirname "$0")/reproduction/steps.sh"

for seed in $SEEDS; do
    network standard "$seed" epochs="$EPOCHS"
    # shellcheck disable=SC2086
    network pgd "$seed" epochs="$EPOCHS" $ADVERSARY
    network noise "$seed" epochs="$EPOCHS" noise_sd=0.1
    for sigma in 1 1.5 2 3; do
        network "blur$sigma" "$seed" epochs="$EPOCHS" frontend=blur frontend.sigma="$sigma"
    done
    network pca "$seed" epochs="$EPOCHS" frontend=pca
    page ploscb2023
done
