"""What can be set for each verb: the verb's own settings and those that every verb has."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from fsens_cli.errors import require, require_one_of
from fsens_cli.experiments.critical_band_settings import CriticalBandConfig
from fsens_cli.experiments.defense_settings import DefenseConfig
from fsens_cli.experiments.evaluate_settings import EvaluateConfig
from fsens_cli.experiments.hybrid_settings import HybridConfig
from fsens_cli.experiments.layers_settings import LayersConfig
from fsens_cli.experiments.measure_settings import MeasureConfig
from fsens_cli.experiments.train_settings import OptimConfig, TrainConfig
from fsens_cli.models.settings import FrontEndConfig, ModelConfig
from fsens_cli.runs.plot_settings import PlotConfig
from fsens_cli.runs.trackers.tracker import TrackerConfig

# Suites over a fixed list of ImageNet's pictures.
FIXED_IMAGES = "robustbench-imagenet"


@dataclass(kw_only=True)
class JobFields:
    """Settings of every verb.

    Attributes:
        model: the network.
        data: the images; one of the data configurations.
        weights: ``auto``, ``random``, ``packaged:NAME``, ``public``, ``torchvision``, ``timm``, ``hub:OWNER/NAME``,
            ``run:RUN`` or the path of a checkpoint.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        out: where run folders go.
        tag: added to the run's name.
        frontend: a filter between the image and the network.
        plot: how figures are written.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    data: Any = MISSING
    weights: str = "auto"
    device: str = "auto"
    out: str = "outputs"
    tag: str = ""
    frontend: FrontEndConfig = field(default_factory=FrontEndConfig)
    plot: PlotConfig = field(default_factory=PlotConfig)


@dataclass(kw_only=True)
class ImagesFields(JobFields):
    """Settings of every verb that looks at some images of one split.

    Attributes:
        split: ``test`` or ``train`` images.
        num_images: at most this many, drawn at random from ``seed``.
    """

    split: str = "test"
    num_images: int = 1000
    seed: int = 0

    def check_images(self, *, at_least: int) -> None:
        """Check the ranges."""
        require_one_of("split", self.split, ("train", "test"))
        require(self.num_images >= at_least, f"num_images={self.num_images} must be at least {at_least}.")


@dataclass(kw_only=True)
class MeasureJob(ImagesFields, MeasureConfig):
    """Settings of ``fsens measure``."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        MeasureConfig.__post_init__(self)
        self.check_images(at_least=1)


@dataclass(kw_only=True)
class TrainJob(JobFields, TrainConfig):
    """Settings of ``fsens train``.

    Attributes:
        measure: the measurement of the trained network.
        measure_images: at most this many test images for it.
        tracker: where else the numbers of every epoch go.
    """

    weights: str = "random"
    measure: MeasureConfig = field(default_factory=MeasureConfig)
    measure_images: int = 1000
    tracker: TrackerConfig = field(default_factory=TrackerConfig)

    def __post_init__(self) -> None:
        """Check the ranges."""
        TrainConfig.__post_init__(self)
        require(self.measure_images >= 1, f"measure_images={self.measure_images} must be at least 1.")


@dataclass(kw_only=True)
class HybridJob(ImagesFields, HybridConfig):
    """Settings of ``fsens hybrid-probe``."""

    num_images: int = 500

    def __post_init__(self) -> None:
        """Check the ranges."""
        HybridConfig.__post_init__(self)
        self.check_images(at_least=2)


@dataclass(kw_only=True)
class TrainingOnTheSpot:
    """How the networks of a blur defence are trained; everything else is as `fsens train` has it.

    Attributes:
        epochs: 0 trains nothing.
        batch_size: images a step.
        label_smoothing: of the cross-entropy.
        optim: the optimizer.
    """

    epochs: int = 0
    batch_size: int = 128
    label_smoothing: float = 0.0
    optim: OptimConfig = field(default_factory=OptimConfig)

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(self.epochs >= 0, f"train.epochs={self.epochs} must not be negative.")
        require(self.batch_size >= 2, f"train.batch_size={self.batch_size} must be at least 2.")
        require(0 <= self.label_smoothing < 1, f"train.label_smoothing={self.label_smoothing} must lie in [0, 1).")


@dataclass(kw_only=True)
class EvaluateJob(ImagesFields, EvaluateConfig):
    """Settings of ``fsens evaluate``."""

    num_images: int = 320

    def __post_init__(self) -> None:
        """Check the ranges."""
        EvaluateConfig.__post_init__(self)
        require(
            not self.suite.name.startswith(FIXED_IMAGES) or bool(getattr(self.data, "list", "")),
            f"suite={self.suite.name} is over RobustBench's 5,000 pictures: give data.list=FILE with one "
            "synset/ILSVRC2012_val_*.JPEG a line, its helper_files/imagenet_test_image_ids.txt.",
        )
        self.check_images(at_least=2)


@dataclass(kw_only=True)
class CriticalBandJob(ImagesFields, CriticalBandConfig):
    """Settings of ``fsens critical-band``."""

    num_images: int = 500

    def __post_init__(self) -> None:
        """Check the ranges."""
        CriticalBandConfig.__post_init__(self)
        self.check_images(at_least=2)


@dataclass(kw_only=True)
class LayersJob(ImagesFields, LayersConfig):
    """Settings of ``fsens layers``."""

    num_images: int = 512

    def __post_init__(self) -> None:
        """Check the ranges."""
        LayersConfig.__post_init__(self)
        self.check_images(at_least=2)


@dataclass(kw_only=True)
class DefenseJob(ImagesFields, DefenseConfig):
    """Settings of ``fsens blur-defense``.

    Attributes:
        train: for ``mode=trained`` without ``runs``: how each strength is trained; 0 epochs trains nothing.
    """

    num_images: int = 200
    train: TrainingOnTheSpot = field(default_factory=TrainingOnTheSpot)

    def __post_init__(self) -> None:
        """Check the ranges."""
        DefenseConfig.__post_init__(self)
        self.check_images(at_least=2)
        require(
            self.mode != "trained" or bool(self.runs) != bool(self.train.epochs),
            "mode=trained needs one network for each strength: give runs=[RUN,RUN,...], or train.epochs=N.",
        )
