"""A configuration folder of the user's own: it may set what fsens has, and cannot make Hydra run code."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from fsens_cli.cache.copies import copies
from fsens_cli.config.spelling import SIZES, sizes_as_numbers
from fsens_cli.errors import ConfigError

# Of Hydra's own settings, those that say where a sweep's jobs run.
ALLOWED = ("launcher", "sweeper")
LARGEST_FILE = 2**20


def check_folder(folder: Path) -> None:
    """Refuse files that would reach into Hydra: callbacks, logging, search paths, objects to be built.

    Raises:
        ConfigError: names the file and the key.
    """
    for file, text in _readable(folder):
        content = yaml.safe_load(text)
        inside_hydra = file.relative_to(folder).parts[0] == "hydra"
        for key in _reaching(content, (), inside_hydra):
            raise ConfigError(
                f"{file} sets {key}, which can run code: a folder given by --config-dir may set fsens's own settings "
                "and hydra/launcher, nothing else of Hydra's."
            )


def _readable(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files that are YAML, and what they hold; whoever selects another one is told what is wrong with it."""
    for file in sorted(folder.rglob("*.yaml")):
        try:
            if file.stat().st_size > LARGEST_FILE:
                raise ConfigError(f"{file} is larger than 1 MiB: a configuration is a page of settings.")
            text = file.read_text(encoding="utf-8")
            yaml.safe_load(text)
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
            continue
        yield file, text


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


@contextmanager
def searched(folder: Path) -> Iterator[list[Path]]:
    """Yield the folders in which Hydra finds these files with sizes such as ``8/255`` written as numbers.

    Files without such sizes are read where they are; of the others copies come first.
    """
    texts = {file.relative_to(folder): sizes_in_yaml(text) for file, text in _readable(folder)}
    changed = {file: text for file, text in texts.items() if text}
    if not changed:
        yield [folder]
        return
    with copies(changed) as first:
        yield [first, folder]


def sizes_in_yaml(text: str) -> str:
    r"""Return YAML with fractions as numbers wherever a size is meant; empty where there are none.

    >>> sizes_in_yaml("# mine\nsuite: {eps_linf: [8/255, 0.1]}\nroot: 8/255\n")
    '# mine\nsuite: {eps_linf: [0.03137254901960784, 0.1]}\nroot: 8/255\n'
    """
    found = {node.start_mark.index: node for node in _sizes(yaml.compose(text, Loader=yaml.SafeLoader), "", set())}
    if not found:
        return ""
    for start in sorted(found, reverse=True):
        text = text[:start] + sizes_as_numbers(found[start].value) + text[found[start].end_mark.index :]
    return text


def _sizes(node: yaml.Node | None, key: str, seen: set[int]) -> Iterator[yaml.ScalarNode]:
    if node is None or id(node) in seen:  # an alias may stand inside of what it names
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield from _sizes(value, str(name.value), seen)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _sizes(item, key, seen)
    elif isinstance(node, yaml.ScalarNode) and key in SIZES and sizes_as_numbers(node.value) != node.value:
        yield node
