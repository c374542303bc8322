"""Attacks on plain callables from [0, 1] images to logits: `attack.attack` and `minimal.minimal_perturbation`."""
