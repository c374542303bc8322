"""Labelled pictures in a data set of the Hugging Face Hub: ``--data hf-data:OWNER/NAME[@REVISION]``."""

from dataclasses import dataclass

from fsens_cli.cache.hub import HubPlace
from fsens_cli.data.record import DataSet, Peek, Pictures
from fsens_cli.data.settings import DataSettings
from fsens_cli.deferred import deferred
from fsens_cli.errors import ConfigError, FetchError, require, require_one_of

PREFIX = "hf-data:"
CLASSES = ("own", "imagenet")


@dataclass(kw_only=True)
class HubDataConfig(DataSettings):
    """Which data set of the Hub, and where in it pictures and labels are.

    Attributes:
        repo: ``OWNER/NAME``, or ``OWNER/NAME@REVISION``; the commit that was read is recorded.
        title: for tables and figures; the repository if empty.
        part: the folder of its parquet files, where it has several (the Hub calls them configurations or subsets).
        images, labels: columns; empty takes the only one of pictures, and the only one of classes.
        channels: 3 (RGB) or 1 (gray).
        classes: ``imagenet`` says that labels are numbered as ImageNet-1k's.
    """

    name: str = "hf-data"
    repo: str = ""
    part: str = ""
    images: str = ""
    labels: str = ""
    channels: int = 3
    classes: str = "own"

    def __post_init__(self) -> None:
        """Check the ranges."""
        DataSettings.__post_init__(self)
        require(self.repo != "", "data=hf-data needs data.repo=OWNER/NAME, or --data hf-data:OWNER/NAME.")
        try:
            HubPlace.parse(self.repo)
        except FetchError as error:
            raise ConfigError(f"data.repo: {error}.") from error
        require(self.channels in (1, 3), f"data.channels={self.channels}: 3 is RGB, 1 is gray.")
        require_one_of("data.classes", self.classes, CLASSES)


HUB_DATA = DataSet(
    config=HubDataConfig,
    load=deferred("fsens_cli.data.hub_parquet:load_hub_data"),
    needs="data.repo=OWNER/NAME of a data set with parquet files (or --data hf-data:OWNER/NAME)",
    peek=Peek(
        size=lambda config, split, native: native.size if native else None,
        classes=lambda config, split, imagenet: 1000 if config.classes == "imagenet" else None,
    ),
    pictures=Pictures(
        may_be_imagenet=lambda config, split: config.classes == "imagenet",
        imagenet_hint=lambda config, split: (
            " data.classes=imagenet says that its labels are numbered as ImageNet-1k's."
            if config.classes == "own"
            else ""
        ),
    ),
)
