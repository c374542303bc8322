"""What is done to images: attacks on plain callables from [0, 1] images to logits, and noise."""
