"""The manual's page on settings: flags, every key of every verb, and the named sets of them, drawn from the code."""

import dataclasses
import inspect
import re
import typing
from collections.abc import Iterator
from pathlib import Path

import typer

from fsens_cli.app import app
from fsens_cli.commands.verbs.registry import VERBS
from fsens_cli.commands.verbs.verb import Verb
from fsens_cli.config.compose import Request, compose_job, configs_folder
from fsens_cli.config.jobs import JobFields
from fsens_cli.data.catalog import CATALOG

ATTRIBUTE = re.compile(r"^    (\w[\w, ]*): (.*(?:\n {8}.*)*)", re.MULTILINE)
KINDS = {int: "whole number", float: "number", str: "text", bool: "true, false", Path: "path"}
SHARED = [field.name for field in dataclasses.fields(JobFields)]
HEAD = """# Settings

Settings are `KEY=VALUE`, after the flags. `fsens VERB --print-config` prints all of a verb's settings.
In Python the same names are keywords: `fsens.evaluate(model, data, num_images=100, suite={"heat_map": False})`.
"""
TABLE = "\n| setting | default | type | meaning |\n| --- | --- | --- | --- |\n"


@dataclasses.dataclass(frozen=True)
class Setting:
    """One key of one verb, with the value that it has when nobody changes it."""

    verb: str
    group: str
    name: str
    default: str
    kind: str
    meaning: str


def settings_page() -> str:
    """Return the page.

    Raises:
        LookupError: a setting is not described in its dataclass's docstring.
    """
    settings = [s for verb in VERBS.values() for s in _settings_of(verb)]
    groups = list(dict.fromkeys(s.group for s in settings if s.group))
    parts = [HEAD, _flags(), _shared_section(settings)]
    parts += [_verb_section(verb, [s for s in settings if s.verb == verb.name]) for verb in VERBS.values()]
    parts += ["\n## Groups of settings\n", *(_group_section(group, settings) for group in groups), _data_sections()]
    return "".join([*parts, _named_sets()])


def meanings(cls: type) -> dict[str, str]:
    """Return what the docstrings of a dataclass and its bases say of each attribute."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        text = inspect.cleandoc(base.__dict__.get("__doc__") or "").partition("Attributes:")[2]
        for names, meaning in ATTRIBUTE.findall(text):
            found |= {name.strip(): " ".join(meaning.split()) for name in names.split(",")}
    return found


def _settings_of(verb: Verb) -> list[Setting]:
    job, _ = compose_job(Request(verb=verb.config, job=verb.job_type(), overrides=()))
    return list(_walk(verb.name, "", job))


def _walk(verb: str, group: str, config: object) -> Iterator[Setting]:
    said, hints = meanings(type(config)), typing.get_type_hints(type(config))
    for field in dataclasses.fields(typing.cast("typing.Any", config)):
        value = getattr(config, field.name)
        key = f"{group}.{field.name}".removeprefix(".")
        if key == "data":
            continue
        if dataclasses.is_dataclass(value):
            yield from _walk(verb, key, value)
            continue
        if field.name not in said:
            raise LookupError(f"{type(config).__name__}.{field.name} is not described under Attributes.")
        yield Setting(verb, group, key, _shown(value), _kind(hints[field.name]), said[field.name])


def _shown(value: object) -> str:
    """Return a value as it is typed."""
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_shown, value))}]"
    if isinstance(value, bool) or value is None:
        return str(value).lower().replace("none", "null")
    return f"{value:g}" if isinstance(value, float) else str(value) if value != "" else "''"


def _kind(hint: object) -> str:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is list:
        return f"list of {KINDS.get(inner[0], 'values')}s".replace("texts", "names")
    if origin is dict:
        return "keys of its own"
    plain = [KINDS[kind] for kind in (hint, *inner) if kind in KINDS]
    return plain[0] if plain else "text"


def _row(name: str, default: str, kind: str, meaning: str) -> str:
    text = meaning.replace("``", "`").replace("|", "\\|")
    return f"| `{name}` | {default} | {kind} | {text} |\n"


def _shared_section(settings: list[Setting]) -> str:
    rows = _rows([s for s in settings if s.name in SHARED])
    return f"\n## Every verb {{ #every-verb }}\n{TABLE}{rows}"


def _rows(settings: list[Setting]) -> str:
    verbs = list(dict.fromkeys(s.verb for s in settings))
    rows = []
    for name in dict.fromkeys(s.name for s in settings):
        same = [s for s in settings if s.name == name]
        rows.append(_row(name, _defaults(same, verbs), same[0].kind, same[0].meaning))
    return "".join(rows)


def _verb_section(verb: Verb, settings: list[Setting]) -> str:
    own = _rows([s for s in settings if not s.group and s.name not in SHARED])
    groups = ", ".join(f"[`{g}.*`](#{_anchor(g)})" for g in dict.fromkeys(s.group for s in settings if s.group))
    title = f"\n## fsens {verb.name} {{ #{verb.name} }}\n\n{verb.help}\n"
    also = f"Also those of [every verb](#every-verb), and the groups [`data.*`](#group-data), {groups}."
    return f"{title}{TABLE}{own}\n{also}\n"


def _group_section(group: str, settings: list[Setting]) -> str:
    mine = [s for s in settings if s.group == group]
    verbs = list(dict.fromkeys(s.verb for s in mine))
    of = "every verb" if len(verbs) == len(VERBS) else ", ".join(f"`{v}`" for v in verbs)
    return f"\n### {group}.* {{ #{_anchor(group)} }}\n\nOf {of}.\n{TABLE}{_rows(mine)}"


def _defaults(same: list[Setting], verbs: list[str]) -> str:
    by_value: dict[str, list[str]] = {}
    for s in same:
        by_value.setdefault(s.default, []).append(s.verb)
    if len(by_value) == 1 and len(same) == len(verbs):
        return f"`{same[0].default}`"
    return "<br>".join(f"`{value}` ({', '.join(of)})" for value, of in by_value.items())


def _anchor(group: str) -> str:
    return f"group-{group.replace('.', '-')}"


def _data_sections() -> str:
    sections = ["\n### data.* { #group-data }\n\nOf every verb. Which there are depends on `--data`.\n"]
    kinds: dict[type, list[str]] = {}
    for name, entry in CATALOG.items():
        kinds.setdefault(entry.config, []).append(name)
    for kind, names in kinds.items():
        said, hints = meanings(kind), typing.get_type_hints(kind)
        rows = []
        for field in dataclasses.fields(kind):
            made = typing.cast("typing.Any", field.default_factory)
            value = made() if field.default is dataclasses.MISSING else field.default
            if field.name != "name":
                rows.append(
                    _row(f"data.{field.name}", f"`{_shown(value)}`", _kind(hints[field.name]), said[field.name])
                )
        sections.append(f"\n**{', '.join(f'`--data {n}`' for n in names)}**\n{TABLE}{''.join(rows)}")
    return "".join(sections)


def _flags() -> str:
    commands = typing.cast("typing.Any", typer.main.get_command(app)).commands
    rows = ["\n## Flags\n\n| flag | of | meaning |\n| --- | --- | --- |\n"]
    found: dict[tuple[str, str], list[str]] = {}
    for name, command in commands.items():
        for flag in command.params:
            if flag.param_type_name == "option" and flag.help:
                found.setdefault((", ".join(f"`{o}`" for o in flag.opts), flag.help), []).append(name)
    for (flags, meaning), names in found.items():
        of = "every verb" if set(names) >= set(VERBS) else ", ".join(f"`{n}`" for n in names)
        rows.append(f"| {flags} | {of} | {meaning} |\n")
    return "".join(rows)


def _named_sets() -> str:
    """Say what stands behind `suite=full`, `experiment=...` and their like: the first comment of each file."""
    rows = []
    for file in sorted(configs_folder().glob("*/*.yaml")):
        if file.parent.name in ("model", "data", "hydra"):
            continue
        comments = [line[1:].strip() for line in file.read_text().splitlines() if line.startswith("#")]
        said = " ".join(c for c in comments if not c.startswith("@"))
        rows.append(f"| `{file.parent.name}={file.stem}` | {said} |\n")
    head = "\n## Named sets of settings\n\nOne word sets several at once; what you type behind it still counts.\n"
    return f"{head}\n| | |\n| --- | --- |\n{''.join(rows)}"
