"""``hub:OWNER/NAME``: a repository of the Hugging Face Hub that says, as timm does, which network it holds."""

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import cast

from fsens_cli.cache.hub import HubPlace, fetch_from_hub
from fsens_cli.cache.places import Meter, silent
from fsens_cli.errors import CheckpointError, FetchError, ModelError, in_one_line
from fsens_cli.models.description import Description, checked_description
from fsens_cli.models.library import TimmConfig, describe_timm

PREFIX = "hub:"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubNetwork:
    """A network as its repository describes it.

    Attributes:
        architecture: timm's name.
        kwargs: of its constructor.
        description: classes, normalisation and geometry.
    """

    architecture: str
    kwargs: dict[str, object] = field(default_factory=dict)
    description: Description = field(default_factory=Description)


def split_hub(name: str, prefix: str = PREFIX) -> HubPlace:
    """Return the place of ``hub:OWNER/NAME[@REVISION]``, or of the same after another prefix.

    Raises:
        ModelError: not of that form.
    """
    try:
        return HubPlace.parse(name.removeprefix(prefix))
    except FetchError as error:
        raise ModelError(f"model={name}: {error}.") from error


@lru_cache(maxsize=8)
def hub_network(name: str) -> HubNetwork:
    """Fetch and read the repository's ``config.json``.

    Raises:
        ModelError: cannot be had, or names no network of timm.
    """
    import timm

    place = split_hub(name)
    try:
        config = cast(TimmConfig, read_config(place))
    except FetchError as error:
        raise ModelError(
            f"model={name}: {error}. Give --model NAME or FILE.py:FUNCTION with --weights PATH."
        ) from error
    architecture = str(config.get("architecture", ""))
    if not timm.is_model(architecture):
        known = f"its config.json names '{architecture}'" if architecture else "its config.json names no architecture"
        raise ModelError(
            f"model={name} is no network of timm ({known}): name the network itself and give its weights, as in "
            f"--model resnet18 --weights {name}."
        )
    kwargs = config.get("model_args") or {}
    if not isinstance(kwargs, dict):
        raise ModelError(f"model={name}: its config.json says model_args={kwargs!r:.60}, which are no arguments.")
    return HubNetwork(architecture=architecture, kwargs=kwargs, description=described_by(config, name, str(place.repo)))


def described_by(config: TimmConfig, model: str, repo: str) -> Description:
    """Return what a repository's ``config.json`` says of its network.

    Raises:
        CheckpointError: an entry is not of its type, or beyond its range.
    """
    details = config.get("pretrained_cfg") or config
    try:
        whole = {"num_classes": config.get("num_classes"), **details}
        given = cast(TimmConfig, {key: value for key, value in whole.items() if value is not None})
        described = describe_timm(given, model)
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise CheckpointError(f"{repo}/config.json describes itself wrongly ({in_one_line(error)}).") from error
    return checked_description(described, f"{repo}/config.json")


def weights_file(place: HubPlace, usual: str, meter: Meter = silent) -> Path:
    """Fetch the safetensors of a repository: the file that is named, else the one of the usual name.

    Raises:
        FetchError: it cannot be had.
        CheckpointError: there is none.
    """
    file = place.file or usual
    try:
        return fetch_from_hub(HubPlace(place.repo, place.revision, file), meter=meter)
    except FetchError as error:
        if not error.absent:
            raise
        raise CheckpointError(
            f"{place.repo} has no {file} ({error}): weights that are pickles or in parts are not read."
        ) from error


def read_config(place: HubPlace, meter: Meter = silent, *, file: str = "config.json") -> dict[str, object]:
    """Return the repository's settings.

    Raises:
        FetchError: they cannot be had, or are no JSON object.
    """
    path = fetch_from_hub(HubPlace(place.repo, place.revision, file), meter=meter)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FetchError(f"{place.repo}/{file} is no JSON") from error
    if not isinstance(content, dict):
        raise FetchError(f"{place.repo}/{file} holds no settings")
    return content
