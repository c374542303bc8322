"""A mistyped command line is told in one line, like every other error."""

import sys
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import typer

from fsens_cli.commands.help_layout import Group
from fsens_cli.commands.verbs.registry import VERBS

BAD_USAGE = 2


@runtime_checkable
class Mistake(Protocol):
    """What every error of a command line has; typer exports no class that they have in common."""

    exit_code: int

    def format_message(self) -> str:
        """Return it in words."""


class OneLineErrors(Group):
    """A group of commands whose usage errors look like the errors of the commands."""

    def main(self, args: Sequence[str] | None = None, *, standalone_mode: bool = True, **extra: Any) -> object:  # type: ignore[override]
        """Run a command; without ``standalone_mode`` errors are the caller's."""
        if not standalone_mode:
            return super().main(args, standalone_mode=False, **extra)
        typed = sys.argv[1:] if args is None else list(args)
        try:
            code = super().main(typed or ["--help"], standalone_mode=False, **extra)
        except typer.Abort:
            sys.exit(1)
        except Exception as error:
            # A protocol cannot be caught by name.
            if not isinstance(error, Mistake):
                raise
            named = next((word for word in typed if word in self.commands), "")
            _tell(error, f"fsens {named}".strip(), typed)
            sys.exit(error.exit_code)
        sys.exit(code if isinstance(code, int) and typed else 0 if typed else BAD_USAGE)


def _tell(error: Mistake, command: str, args: Sequence[str]) -> None:
    """Print the error with the command that explains it."""
    from fsens_cli.commands.boundary import show_error

    # What an error of an unknown option has beside its words; those that are like it may be none.
    flag, near = str(getattr(error, "option_name", "")), getattr(error, "possibilities", None)
    is_unknown = hasattr(error, "possibilities") and flag.startswith("--")
    typed = _as_setting(flag, command.removeprefix("fsens "), args) if is_unknown else ""
    if typed:
        show_error(f"there is no flag {flag}: write {typed}. `{command} -h` shows the flags.")
        return
    said = f"no such option: {flag}. Did you mean {', '.join(sorted(near))}?" if near else _sentence(error)
    show_error(f"{said[:1].lower()}{said[1:]} `{command} -h` shows what there is.")


def _sentence(error: Mistake) -> str:
    said = error.format_message().rstrip(".")
    return said if said.endswith("?") else f"{said}."


def _as_setting(flag: str, verb: str, args: Sequence[str]) -> str:
    """Return the setting to type instead of a flag that there is not; empty where it means none."""
    if verb not in VERBS:
        return ""
    from fsens_cli.config.keys import known_settings
    from fsens_cli.config.spelling import as_override
    from fsens_cli.data.catalog import CATALOG

    place = next(number for number, word in enumerate(args) if word.partition("=")[0] == flag)
    if place < args.index(verb):
        return ""  # before the command nothing is a setting
    _, equals, value = args[place].partition("=")
    following = args[place + 1] if place + 1 < len(args) else ""
    if not equals:
        # What follows is its value, unless it is a flag or a setting by itself.
        value = "VALUE" if not following or following.startswith("-") or "=" in following else following
    return as_override(flag, value, known_settings(VERBS[verb].job_type(), CATALOG))
