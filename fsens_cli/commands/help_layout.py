"""Help for the width of the terminal: panels where they fit, and on a narrow one a list that leaves no letter out."""

import shutil
from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from fsens_cli.commands.help_text import page_of
from fsens_cli.commands.tables import wrapped

INDENT = 4
PANELS = 72  # columns; on fewer, panels would cut names of flags


class Helped:
    """A command whose help knows the width of the terminal; stands before typer's class among the bases."""

    name: str | None
    epilog: str | None

    def get_help_option(self, context: Any) -> Any:
        """Return the flag for help: it takes no value, and so shows no type."""
        option = super().get_help_option(context)  # type: ignore[misc]
        if option is not None:
            option.metavar = ""
        return option

    def format_help(self, context: Any, formatter: Any) -> None:
        """Print the help."""
        width = shutil.get_terminal_size().columns
        page = page_of(self.name or "fsens")
        if width < PANELS:
            typer.echo("\n".join(_plain(self, context, width)))
            return
        if page is not None:
            # A bracket would be read as markup; the panels' text stands one column inside.
            lines = page.lines(width - 2, headed="\x02{}\x03", typed="\x04{}\x03")
            # A backslash before a closing mark would take it along.
            text = "\n".join(lines).replace("[", r"\[").replace("\\\x03", "\\\\\x03")
            self.epilog = text.replace("\x02", "[bold]").replace("\x04", "[cyan]").replace("\x03", "[/]")
        super().format_help(context, formatter)  # type: ignore[misc]


class Command(Helped, TyperCommand):
    """A command with such help."""


class Group(Helped, TyperGroup):
    """The group of all commands with such help."""


def _plain(command: Any, context: Any, width: int) -> Iterator[str]:
    """Yield the help of a command line by line: each flag on a line, and below it what it does."""
    yield from wrapped(command.get_usage(context), width)
    yield ""
    yield from wrapped(command.help or "", width, hanging=0)
    panels: dict[str, list[str]] = {}
    for parameter in command.get_params(context):
        is_flag = bool(parameter.opts and parameter.opts[0].startswith("-"))
        panel = getattr(parameter, "rich_help_panel", None) or ("Options" if is_flag else "Arguments")
        typed = ", ".join(parameter.opts) if is_flag else parameter.metavar or parameter.name
        value = parameter.display_type_rich(context) if is_flag else ""
        panels.setdefault(panel, []).extend(_entry(f"{typed} {value or ''}".rstrip(), parameter.help, width))
    for name, inner in getattr(command, "commands", {}).items():
        panels.setdefault(getattr(inner, "rich_help_panel", None) or "Commands", []).extend(
            _entry(name, inner.help, width)
        )
    for panel, lines in panels.items():
        yield from ("", panel, *lines)
    page = page_of(command.name or "fsens")
    yield from () if page is None else ["", *page.lines(width)]


def _entry(name: str, said: str | None, width: int) -> list[str]:
    return [f"  {name}", *wrapped(f"{' ' * INDENT}{said or ''}", width, hanging=0)]
