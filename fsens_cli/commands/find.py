"""``fsens models`` and ``fsens data``: what can be named?"""

from fsens_cli.commands.console import stdout
from fsens_cli.commands.wording import aligned
from fsens_cli.data.catalog import CONFIGS
from fsens_cli.errors import ConfigError, suggestion
from fsens_cli.models.catalog import PACKAGED, timm_names, torchvision_names
from fsens_cli.models.weights import packaged_names


def print_models(pattern: str) -> None:
    """Print the networks whose name contains ``pattern``, each with its source and packaged weights."""
    sources = dict.fromkeys(PACKAGED, "packaged")
    sources |= {name: "torchvision" for name in torchvision_names() if name not in sources}
    sources |= dict.fromkeys(timm_names(), "timm")
    wanted = pattern.strip("*").lower()
    found = [name for name in sources if wanted in name.lower()]
    if not found:
        raise ConfigError(f"no network is named like '{pattern}'.{suggestion(pattern, sources)}")
    rows = [{"model": n, "source": sources[n], "weights that ship with fsens": _packaged(n)} for n in found]
    for line in aligned(rows):
        stdout().print(line)


def _packaged(model: str) -> str:
    trained = {data: packaged_names(model, data) for data in CONFIGS}
    return "; ".join(f"{data}: {', '.join(names)}" for data, names in trained.items() if names)


def print_data() -> None:
    """Print the data sets with what they need."""
    needs = {
        "dualband": "nothing: generated from a seed",
        "cifar10": "data.root with the official archive or folder, or a network",
        "folder": "data.root with {train,test}/CLASS/* or CLASS/*",
    }
    for line in aligned([{"data": name, "needs": needs[name]} for name in CONFIGS]):
        stdout().print(line)
