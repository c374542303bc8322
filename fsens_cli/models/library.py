"""What torchvision and timm offer for ImageNet: which file, from where, for which images."""

import math
from pathlib import Path
from typing import TypedDict

from fsens_cli.cache.hub import HubPlace, find_in_hub_cache
from fsens_cli.errors import CheckpointError
from fsens_cli.models.description import Description

# Names under which the Hub's repositories keep weights, the safer first.
HUB_FILES = ("model.safetensors", "pytorch_model.bin")
# Networks that were trained behind a normalisation of their own, which the constructor has to switch on.
OWN_INPUT_SCALE = ("googlenet", "inception_v3")


class TimmConfig(TypedDict, total=False):
    """A configuration as timm writes it; on the Hub anybody may have written it, and nothing of it is checked yet."""

    architecture: str
    model_args: dict[str, object]
    pretrained_cfg: "TimmConfig"
    num_classes: int
    mean: list[float]
    std: list[float]
    input_size: list[int]
    crop_pct: float
    interpolation: str


def torch_checkpoint(file_name: str) -> Path:
    """Return where torch keeps a file that it has fetched (``TORCH_HOME``)."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / file_name


def torchvision_file(model: str, tag: str) -> tuple[str, str, Description]:
    """Return (address, beginning of its SHA-256, description) of torchvision's weights; the default ones without a tag.

    Raises:
        CheckpointError: not a torchvision network, or no such weights.
    """
    import torchvision

    try:
        offered = torchvision.models.get_model_weights(model)
    except ValueError as error:
        raise CheckpointError(
            f"weights=torchvision: torchvision has no network named {model}; `fsens models` says which have weights."
        ) from error
    if tag and tag not in offered.__members__:
        raise CheckpointError(f"weights=torchvision:{tag}: {model} has {', '.join(offered.__members__)}.")
    weights = offered[tag] if tag else offered.DEFAULT
    if weights.meta.get("categories") is None:
        raise CheckpointError(f"weights=torchvision:{weights.name} of {model} hold no classifier, only features.")
    preset = weights.transforms()
    side = preset.crop_size[0]
    description: Description = {
        "num_classes": len(weights.meta["categories"]),
        "classes": "imagenet-1k",
        "model": {
            "name": model,
            "mean": list(preset.mean),
            "std": list(preset.std),
            "kwargs": {"transform_input": True} if model in OWN_INPUT_SCALE else {},
        },
        "geometry": {
            "height": side,
            "width": side,
            "shorter": preset.resize_size[0],
            "interpolation": preset.interpolation.value,
        },
    }
    # The file's name ends in the first digits of its checksum: resnet50-11ad3fa6.pth
    return weights.url, Path(weights.url).stem.rpartition("-")[2], description


def timm_place(model: str) -> tuple[HubPlace, Description]:
    """Return the Hub's place of timm's weights for ``timm/NAME[.TAG]`` (the file still open), and their description.

    Raises:
        CheckpointError: timm has none on the Hub.
    """
    import timm

    name = model.removeprefix("timm/")
    known = timm.is_model(name) if model.startswith("timm/") else False
    config = timm.get_pretrained_cfg(name) if known else None
    if config is None or not config.hf_hub_id:
        raise CheckpointError(
            f"weights=timm: timm has no weights for {model}. `fsens models NAME` shows which networks have some; "
            "weights=PATH or weights=random otherwise."
        )
    return (
        HubPlace(config.hf_hub_id, "main", config.hf_hub_filename or ""),
        describe_timm(config.to_dict(), model),
    )


def describe_timm(config: TimmConfig, model: str) -> Description:
    """Return our description of a configuration as timm writes it, in code or as ``config.json`` on the Hub."""
    num_classes = int(config.get("num_classes", 0))
    described: Description = {"model": {"name": model}}
    if num_classes:
        described["num_classes"] = num_classes
    if config.get("mean") and config.get("std"):
        described["model"] |= {"mean": list(config["mean"]), "std": list(config["std"])}
    size = config.get("input_size")
    if num_classes == 1000:
        described["classes"] = "imagenet-1k"
    if size and min(size[1:]) >= 64:
        described["geometry"] = {
            "height": size[1],
            "width": size[2],
            # timm scales the shorter side so that the crop is this part of it.
            "shorter": math.floor(min(size[1:]) / (config.get("crop_pct") or 1.0)),
            "interpolation": config.get("interpolation") or "bicubic",
        }
    return described


def has_torchvision_weights(model: str) -> bool:
    """Return whether torchvision offers weights for a network."""
    import torchvision

    return model in torchvision.models.list_models(module=torchvision.models)


def on_disk(place: HubPlace) -> Path | None:
    """Return the weights of a repository if they were fetched before."""
    names = (place.file,) if place.file else HUB_FILES
    found = (find_in_hub_cache(HubPlace(place.repo, place.revision, name)) for name in names)
    return next((f for f in found if f is not None), None)
