"""Classifiers of the Hub for the library transformers, ``hf:OWNER/NAME[@REVISION]``, with their processors' numbers.

Their files are fetched and read by us: settings as JSON, weights as safetensors. Code that a repository brings is never
run.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, cast

from fsens_cli.cache.hub import HubPlace, commit_of, fetch_from_hub
from fsens_cli.cache.places import Meter, silent
from fsens_cli.errors import CheckpointError, FetchError, ModelError, in_one_line
from fsens_cli.models.description import Description, GeometryDescription, checked_description
from fsens_cli.models.hub_network import read_config, split_hub, weights_file

if TYPE_CHECKING:
    from torch import nn

PREFIX = "hf:"
WEIGHTS, SETTINGS, PROCESSOR = "model.safetensors", "config.json", "preprocessor_config.json"
# Pillow's filters by the numbers that processors hold.
RESAMPLE = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
RESCALE = 1 / 255
# Labels by which ImageNet-1k's order is known: its first and its last.
FIRST, LAST = "tench", "toilet t"


class Settings(TypedDict, total=False):
    """What is read of ``config.json``; anybody may have written it, and nothing of it is checked yet."""

    auto_map: dict[str, object]
    id2label: dict[str, str]
    num_labels: int


class Processor(TypedDict, total=False):
    """What is read of ``preprocessor_config.json``, as little checked."""

    do_rescale: bool
    rescale_factor: float
    do_normalize: bool
    image_mean: list[float]
    image_std: list[float]
    do_center_crop: bool
    size: int | dict[str, int]
    crop_size: int | dict[str, int]
    crop_pct: float
    resample: int


def split_name(name: str) -> HubPlace:
    """Return the place of ``hf:OWNER/NAME[@REVISION]``.

    Raises:
        ModelError: not of that form.
    """
    return split_hub(name, PREFIX)


def build(name: str) -> "nn.Module":
    """Build the network that a repository's ``config.json`` describes, with random weights.

    Raises:
        ModelError: transformers is missing, does not know it, or it is no classifier of images.
    """
    try:
        from transformers import AutoConfig, AutoModelForImageClassification
    except ImportError as error:
        raise ModelError(f"model={name} needs transformers: pip install 'fsens[hf]'.") from error
    settings, place = _settings(name, SETTINGS), split_name(name)
    folder = fetch_from_hub(HubPlace(place.repo, place.revision, SETTINGS)).parent
    if settings.get("auto_map"):
        raise ModelError(
            f"model={name} brings Python code of its own (auto_map), which is not run: give your own FILE.py:FUNCTION "
            "that builds it."
        )
    try:
        config = AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        make: Callable[..., nn.Module] = AutoModelForImageClassification.from_config
        return make(config, attn_implementation="eager", trust_remote_code=False)
    except (ValueError, TypeError, KeyError, AttributeError, OSError, RuntimeError, ImportError) as error:
        raise ModelError(
            f"model={name}: transformers cannot build an image classifier of its config.json ({in_one_line(error)})."
        ) from error


def weights_of(name: str, meter: Meter = silent) -> tuple[Path, Description]:
    """Return the file of the weights, and what the repository says of classes, normalisation and geometry.

    Raises:
        FetchError: it cannot be had.
        CheckpointError: it has no safetensors, or describes itself wrongly.
    """
    place = split_name(name)
    path = weights_file(place, WEIGHTS, meter)
    # All of one commit, whatever is pushed meanwhile.
    same = f"{PREFIX}{place.repo}@{commit_of(path) or place.revision}"
    settings, processor = cast(Settings, _settings(same, SETTINGS)), cast(Processor, _settings(same, PROCESSOR))
    return path, described_by(settings, processor, f"{place.repo}/{PROCESSOR}")


def described_by(settings: Settings, processor: Processor, source: str) -> Description:
    """Return a description of what the processor does to a picture, and of the classes.

    Raises:
        CheckpointError: it scales pixels to something else than 0 to 1, or an entry is not of its type.
    """
    try:
        found = _description(settings, processor)
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise CheckpointError(f"{source} describes itself wrongly ({in_one_line(error)}).") from error
    if found is None:
        raise CheckpointError(
            f"{source} does not scale pixels to [0, 1] (do_rescale, rescale_factor), which is not supported: give your "
            "own FILE.py:FUNCTION that does it inside."
        )
    return checked_description(found, source)


def _description(settings: Settings, processor: Processor) -> Description | None:
    """Return what is said, not yet checked; None where pixels are not scaled to [0, 1]."""
    if processor.get("do_rescale", True) is False or abs(processor.get("rescale_factor", RESCALE) - RESCALE) > 1e-6:
        return None
    labels = {str(key): str(value) for key, value in (settings.get("id2label") or {}).items()}
    found: Description = {"num_classes": len(labels) or settings.get("num_labels", 2), "model": {}}
    normalises = processor.get("do_normalize", True) and processor.get("image_mean")
    # Nothing is left to guess: without normalisation the pixels are taken as they are.
    mean, std = (processor.get("image_mean"), processor.get("image_std")) if normalises else (None, None)
    found["model"] |= {"mean": list(mean or [0.0]), "std": list(std or [1.0])}
    if len(labels) == 1000 and labels.get("0", "").startswith(FIRST) and labels.get("999", "").startswith(LAST):
        found["classes"] = "imagenet-1k"
    if geometry := _geometry(processor):
        found["geometry"] = geometry
    return found


def _geometry(processor: Processor) -> GeometryDescription | None:
    """Return height, width and shorter side; None where the processor says nothing of them.

    A size of height and width scales without keeping the ratio, which no geometry of ours does: the picture is scaled
    to just cover it, as `data.size` is.
    """
    size, crop = processor.get("size"), processor.get("crop_size")
    shorter = size if isinstance(size, int) else (size or {}).get("shortest_edge", 0)
    if crop is not None and processor.get("do_center_crop", False):
        height, width = _sides(crop)
    elif isinstance(size, dict) and {"height", "width"} <= size.keys():
        height, width = _sides(size)
    elif shorter:
        height = width = shorter
        # ConvNeXt's processors crop by a share below 384 pixels.
        part = processor.get("crop_pct")
        shorter = int(shorter / part) if part and shorter < 384 else 0
    else:
        return None
    resample = RESAMPLE.get(processor.get("resample", 2), "bilinear")
    return {"height": height, "width": width, "shorter": shorter, "interpolation": resample}


def _sides(size: int | dict[str, int]) -> tuple[int, int]:
    return (size["height"], size["width"]) if isinstance(size, dict) else (size, size)


def _settings(name: str, file: str) -> dict[str, object]:
    try:
        return read_config(split_name(name), file=file)
    except FetchError as error:
        raise ModelError(f"model={name}: {error}. A network without {file} is not known well enough.") from error
