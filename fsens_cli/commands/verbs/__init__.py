"""The verbs: one record each, in a file of its name, all of them in ``registry.py``."""
