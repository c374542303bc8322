"""Public weights for small images.

Two sources: residual networks with the 3x3 stem on the Hugging Face Hub (edadaltocg), and CIFAR residual networks
among a GitHub project's releases (chenyaofo/pytorch-cifar-models), whose file names carry the first digits of their
SHA-256. Normalisation is what each source trained with.
"""

from dataclasses import dataclass

RELEASES = "https://github.com/chenyaofo/pytorch-cifar-models/releases/download/resnet/"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicWeights:
    """One public training.

    Attributes:
        source: ``hub:OWNER/NAME/FILE`` or an address.
        mean, std: per channel.
        num_classes: of the data.
        sha256: the beginning of the checksum where it is published.
    """

    source: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    num_classes: int
    sha256: str = ""

    @property
    def file_name(self) -> str:
        """The last part of the source."""
        return self.source.rpartition("/")[2]


# data set: (classes, mean, std)
_HUB_STATISTICS = {
    "cifar10": (10, (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "cifar100": (100, (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)),
    "svhn": (10, (0.4377, 0.4438, 0.4728), (0.1980, 0.2010, 0.1970)),
}
_RELEASE_STATISTICS = {
    "cifar10": (10, (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "cifar100": (100, (0.5070, 0.4865, 0.4409), (0.2673, 0.2564, 0.2761)),
}
_RELEASE_HASHES = {
    ("resnet20", "cifar10"): "4118986f",
    ("resnet32", "cifar10"): "ef93fc4d",
    ("resnet44", "cifar10"): "2a3cabcb",
    ("resnet56", "cifar10"): "187c023a",
    ("resnet20", "cifar100"): "23dac2f1",
    ("resnet32", "cifar100"): "84213ce6",
    ("resnet44", "cifar100"): "ffe32858",
    ("resnet56", "cifar100"): "f2eff4c8",
}


def _on_the_hub(model: str, data: str) -> PublicWeights:
    num_classes, mean, std = _HUB_STATISTICS[data]
    return PublicWeights(
        source=f"hub:edadaltocg/{model}_{data}/pytorch_model.bin", mean=mean, std=std, num_classes=num_classes
    )


def _released(model: str, data: str, sha256: str) -> PublicWeights:
    num_classes, mean, std = _RELEASE_STATISTICS[data]
    return PublicWeights(
        source=f"{RELEASES}{data}_{model}-{sha256}.pt", mean=mean, std=std, num_classes=num_classes, sha256=sha256
    )


# (model, data set): weights
PUBLIC: dict[tuple[str, str], PublicWeights] = {
    (model, data): _on_the_hub(model, data)
    for model in ("resnet18", "resnet34", "resnet50")
    for data in _HUB_STATISTICS
} | {(model, data): _released(model, data, sha) for (model, data), sha in _RELEASE_HASHES.items()}
