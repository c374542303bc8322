"""Completion scripts in the user's home, and the line by which a shell reads them at its start."""

import os
from collections.abc import Mapping
from pathlib import Path

from fsens_cli.errors import OutputError
from fsens_cli.runs.files import write_json, write_text


def keep_names(file: Path, names: Mapping[str, object]) -> None:
    """Write what completion knows in one step."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, names)


def install_script(shell: str, script: str) -> Path:
    """Write a shell's script and let the shell read it at its start; return the file that the shell reads.

    Raises:
        OutputError: a file cannot be written.
    """
    home, config = Path.home(), Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    file = config / "fsens" / f"completion.{shell}"
    start = (Path(os.environ.get("ZDOTDIR") or home) if shell == "zsh" else home) / f".{shell}rc"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, script)
        line = f"[ -f '{file}' ] && source '{file}'"
        before = start.read_text(encoding="utf-8") if start.is_file() else ""
        if line not in before.split("\n"):
            with start.open("a", encoding="utf-8") as rc:
                rc.write(f"{'' if before.endswith(chr(10)) or not before else chr(10)}{line}\n")
    except OSError as error:
        raise OutputError(
            f"cannot write {error.filename} ({error.strerror}): `fsens --show-completion {shell}` prints the script."
        ) from error
    return start
