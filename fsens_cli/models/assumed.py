"""What a library says of its own training of an architecture, for weights that say nothing themselves."""

from collections.abc import Mapping
from functools import lru_cache

from fsens_cli.errors import CheckpointError
from fsens_cli.models.classifier import Normalization
from fsens_cli.models.description import Description, NetworkDescription
from fsens_cli.models.library import describe_timm, torchvision_file


def assumed_description(model: str) -> Description:
    """Return what a library says of its own training of an architecture, for a file that says nothing.

    ``assumed`` names the training; ``assumed_classes`` is how many it knows, where it is the default one and not named
    by the user; ``disagree`` says, where the library's trainings of this architecture were normalised differently, how.
    Empty for networks of no library.
    """
    if model.startswith("timm/"):
        return _assumed_of_timm(model.removeprefix("timm/"))
    try:
        url, _, described = torchvision_file(model, "")
    except CheckpointError:
        return {}
    del url
    own: NetworkDescription = {"mean": described["model"]["mean"], "std": described["model"]["std"]}
    return {
        "model": own,
        "geometry": described["geometry"],
        "assumed": "torchvision's default training",
        "assumed_classes": described["num_classes"],
    }


def _assumed_of_timm(name: str) -> Description:
    import timm

    config = timm.get_pretrained_cfg(name) if timm.is_model(name) else None
    if config is None or not (config.tag or config.hf_hub_id or config.url):
        return {}
    described = describe_timm(config.to_dict(), f"timm/{name}")
    network = described["model"]
    found: Description = {"model": {"mean": network.get("mean", []), "std": network.get("std", [])}}
    if "geometry" in described:
        found["geometry"] = described["geometry"]
    found["assumed"] = f"timm's training {config.tag or 'of it'}"
    if "." in name:
        return found
    found["assumed_classes"] = described.get("num_classes", 0)
    by_statistics = statistics_of_tags(name)
    if len(by_statistics) > 1:
        found["disagree"] = "; ".join(
            f"{tags[0]}: {Normalization(mean=mean, std=std).text}" for (mean, std), tags in by_statistics.items()
        )
    return found


@lru_cache(maxsize=2048)
def statistics_of_tags(architecture: str) -> Mapping[tuple[tuple[float, ...], tuple[float, ...]], list[str]]:
    """Return timm's trainings of an architecture, by the mean and standard deviation of their normalisation."""
    import timm

    by_statistics: dict[tuple[tuple[float, ...], tuple[float, ...]], list[str]] = {}
    for tagged in timm.list_models(f"{architecture}.*", pretrained=True):
        config = timm.get_pretrained_cfg(tagged)
        if config is not None:
            by_statistics.setdefault((tuple(config.mean), tuple(config.std)), []).append(tagged.partition(".")[2])
    return by_statistics
