"""What does a mistyped command line say? One line, like every other error."""

import difflib
import re
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

# Typer exports one of the errors of a command line, not the class that they have in common.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]
POSSIBLE = re.compile(r" \(Possible options: (.*)\)$")


class OneLineErrors(TyperGroup):
    """A group of commands whose usage errors look like the errors of the commands."""

    def main(self, args: Sequence[str] | None = None, *, standalone_mode: bool = True, **extra: Any) -> Any:  # type: ignore[override]
        """Run a command; without ``standalone_mode`` errors are the caller's."""
        if not standalone_mode:
            return super().main(args, standalone_mode=False, **extra)
        typed = sys.argv[1:] if args is None else list(args)
        try:
            code = super().main(typed, standalone_mode=False, **extra)
        except UsageError as error:
            named = next((word for word in typed if word in self.commands), "")
            sys.exit(_tell(error, f"fsens {named}".strip(), typed))
        except typer.Abort:
            sys.exit(1)
        sys.exit(code if isinstance(code, int) else 0)


def _tell(error: Any, command: str, args: Sequence[str]) -> int:
    """Print the error with the command that explains it, and return its exit code."""
    from fsens_cli.commands.boundary import show_error

    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
    else:
        typed = _as_setting(error, args)
        if typed:
            show_error(f"there is no flag {typed[0]}: write {typed[1]}. `{command} -h` shows the flags.")
            return int(error.exit_code)
        said = POSSIBLE.sub(r". Did you mean \1?", error.format_message().rstrip("."))
        said = said if said.endswith("?") else f"{said}."
        show_error(f"{said[:1].lower()}{said[1:]} `{command} -h` shows what there is.")
    return int(error.exit_code)


def _as_setting(error: Any, args: Sequence[str]) -> tuple[str, str] | None:
    """Return an unknown flag that was given with a value, and the setting to type instead; None for other errors."""
    flag = getattr(error, "option_name", None)
    if not flag or type(error).__name__ != "NoSuchOption" or not str(flag).startswith("--"):
        return None
    if difflib.get_close_matches(str(flag), getattr(error, "possibilities", None) or (), cutoff=0.8):
        return None  # a slip of the finger: the flag that was meant is named
    from fsens_cli.config.spelling import as_override

    for place, word in enumerate(args):
        name, equals, value = word.partition("=")
        if name == flag and place > 0:  # before the command nothing is a setting
            following = args[place + 1] if place + 1 < len(args) else ""
            given = value if equals else following
            return (str(flag), as_override(name, given)) if given and not given.startswith("-") else None
    return None
