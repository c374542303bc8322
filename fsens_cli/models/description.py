"""What a file may say about the network whose weights it holds: plain, bounded values, and nothing that loads more.

It says so in the header of a ``.safetensors`` file or in a repository's ``config.json``; both may be anybody's.
"""

import re
from collections.abc import Mapping
from typing import NotRequired, TypedDict, cast

from fsens_cli.errors import CheckpointError, FsensError
from fsens_cli.models.settings import FrontEndConfig
from fsens_cli.ranges import is_finite, require_ranges

# Arguments of a constructor that only say how large the network is and how its last layers read it.
KWARGS_FROM_FILES = frozenset((
    "width", "depth", "dropout", "channels", "hidden", "num_layers", "num_blocks", "kernel_size", "image_size",
    "img_size", "patch_size", "window_size", "embed_dim", "num_heads", "mlp_ratio", "qkv_bias", "class_token",
    "reg_tokens", "no_embed_class", "init_values", "fc_norm", "global_pool", "drop_rate", "drop_path_rate",
    "attention_dropout", "stochastic_depth_prob", "width_mult", "stem_width", "output_stride", "transform_input",
    "dynamic_img_size", "activation",
))  # fmt: skip
# What makes a constructor load or fetch something else.
LOADS = re.compile(r"pretrained|checkpoint|cfg|url|cache|weights|path|file|token|hub", re.IGNORECASE)
PLAIN_TEXT = re.compile(r"[\w.-]{0,64}")

MOST_CHANNELS, LONGEST_SIDE, MOST_CLASSES, LARGEST_NUMBER = 64, 16_384, 1_000_000, 100_000


class NetworkDescription(TypedDict, total=False):
    """The network: its name, its constructor's arguments, and what images are normalised by."""

    name: str
    kwargs: dict[str, object]
    mean: list[float]
    std: list[float]


class FrontEndDescription(TypedDict, total=False):
    """The filter that the network was trained behind, as in its settings."""

    name: str
    sigma: float
    components: int


class GeometryDescription(TypedDict):
    """How pictures became images, as in ``data.geometry.Geometry``."""

    height: int
    width: int
    shorter: NotRequired[int]
    interpolation: NotRequired[str]


class Description(TypedDict, total=False):
    """What is known of weights: what fsens stored in the file's header, or what their source says.

    Attributes:
        classes: ``imagenet-1k`` where they are these in their usual order.
        assumed: whose training of this architecture it is, where the file says nothing itself.
        assumed_classes: how many that training knows, where nobody named it.
        disagree: where that library's trainings were normalised differently, how.
    """

    model: NetworkDescription
    frontend: FrontEndDescription
    geometry: GeometryDescription
    num_classes: int
    image_shape: list[int]
    class_names: list[str]
    classes: str
    data: str
    data_title: str
    training: str
    seed: int
    epochs: int
    epoch: int
    assumed: str
    assumed_classes: int
    disagree: str


def kwargs_from_file(stored: Mapping[str, object], given: Mapping[str, object], source: str) -> dict[str, object]:
    """Return the constructor's arguments: those that were given, then what the file says of the others.

    Raises:
        CheckpointError: the file names an argument that no file may decide; giving it oneself is the way on.
    """
    for name, value in stored.items():
        if name in given:
            continue
        if LOADS.search(name):
            raise CheckpointError(
                f"{source} sets model.kwargs.{name[:60]}, which no file may decide: such an argument loads or fetches "
                "something else. Use another file, or one that holds the tensors alone."
            )
        if name not in KWARGS_FROM_FILES or not _is_plain(value):
            shown = repr(value)[:60]
            raise CheckpointError(
                f"{source} sets model.kwargs.{name[:60]} to {shown}, which is not taken from a file: give "
                f"model.kwargs.{name[:60]}=... yourself."
            )
    return {**stored, **given}


def _is_plain(value: object) -> bool:
    if isinstance(value, bool) or value is None:
        return True
    if isinstance(value, str):
        return PLAIN_TEXT.fullmatch(value) is not None
    return is_finite(value, LARGEST_NUMBER)


def checked_description(raw: Mapping[str, object], source: str) -> Description:
    """Return a description whose every known entry is of its type and within its range.

    Args:
        raw: as it was stored.
        source: the file's name, for the message.

    Raises:
        CheckpointError: names the entry that is not.
    """
    checks = {
        "model": _is_model,
        "frontend": _is_front_end,
        "num_classes": lambda value: _is_count(value, MOST_CLASSES),
        "image_shape": _is_shape,
        "geometry": _is_geometry,
        "class_names": lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value),
        "classes": _is_text,
        "data": _is_text,
        "data_title": _is_text,
        "training": _is_text,
        "assumed": _is_text,
        "disagree": _is_text,
    }
    for name, right in checks.items():
        if name in raw and not right(raw[name]):
            shown = repr(raw[name])[:60]
            raise CheckpointError(
                f"{source} describes itself wrongly: it says {name}={shown}. Give another file, or save its tensors "
                "again without a header's entry 'fsens'."
            )
    return cast(Description, dict(raw))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 300


def _is_count(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _is_model(value: object) -> bool:
    if not isinstance(value, dict) or not _is_text(value.get("name", "")):
        return False
    kwargs, mean, std = value.get("kwargs", {}), value.get("mean", []), value.get("std", [])
    return (
        isinstance(kwargs, dict)
        and all(isinstance(row, list) and len(row) <= MOST_CHANNELS and all(map(is_finite, row)) for row in (mean, std))
        and len(mean) == len(std)
        and all(entry > 0 for entry in std)
    )


def _is_row(value: object) -> bool:
    return isinstance(value, list) and len(value) <= MOST_CHANNELS and all(map(is_finite, value))


def _is_front_end(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    try:
        require_ranges(FrontEndConfig(**value))
    except (TypeError, FsensError):
        return False
    return isinstance(value.get("components", 1), int) and is_finite(value.get("sigma", 1.0))


def _is_shape(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 3:
        return False
    return _is_count(value[0], MOST_CHANNELS) and all(_is_count(side, LONGEST_SIDE) for side in value[1:])


def _is_geometry(value: object) -> bool:
    if not isinstance(value, dict) or not {"height", "width"} <= value.keys():
        return False
    sides = {name: side for name, side in value.items() if name != "interpolation"}
    return (
        sides.keys() <= {"height", "width", "shorter"}
        and all(_is_count(side, LONGEST_SIDE) for name, side in sides.items() if side or name != "shorter")
        and _is_text(value.get("interpolation", "bicubic"))
    )
