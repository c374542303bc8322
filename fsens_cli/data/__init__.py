"""Labelled images: uint8 on the way in, [0, 1] on the way out."""
