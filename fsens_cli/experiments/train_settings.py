"""Settings of a training: its steps, its adversary, its optimizer."""

from dataclasses import dataclass, field

from fsens_cli.data.augment_settings import AugmentConfig
from fsens_cli.errors import ConfigError, require, require_one_of
from fsens_cli.objectives.regularizers import RegularizerConfig
from fsens_cli.perturb.attacks.config import NORMS
from fsens_cli.ranges import require_seed

OPTIMIZERS = ("sgd", "adamw")
SCHEDULES = ("cosine", "linear", "step")


@dataclass(kw_only=True)
class OptimConfig:
    """Optimizer and learning-rate schedule.

    Attributes:
        name: ``sgd`` (with Nesterov momentum) or ``adamw``.
        lr: highest learning rate.
        momentum: of SGD.
        nesterov: whether SGD looks ahead.
        weight_decay: not applied to biases and normalisation layers where ``decay_norm`` is false.
        decay_norm: whether biases and normalisation layers decay too (the published recipe does).
        warmup_epochs: linear rise from 0.
        schedule: ``cosine`` or ``linear`` to 0 at the last step, or ``step``.
        step_epochs, step_factor: of the step schedule: a factor after every so many epochs.
        step_at: its epochs instead, where they are not evenly spaced.
    """

    name: str = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 5e-4
    decay_norm: bool = False
    warmup_epochs: float = 1.0
    schedule: str = "cosine"
    step_epochs: int = 50
    step_factor: float = 0.1
    step_at: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Check names and ranges."""
        require_one_of("optim.name", self.name, OPTIMIZERS)
        require_one_of("optim.schedule", self.schedule, SCHEDULES)
        require(0 < self.lr < 100, f"optim.lr={self.lr} must lie in (0, 100).")
        require(0 <= self.momentum < 1, f"optim.momentum={self.momentum} must lie in [0, 1).")
        require(self.weight_decay >= 0, f"optim.weight_decay={self.weight_decay} must not be negative.")
        require(self.warmup_epochs >= 0, f"optim.warmup_epochs={self.warmup_epochs} must not be negative.")
        require(self.step_epochs >= 1, f"optim.step_epochs={self.step_epochs} must be at least 1.")
        require(all(e >= 1 for e in self.step_at), f"optim.step_at={self.step_at} must be epochs from 1 on.")
        require(0 < self.step_factor <= 1, f"optim.step_factor={self.step_factor} must lie in (0, 1].")


PRECISIONS = ("float32", "bf16")
ADVERSARY_LOSSES = ("ce", "trades")
ADVERSARY_MODES = ("eval", "train")


@dataclass(kw_only=True)
class AdversaryConfig:
    """Adversarial training: every image is replaced, or accompanied, by its worst neighbour.

    Attributes:
        norm: ``none``, ``linf`` or ``l2``.
        eps: radius of the ball on the [0, 1] scale.
        step_size: of each step, same scale.
        steps: number of steps.
        loss: ``ce`` trains on the neighbours alone (Madry et al., ICLR 2018); ``trades`` on the images, with ``beta``
            times the divergence of the neighbours' predictions from theirs (Zhang et al., ICML 2019).
        beta: of ``trades``.
        mode: in which mode the network is attacked; in ``train`` mode batch norm has the batch's statistics.
    """

    norm: str = "none"
    eps: float = 8 / 255
    step_size: float = 2 / 255
    steps: int = 7
    loss: str = "ce"
    beta: float = 6.0
    mode: str = "eval"

    def __post_init__(self) -> None:
        """Check names and ranges."""
        require_one_of("adversary.norm", self.norm, ("none", *NORMS))
        require_one_of("adversary.loss", self.loss, ADVERSARY_LOSSES)
        require_one_of("adversary.mode", self.mode, ADVERSARY_MODES)
        require(self.eps > 0, f"adversary.eps={self.eps} must be positive.")
        if self.norm == "linf":
            require(self.eps <= 1, f"adversary.eps={self.eps}: pixels lie in [0, 1], so linf is at most 1.")
        require(self.step_size > 0, f"adversary.step_size={self.step_size} must be positive.")
        require(self.steps >= 1, f"adversary.steps={self.steps} must be at least 1.")
        require(0 <= self.beta < 1e6, f"adversary.beta={self.beta} must not be negative.")
        require(
            self.loss == "ce" or self.norm != "none",
            f"adversary.loss={self.loss} needs neighbours: give adversary.norm=linf too.",
        )

    @property
    def is_trades(self) -> bool:
        """Whether images and neighbours are compared."""
        return self.loss == "trades"


@dataclass(kw_only=True)
class StepConfig:
    """Everything that one step needs to know.

    Attributes:
        label_smoothing: of the cross-entropy, in [0, 1).
        noise_sd: standard deviation of Gaussian noise added to the training images, [0, 1] scale.
        precision: ``float32``, or ``bf16`` autocast for the forward pass; the penalty is always float32 or wider.
        compile: run the network through torch.compile; not together with a penalty.
    """

    label_smoothing: float = 0.0
    noise_sd: float = 0.0
    precision: str = "float32"
    compile: bool = False
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    regularizer: RegularizerConfig = field(default_factory=RegularizerConfig)
    adversary: AdversaryConfig = field(default_factory=AdversaryConfig)

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(0 <= self.label_smoothing < 1, f"label_smoothing={self.label_smoothing} must lie in [0, 1).")
        require(0 <= self.noise_sd <= 1, f"noise_sd={self.noise_sd} must lie in [0, 1].")
        require_one_of("precision", self.precision, PRECISIONS)
        require(
            not self.augment.has_several or self.adversary.norm == "none",
            f"augment.policy={self.augment.policy} has a loss of several versions of an image, and so no room for "
            f"adversary.norm={self.adversary.norm}: give one of the two.",
        )
        require(
            not self.compile or self.augment.policy != "afa",
            "compile=true does not go with augment.policy=afa, whose batch norm changes in a step: set compile=false.",
        )
        if self.compile and self.regularizer.is_on:
            raise ConfigError(
                f"compile=true does not go with regularizer={self.regularizer.name}: torch.compile has no double "
                "backward, and its layers cannot be read. Set compile=false."
            )
        require(
            self.regularizer.name != "gradient-norm" or self.regularizer.space == "pixel",
            f"regularizer.space={self.regularizer.space} does not go with regularizer=gradient-norm, whose eps is in "
            "pixels: leave it out.",
        )


@dataclass(kw_only=True)
class TrainConfig(StepConfig):
    """A training: how long, with what, and what is kept apart.

    Attributes:
        epochs: passes over the training images.
        batch_size: images a step, those of all processes together; the last incomplete batch of an epoch is left out.
        val_fraction: part of every class of the training images kept apart to choose the best epoch.
        probe_size: validation images whose band shares are followed over the epochs.
        keep_every: the weights of every so many epochs are kept for good; 0 keeps none.
        seed: of the split, the order and the augmentation.
    """

    epochs: int = 10
    batch_size: int = 128
    val_fraction: float = 0.05
    probe_size: int = 128
    keep_every: int = 0
    seed: int = 0
    optim: OptimConfig = field(default_factory=OptimConfig)

    def __post_init__(self) -> None:
        """Check the ranges."""
        StepConfig.__post_init__(self)
        require(self.epochs >= 1, f"epochs={self.epochs} must be at least 1.")
        require(self.batch_size >= 2, f"batch_size={self.batch_size} must be at least 2 (batch norm needs two images).")
        require(0 < self.val_fraction < 1, f"val_fraction={self.val_fraction} must lie in (0, 1).")
        require(self.probe_size >= 1, f"probe_size={self.probe_size} must be at least 1.")
        require(self.keep_every >= 0, f"keep_every={self.keep_every} must not be negative (0 keeps none).")
        require_seed(self.seed)
