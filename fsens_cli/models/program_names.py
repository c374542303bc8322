"""Files that are programs of torch, by their names, and the trust that they need."""

from fsens_cli.errors import ModelError

SUFFIXES = (".pt2", ".pt", ".pth", ".ts", ".torchscript")


def is_program(name: str) -> bool:
    """Return whether a model's name is a file that may hold a program of torch.

    >>> is_program("nets/a.pt2"), is_program("a.pt"), is_program("net.py:make"), is_program("hub:a/b.pt")
    (True, True, False, False)
    """
    return name.endswith(SUFFIXES) and ":" not in name


def require_trust(name: str, trusted: bool) -> None:
    """Raise ModelError where a file would run code and nobody said that it may."""
    if is_program(name) and not trusted:
        raise ModelError(
            f"model={name}: a program in a file can do anything as it is loaded. Where you trust who made it, give "
            f"--trust-checkpoint; weights alone are given as --model NETWORK --weights {name}."
        )
