"""What of a network's answer can be differentiated."""

TARGETS = ("loss", "logit", "margin")
