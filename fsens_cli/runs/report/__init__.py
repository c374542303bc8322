"""One HTML file that a person can read, made from run folders alone."""
