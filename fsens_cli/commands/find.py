"""``fsens models`` and ``fsens data``: what can be named, which weights exist, and what is on this disk."""

from collections.abc import Iterable

from fsens_cli.cache.hub import HubPlace
from fsens_cli.commands.console import print_rows
from fsens_cli.data.catalog import CATALOG
from fsens_cli.data.record import Config, DataSet
from fsens_cli.errors import CheckpointError, ConfigError, suggestion
from fsens_cli.home import shown
from fsens_cli.models.catalog import PACKAGED
from fsens_cli.models.library import has_torchvision_weights, on_disk, timm_place, torch_checkpoint, torchvision_file
from fsens_cli.models.library_names import timm_names, torchvision_names
from fsens_cli.models.public import PUBLIC
from fsens_cli.models.weights import packaged_names, public_file

OTHERS = {
    "hub:OWNER/NAME": "a network of timm that somebody put on the Hugging Face Hub",
    "NET.onnx": "a network in a file of ONNX, extra fsens[onnx]",
    "hf:OWNER/NAME": "an image classifier of the Hub for transformers, extra fsens[hf]",
    "robustbench/NAME": "RobustBench's zoo, where the package robustbench is installed",
    "FILE.py:FUNCTION": "your own network; also PACKAGE.MODULE:FUNCTION",
}


def print_models(pattern: str) -> None:
    """Print the networks whose name contains ``pattern``: source, weights by data set, and which of these are here."""
    sources = {name: f"packaged, {record.about}" for name, record in PACKAGED.items()}
    sources |= {name: "torchvision" for name in torchvision_names() if name not in sources}
    shown_first = len(sources)
    sources |= dict.fromkeys(timm_names(), "timm")
    wanted = pattern.strip("*").lower()
    # Without a pattern those that come with the package and with torchvision; timm has more than anybody reads.
    found = [name for name in sources if wanted in name.lower()] if wanted else list(sources)[:shown_first]
    if not found:
        raise ConfigError(f"no network is named like '{pattern}'.{suggestion(pattern, sources)}")
    rows = []
    for name in found:
        offered = list(_offered(name))
        weights = "; ".join(f"{data}: {spec}" for data, spec, _ in offered)
        here = ", ".join(data for data, _, is_here in offered if is_here)
        rows.append({"model": name, "source": sources[name], "weights for": weights, "on disk": here})
    rest = len(sources) - shown_first
    others = [f"timm/NAME: {rest:,} networks of timm; `fsens models PART` lists those with PART in their name"]
    others += [f"{name}: {meaning}" for name, meaning in OTHERS.items()]
    print_rows(rows, columns=4, few=_weights_and_source, after=[] if wanted else others)


def _weights_and_source(row: dict[str, str]) -> str:
    return "; ".join(filter(None, (row["source"], row["weights for"])))


def _offered(model: str) -> Iterable[tuple[str, str, bool]]:
    """Yield (data set, what to give as weights, whether it is on this disk)."""
    for data in CATALOG:
        if trained := packaged_names(model, data):
            yield data, ", ".join(f"packaged:{name}" for name in trained), True
        elif entry := PUBLIC.get((model, data)):
            file = public_file(entry)
            here = file.is_file() if file else on_disk(HubPlace.parse(entry.source.removeprefix("hub:"))) is not None
            yield data, "public", here
    if has_torchvision_weights(model):
        url, _, _ = torchvision_file(model, "")
        yield "imagenet", "torchvision", torch_checkpoint(url.rpartition("/")[2]).is_file()
    elif model.startswith("timm/"):
        try:
            place, described = timm_place(model)
        except CheckpointError:
            return
        if described.get("classes") == "imagenet-1k":
            yield "imagenet", "timm", on_disk(place) is not None


def _place(entry: DataSet[Config]) -> str:
    """Return where a data set is; empty where it is not, or needs settings to be anywhere."""
    try:
        place = None if entry.place is None else entry.place(entry.config())
    except ConfigError:  # no home folder, no cache
        return ""
    return "" if place is None else shown(place)


def print_data() -> None:
    """Print the data sets with what they need and where they are."""
    rows = [{"data": name, "needs": entry.needs, "on disk": _place(entry)} for name, entry in CATALOG.items()]
    print_rows(rows, columns=2, few=lambda row: "; ".join(filter(None, (row["needs"], row["on disk"]))))
