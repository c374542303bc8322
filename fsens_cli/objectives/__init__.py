"""What is differentiated: input gradients of a scalar per image, and penalties on their spectra."""
