"""An export as a file of the user's."""

from pathlib import Path

from fsens_cli.errors import OutputError
from fsens_cli.runs.files import write_text


def write_export(path: Path, text: str) -> None:
    """Write the text in one step; a file that is there already stays.

    Raises:
        OutputError: something is there, or it cannot be written.
    """
    if path.exists():
        raise OutputError(f"{path} is there already: give another file with -o.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    except OSError as error:
        raise OutputError(f"cannot write {path} ({error.strerror}): give another file with -o.") from error
