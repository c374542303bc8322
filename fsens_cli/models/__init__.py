"""Classifiers: [0, 1] images in, logits out; how they are named, built and given weights."""
