"""Whether a network is called by the name of the user's own code."""

from fsens_cli.guest.names import is_own_code


def is_factory(name: str) -> bool:
    """Return whether a model name points at Python code rather than at a catalogue."""
    return is_own_code(name) and not name.startswith(("hub:", "hf:", "clip:"))
