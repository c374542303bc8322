"""What does a mistyped command line say? One line, like every other error."""

import re
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from fsens_cli.commands.verbs.registry import VERBS

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
        return int(error.exit_code)
    flag = str(getattr(error, "option_name", ""))
    if type(error).__name__ == "NoSuchOption" and flag.startswith("--"):
        typed = _as_setting(flag, command.removeprefix("fsens "), args)
        if typed:
            show_error(f"there is no flag {flag}: write {typed}. `{command} -h` shows the flags.")
            return int(error.exit_code)
    said = POSSIBLE.sub(r". Did you mean \1?", error.format_message().rstrip("."))
    said = said if said.endswith("?") else f"{said}."
    show_error(f"{said[:1].lower()}{said[1:]} `{command} -h` shows what there is.")
    return int(error.exit_code)


def _as_setting(flag: str, verb: str, args: Sequence[str]) -> str:
    """Return the setting to type instead of a flag that there is not; empty where it means none."""
    if verb not in VERBS:
        return ""
    from fsens_cli.config.compose import settings_of_verb
    from fsens_cli.config.spelling import as_override

    place = next(number for number, word in enumerate(args) if word.partition("=")[0] == flag)
    _, equals, value = args[place].partition("=")
    following = args[place + 1] if place + 1 < len(args) else ""
    if not equals:
        # What follows is its value, unless it is a flag or a setting by itself.
        value = "VALUE" if not following or following.startswith("-") or "=" in following else following
    return as_override(flag, value, settings_of_verb(VERBS[verb].config, VERBS[verb].job_type()))
