"""The weights that a name means, and where they come from."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from fsens_cli.cache.download import Checksum, download
from fsens_cli.cache.hub import HubPlace, commit_of, fetch_from_hub
from fsens_cli.cache.places import Meter, offline_switch, silent
from fsens_cli.errors import CheckpointError, FetchError, suggestion
from fsens_cli.home import expanded
from fsens_cli.models import clip_network, hub_network, onnx_network, program_names, robustbench, transformers_network
from fsens_cli.models.assumed import assumed_description
from fsens_cli.models.checkpoint import read_metadata, sha256_of
from fsens_cli.models.clip_names import CLIP_PREFIX
from fsens_cli.models.description import Description
from fsens_cli.models.library import (
    HUB_FILES,
    TimmConfig,
    has_torchvision_weights,
    timm_place,
    torch_checkpoint,
    torchvision_file,
)
from fsens_cli.models.public import PUBLIC, PublicWeights
from fsens_cli.models.user_file import network_file

# What a network of transformers, or of open_clip, comes with.
HF, CLIP = "hf", "clip"
ALSO_OURS = ("resnet18", "resnet34", "resnet50")
PACKAGED_FOLDER = Path(__file__).parent / "packaged"
SPECS = "auto, random, packaged:NAME, public, torchvision, timm, hub:OWNER/NAME, run:RUN or a checkpoint's path"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Where a classifier's weights come from.

    Attributes:
        label: short text for tables, such as ``packaged:standard`` or a file name.
        path: the file, or None for random weights.
        sha256: of the file; empty for random weights.
        description: what is known of them: what fsens stored in the file's header, or what their source says.
        revision: the commit of the Hub's repository that it is of; empty elsewhere.
        through_timm: whether timm converts and loads the file.
        is_inside: whether the network's own file holds them, which says nothing of normalisation.
    """

    label: str
    path: Path | None = None
    sha256: str = ""
    revision: str = ""
    description: Description = field(default_factory=Description)
    through_timm: bool = False
    is_inside: bool = False

    @property
    def is_imagenet(self) -> bool:
        """Whether the classes are ImageNet-1k's in their usual order."""
        return self.description.get("classes") == "imagenet-1k"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsAsked:
    """Weights as they are asked for: `find_weights` says what its fields are."""

    spec: str
    model: str
    data: str
    imagenet: bool
    meter: Meter

    @property
    def rest(self) -> str:
        """What stands behind the colon."""
        return self.spec.partition(":")[2]


def is_of_anybody(weights: Weights) -> bool:
    """Return whether weights come from a repository of the Hub that is not timm's own.

    >>> is_of_anybody(Weights(label="hub:someone/net")), is_of_anybody(Weights(label="hub:timm/resnet10t.c3_in1k"))
    (True, False)
    """
    return weights.label.startswith("hub:") and not weights.label.startswith("hub:timm/")


def packaged_names(model: str, data: str) -> list[str]:
    """Return the names of the packaged trainings of a network on a data set, for example ``["standard"]``."""
    prefix = f"{data}-{model}-"
    return sorted(path.stem.removeprefix(prefix) for path in PACKAGED_FOLDER.glob(f"{prefix}*.safetensors"))


def find_weights(spec: str, *, model: str, data: str, imagenet: bool = False, meter: Meter = silent) -> Weights:
    """Return the weights that ``spec`` names for a model and a data set, fetched where needed.

    Args:
        spec: ``auto`` takes the first there is of: the repository's or zoo's own for a model from there, the packaged
            ``standard`` training, a public training for this data set, and the library's own for ImageNet.
        imagenet: whether the data are ImageNet or numbered like it.
        meter: is told of downloads.

    Raises:
        CheckpointError: nothing fits, or it cannot be fetched; the message says what can be given.
    """
    asked = WeightsAsked(spec=spec, model=model, data=data, imagenet=imagenet, meter=meter)
    for owns, find in COME_WITH_THE_MODEL:
        if owns(asked):
            return find(asked)
    if spec == "auto":
        asked = replace(asked, spec=_automatic(model, data, imagenet=imagenet))
    # The whole name, or what stands in front of a colon; any other text is a path.
    find = SOURCES.get(asked.spec) or SOURCES.get(f"{asked.spec.partition(':')[0]}:", _own_file)
    try:
        return find(asked)
    except FetchError as error:
        raise CheckpointError(f"weights={asked.spec}: {error}. {_ways_on()}") from error


def _ways_on() -> str:
    return (
        "Give weights=PATH of a checkpoint, weights=run:RUN of a finished `fsens train`, or weights=random for an "
        "untrained network."
    )


def _automatic(model: str, data: str, *, imagenet: bool) -> str:
    """Return what ``auto`` means."""
    if "standard" in packaged_names(model, data):
        return "packaged:standard"
    if model.startswith(hub_network.PREFIX):
        return model
    if model.startswith(transformers_network.PREFIX):
        return HF
    if model.startswith(CLIP_PREFIX):
        return CLIP
    if (model, data) in PUBLIC:
        return "public"
    if imagenet and model.startswith("timm/"):
        return "timm"
    if imagenet and has_torchvision_weights(model):
        return "torchvision"
    raise CheckpointError(f"no weights are packaged or known for {model} on {data}. {_ways_on()}")


def _packaged(asked: WeightsAsked) -> Weights:
    name, model, data = asked.rest, asked.model, asked.data
    trained = packaged_names(model, data)
    if name not in trained:
        known = ", ".join(f"packaged:{n}" for n in trained) or "none"
        raise CheckpointError(
            f"weights=packaged:{name} does not exist for {model} on {data}; packaged: {known}."
            f"{suggestion(name, trained)}"
        )
    return _file(PACKAGED_FOLDER / f"{data}-{model}-{name}.safetensors", label=f"packaged:{name}")


def _own_file(asked: WeightsAsked) -> Weights:
    spec, model = asked.spec, asked.model
    path = expanded(spec)
    if not path.is_file():
        raise CheckpointError(f"weights={spec}: there is no such file. Give {SPECS}.")
    # Of a name that stands for two networks, the one of ImageNet is the library's.
    known = {} if model in ALSO_OURS and not asked.imagenet else assumed_description(model)
    weights = _file(path, label=path.name, described=known)
    # What fsens trained itself says what it is; the name of its file does not.
    training = weights.description.get("training")
    return weights if training is None else replace(weights, label=f"{training} training")


def _file(path: Path, *, label: str, described: Description | None = None, through_timm: bool = False) -> Weights:
    """Return the weights in a file; what its own header says comes before what its source says."""
    description = read_metadata(path) or described or {}
    return Weights(
        label=label,
        path=path,
        sha256=sha256_of(path),
        revision=commit_of(path),
        description=description,
        through_timm=through_timm,
    )


def public_file(entry: PublicWeights) -> Path | None:
    """Return where a release is kept once it is fetched; None for what is on the Hub."""
    return None if entry.source.startswith("hub:") else torch_checkpoint(entry.file_name)


def _public(asked: WeightsAsked) -> Weights:
    model, data, meter = asked.model, asked.data, asked.meter
    entry = PUBLIC.get((model, data))
    if entry is None:
        listed = ", ".join(sorted({d for m, d in PUBLIC if m == model}))
        raise CheckpointError(
            f"weights=public: none are known for {model} on {data}{f' (for {listed})' if listed else ''}. {_ways_on()}"
        )
    described: Description = {
        "num_classes": entry.num_classes,
        "data": data,
        "model": {"name": model, "mean": list(entry.mean), "std": list(entry.std)},
        "image_shape": [3, 32, 32],
    }
    path = public_file(entry)
    if path is None:
        path = fetch_from_hub(HubPlace.parse(entry.source.removeprefix("hub:")), meter=meter)
        return _file(path, label=entry.source.rpartition("/")[0], described=described)
    download(entry.source, path, Checksum(algorithm="sha256", digest=entry.sha256), meter=meter)
    return _file(path, label=entry.file_name, described=described)


def _torchvision(asked: WeightsAsked) -> Weights:
    url, digest, described = torchvision_file(asked.model, asked.rest)
    path = torch_checkpoint(url.rpartition("/")[2])
    download(url, path, Checksum(algorithm="sha256", digest=digest), meter=asked.meter)
    return _file(path, label=f"torchvision:{path.name}", described=described)


def _timm(asked: WeightsAsked) -> Weights:
    place, described = timm_place(asked.model)
    path = _first_file(place, asked.meter)
    return _file(path, label=f"hub:{place.repo}", described=described, through_timm=True)


def _hub(asked: WeightsAsked) -> Weights:
    place, model, meter = HubPlace.parse(asked.rest), asked.model, asked.meter
    path = _first_file(place, meter)
    own = model.startswith(hub_network.PREFIX)
    try:
        config = hub_network.read_config(place, meter)
        described = hub_network.described_by(cast(TimmConfig, config), model, place.repo)
    except FetchError:
        described = {}  # repositories need not describe what they hold
    label = f"hub:{place.repo}" + (f"/{place.file}" if place.file else "")
    return _file(path, label=label, described=described, through_timm=own or model.startswith("timm/"))


def _transformers(asked: WeightsAsked) -> Weights:
    model, meter = asked.model, asked.meter
    if not model.startswith(transformers_network.PREFIX):
        return _own_file(asked)
    path, described = transformers_network.weights_of(model, meter)
    described["model"]["name"] = model
    return _file(path, label=f"hub:{model.removeprefix(transformers_network.PREFIX)}", described=described)


def _clip(asked: WeightsAsked) -> Weights:
    if not asked.model.startswith(CLIP_PREFIX):
        return _own_file(asked)
    path, described = clip_network.weights_of(asked.model, asked.meter)
    described["model"]["name"] = asked.model
    return _file(path, label=f"hub:{asked.model.removeprefix(CLIP_PREFIX)}", described=described)


def _is_in_a_file(model: str) -> bool:
    """Return whether a network is a file that holds its weights."""
    return onnx_network.is_onnx(model) or program_names.is_program(model)


def _inside(asked: WeightsAsked) -> Weights:
    path = network_file(asked.model)
    if asked.spec != "auto":
        raise CheckpointError(f"weights={asked.spec}: {path.name} holds its weights; leave weights=auto.")
    return Weights(label=path.name, sha256=sha256_of(path), is_inside=True)


def _first_file(place: HubPlace, meter: Meter) -> Path:
    """Return the named file, or the first of those that repositories use."""
    if place.file:
        return fetch_from_hub(place, meter=meter)
    for name in HUB_FILES:
        try:
            return fetch_from_hub(HubPlace(place.repo, place.revision, name), meter=meter)
        except FetchError as error:
            if not error.absent:
                raise
            reason = error
    if offline_switch():
        raise FetchError(
            f"{place.repo} is not in the Hub's cache and {offline_switch()} forbids downloading"
        ) from reason
    raise FetchError(
        f"{place.repo} has neither {' nor '.join(HUB_FILES)}: name its file as hub:{place.repo}/FILE"
    ) from reason


def _robustbench(asked: WeightsAsked) -> Weights:
    spec, model, data = asked.spec, asked.model, asked.data
    if spec not in ("auto", "robustbench"):
        raise CheckpointError(f"weights={spec}: {model} comes with its weights; leave weights=auto.")
    _, file = robustbench.load_robustbench(model, data)
    return Weights(label=model, sha256=sha256_of(file) if file is not None else "")


Find = Callable[[WeightsAsked], Weights]

COME_WITH_THE_MODEL: tuple[tuple[Callable[[WeightsAsked], bool], Find], ...] = (
    (lambda asked: asked.model.startswith(robustbench.PREFIX), _robustbench),
    (lambda asked: _is_in_a_file(asked.model) and asked.spec != "random", _inside),
)
SOURCES: dict[str, Find] = {
    "random": lambda _: Weights(label="random"),
    "packaged:": _packaged,
    "public": _public,
    "torchvision:": _torchvision,
    "timm": _timm,
    HF: _transformers,
    CLIP: _clip,
    "hub:": _hub,
}
