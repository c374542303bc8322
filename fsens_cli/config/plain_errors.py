"""Hydra's and OmegaConf's complaints in one line of fsens's words."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

import yaml
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException, ValidationError

from fsens_cli.errors import ConfigError, FsensError

# What OmegaConf says of values that do not fit, and how it is told.
PLAIN = {
    r"not Optional": "{key} must have a value, got null.",
    r"[Mm]issing mandatory": "{key} must have a value: ??? stands for one that is missing.",
    r"[Ii]nterpolation": "{key}: what stands in its ${{...}} is no setting and no variable that is there.",
    r"not a ListConfig|with ListConfig|to ListConfig|to List": "{key} must be a list, as in {key}=[A,B].",
    r"not a subclass|to Dict|with DictConfig|Invalid type assigned": "{key} holds several settings: {key}.NAME=VALUE.",
    r"to string": "{key} must be one text, without brackets of its own.",
}
NAMES: dict[str, type] = {"Integer": int, "Float": float, "Boolean": bool}
KINDS = {int: "a whole number", float: "a number", bool: "true or false"}


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn Hydra's and OmegaConf's complaints into one line."""
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        cause: BaseException = error
        while cause.__cause__ is not None and not isinstance(cause, FsensError):
            cause = cause.__cause__
        if isinstance(cause, FsensError):
            raise cause from None
        raise ConfigError(_in_one_line(cause)) from error
    except OverflowError as error:
        raise ConfigError("a number among the settings has hundreds of digits, which none can be.") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{mark.name}, line {mark.line + 1}" if mark is not None else "a configuration file"
        raise ConfigError(f"{place} is no YAML: {error.problem}.") from error


def _in_one_line(cause: BaseException) -> str:
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].endswith(":"):
        lines = [f"{lines[0]} {lines[1]}"]
    said = lines[0] if lines else type(cause).__name__
    key = str(cause.full_key or "") if isinstance(cause, OmegaConfBaseException) else ""
    if isinstance(cause, OmegaConfBaseException) and key:
        # Of an entry of a list, the list knows what it holds; of a single value, the value that it would replace.
        (kind, *_) = (*get_args(cause.ref_type), OmegaConf.get_type(cause.child_node) or object)
        if isinstance(cause, ValidationError) and kind in KINDS:
            return f"{key} must be {KINDS[kind]}, got {_typed(cause.value)}."
        # A value that may be null says in words alone what else it may be.
        named = re.search(r"could not be converted to (\w+)", said)
        if named and named[1] in NAMES:
            return f"{key} must be {KINDS[NAMES[named[1]]]}, got {_typed(cause.value)}."
        for words, plain in PLAIN.items():
            if re.search(words, said):
                return plain.format(key=key)
    return f"{f'{key}: ' if key else ''}{said}".rstrip(".") + "."


def _typed(value: object) -> str:
    return "null" if value is None else repr(str(value))
