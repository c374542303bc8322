"""What tab completion knows, gathered once a version: settings with their values, networks, data and packaged weights.

``python -m fsens_cli.commands.known_names`` writes it into the cache; a shell that asks starts that in the background
where it is missing or older than the package.
"""

import dataclasses
import re
from collections.abc import Sequence

from fsens_cli.commands.completion import names_file
from fsens_cli.commands.verbs.registry import VERBS
from fsens_cli.commands.verbs.verb import Verb
from fsens_cli.config.compose import Request, compose_job, configs_folder, flat_settings
from fsens_cli.config.overrides import REGISTRIES, group_options
from fsens_cli.data.catalog import CATALOG
from fsens_cli.errors import ConfigError
from fsens_cli.models.catalog import PACKAGED
from fsens_cli.models.library_names import timm_names, torchvision_names
from fsens_cli.models.weights import packaged_names
from fsens_cli.runs.shell_files import keep_names

ALLOWED = re.compile(r"can be ([\w-]+(?:, [\w-]+)*)\.$")


def write() -> None:
    """Write the file."""
    models = list(dict.fromkeys([*PACKAGED, *torchvision_names(), *timm_names()]))
    found = groups() | {"model": models}
    settings = {verb.name: settings_of(verb) for verb in VERBS.values()}
    keep_names(names_file(), {"settings": settings, "groups": found, "packaged": packaged()})


def defaults_of(verb: Verb) -> dict[str, object]:
    """Return every setting of a verb with its default, those of all data sets among them."""
    _, text = compose_job(Request(verb=verb.config, job=verb.job_type(), overrides=()))
    flat = flat_settings(text)
    for entry in CATALOG.values():
        for field in dataclasses.fields(entry.config):
            flat.setdefault(f"data.{field.name}", field.default)
    # Whole groups are chosen by the group's name.
    return {name: value for name, value in flat.items() if name.removesuffix(".name") not in groups()}


def settings_of(verb: Verb) -> dict[str, list[str]]:
    """Return the values to offer for each setting: all that are allowed where that can be told, else the default."""
    found = {name: _offered(verb, name, value) for name, value in defaults_of(verb).items()}
    return dict(
        sorted((found | {name: [] for name, options in groups().items() if _has_group(verb, options, name)}).items())
    )


def _has_group(verb: Verb, options: Sequence[str], name: str) -> bool:
    try:
        compose_job(Request(verb=verb.config, job=verb.job_type(), overrides=(f"{name}={options[0]}",)))
    except ConfigError as error:
        return "needs" in str(error)  # such as the folder of the first data set
    return True


def _offered(verb: Verb, name: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return ["true", "false"]
    if isinstance(value, str) and value:
        try:
            compose_job(Request(verb=verb.config, job=verb.job_type(), overrides=(f"{name}=x-y-z",)))
        except ConfigError as error:
            if told := ALLOWED.search(str(error)):
                return told.group(1).split(", ")
    if isinstance(value, list):
        return [f"[{','.join(map(str, value))}]"]
    return [str(value)] if isinstance(value, int | float | str) and str(value) else []


def groups() -> dict[str, list[str]]:
    """Return the options of every group of configurations."""
    folders = [path.name for path in configs_folder().iterdir() if path.is_dir() and path.name != "hydra"]
    options = {name: {*group_options(configs_folder(), name), *REGISTRIES.get(name, {})} for name in folders}
    return {name: sorted(found) for name, found in sorted(options.items())}


def packaged() -> dict[str, dict[str, list[str]]]:
    """Return the packaged trainings of every network on every data set."""
    found = {model: {data: packaged_names(model, data) for data in CATALOG} for model in PACKAGED}
    return {model: {d: names for d, names in by.items() if names} for model, by in found.items() if any(by.values())}


if __name__ == "__main__":
    write()
