"""What a configuration folder of somebody else's may say: settings of fsens, and nothing that makes Hydra run code."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from fsens_cli.errors import ConfigError

# Of Hydra's own settings, those that say where a sweep's jobs run.
ALLOWED = ("launcher", "sweeper")
LARGEST_FILE = 2**20


def check_folder(folder: Path) -> None:
    """Refuse files that would reach into Hydra: callbacks, logging, search paths, objects to be built.

    Raises:
        ConfigError: names the file and the key.
    """
    for file in sorted(folder.rglob("*.yaml")):
        try:
            if file.stat().st_size > LARGEST_FILE:
                raise ConfigError(f"{file} is larger than 1 MiB: a configuration is a page of settings.")
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
            continue  # whoever selects it is told what is wrong with it
        inside_hydra = file.relative_to(folder).parts[0] == "hydra"
        for key in _reaching(content, (), inside_hydra):
            raise ConfigError(
                f"{file} sets {key}, which can run code: a folder given by --config-dir may set fsens's own settings "
                "and hydra/launcher, nothing else of Hydra's."
            )


def _reaching(content: object, path: tuple[str, ...], inside_hydra: bool) -> Iterator[str]:
    """Yield the keys that reach into Hydra or name an object to be built."""
    if isinstance(content, list):
        for item in content:
            yield from _reaching(item, path, inside_hydra)
        return
    if not isinstance(content, dict):
        return
    for name, value in content.items():
        key = str(name)
        plain = key.removeprefix("override ").strip().lstrip("/")
        if key == "_target_" and not inside_hydra:
            yield ".".join((*path, key))
        elif path[-1:] == ("defaults",) and plain.startswith("hydra") and plain.partition("/")[2] not in ALLOWED:
            yield plain
        elif not path and key == "hydra" and isinstance(value, dict):
            yield from (f"hydra.{inner}" for inner in value if inner not in ALLOWED)
            yield from _reaching({k: v for k, v in value.items() if k in ALLOWED}, ("hydra",), inside_hydra)
        else:
            yield from _reaching(value, (*path, key), inside_hydra)
