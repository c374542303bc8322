"""Networks that are files of the user's own: code, or a network in a file."""

from pathlib import Path

from fsens_cli.errors import ModelError
from fsens_cli.guest.names import is_own_code
from fsens_cli.home import expanded


def is_factory(name: str) -> bool:
    """Return whether a model name points at Python code rather than at a catalogue."""
    return is_own_code(name) and not name.startswith(("hub:", "hf:", "clip:"))


def network_file(name: str) -> Path:
    """Return the file that a model's name is.

    Raises:
        ModelError: there is none.
    """
    path = expanded(name)
    if not path.is_file():
        raise ModelError(f"model={name}: there is no such file.")
    return path
