"""Paths as people write them: ``~`` for one's own home folder, ``~NAME`` for somebody else's."""

from pathlib import Path

from fsens_cli.errors import ConfigError, suggestion


def expanded(path: str | Path) -> Path:
    """Return the path with the home folder in place of ``~`` or ``~NAME``.

    Raises:
        ConfigError: there is no such user, or no home folder is known (no ``HOME``, no entry in the list of users).
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        user = Path(path).parts[0].removeprefix("~")
        reason = f"there is no user {user}" if user else "no home folder is known (HOME is not set)"
        way = f"./{path} is a folder of that name" if user else "write the whole path"
        raise ConfigError(f"{path}: {reason} on this machine; {way}.") from error


def closest_beside(path: Path) -> str:
    """Return ``" Closest: a, b."`` of what lies beside a path that is not there; empty where nothing looks like it."""
    try:
        return suggestion(path.name, [other.name for other in path.parent.iterdir()])
    except OSError:
        return ""


def shown(path: Path) -> str:
    """Return a path as people write it, with ``~`` for the home folder."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)
