"""What one process and two processes both do in tests/parallel, so that the answers can be compared."""

import contextlib
import copy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from fsens_cli.data.augment_settings import AugmentConfig
from fsens_cli.data.images import ImageSet
from fsens_cli.errors import DataError, Interrupted, OutputError
from fsens_cli.experiments.companion import Companion
from fsens_cli.experiments.optimization import optimizer_tensors
from fsens_cli.experiments.task_loss import Batch
from fsens_cli.experiments.train import train
from fsens_cli.experiments.train_settings import AdversaryConfig, OptimConfig, StepConfig, TrainConfig
from fsens_cli.experiments.train_state import TrainState
from fsens_cli.experiments.training_step import prepare_images, take_step
from fsens_cli.models.classifier import Classifier
from fsens_cli.objectives.double_backward import shared_batch_norm
from fsens_cli.objectives.fourier_penalty import prepare_penalty
from fsens_cli.objectives.regularizers import RegularizerConfig
from fsens_cli.parallel.world import World

SIDE = 12
# Radii 1..8 of a 12 x 12 image, falling.
TARGET = [k / 36 for k in range(8, 0, -1)]
PENALTIES = {
    "none": RegularizerConfig(),
    "lsf": RegularizerConfig(name="lsf"),
    "msf": RegularizerConfig(name="msf", channels="power"),
    "hsf": RegularizerConfig(name="hsf", space="normalized"),
    "asf of the batch": RegularizerConfig(name="asf"),
    "asf of each image": RegularizerConfig(name="asf", entropy="per_image"),
    "target": RegularizerConfig(name="target", target=TARGET),
    "gradient-norm": RegularizerConfig(name="gradient-norm"),
    "jafr": RegularizerConfig(name="jafr"),
    "target, five of eight images": RegularizerConfig(name="target", target=TARGET, fraction=0.65),
}
NORMS = ("batch", "group")
TYPES = {"float32": torch.float32, "float64": torch.float64}


class Net(nn.Module):
    """Two convolutions and a hidden layer, normalised by the batch or by the image; a black image has no gradient."""

    def __init__(self, norm: str) -> None:
        super().__init__()
        batch = norm == "batch"
        # A bias before batch norm would have the gradient 0, which is no number to compare.
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=not batch), nn.BatchNorm2d(8) if batch else nn.GroupNorm(2, 8),
            nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2, padding=1, bias=not batch),
            nn.BatchNorm2d(8, affine=False, momentum=None) if batch else nn.GroupNorm(4, 8), nn.ReLU(),
        )  # fmt: skip
        hidden = nn.BatchNorm1d(6) if batch else nn.LayerNorm(6)
        self.head = nn.Sequential(nn.Linear(8, 6, bias=not batch), hidden, nn.Tanh(), nn.Linear(6, 3))

    def forward(self, images: Tensor) -> Tensor:
        # Normalised with the mean 0.4 and the sd 0.2, a black pixel is at -2.
        seen = (images[:, 0].flatten(1).amax(dim=1) > -1.99)[:, None, None, None]
        return self.head(self.features(images * seen).mean(dim=(2, 3)))


def classifier(norm: str, seed: int = 0) -> Classifier:
    torch.manual_seed(seed)
    return Classifier(Net(norm), name="net", num_classes=3, mean=[0.4] * 3, std=[0.2, 0.25, 0.3])


def one_step(world: World, norm: str, dtype: torch.dtype, penalty: str, black: tuple[int, ...]) -> dict[str, Any]:
    """Return gradients, buffers and totals of one step on eight images, some of them black."""
    net = classifier(norm).to(dtype)
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(8, 3, SIDE, SIDE, generator=generator, dtype=torch.float64).to(dtype)
    images[list(black)] = 0
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 2, 1])
    config = StepConfig(regularizer=PENALTIES[penalty], label_smoothing=0.1)
    prepared = None
    if config.regularizer.is_on:
        prepared = prepare_penalty(config.regularizer, SIDE, SIDE, torch.device("cpu"))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    sums = take_step(net, optimizer, Batch(world.part_of(images)), world.part_of(labels), config, prepared, world)
    return {
        "gradients": {name: p.grad for name, p in net.named_parameters()},
        "buffers": dict(net.named_buffers()),
        "sums": {name: float(getattr(sums, name)) for name in ("loss", "penalty", "num_skipped", "num_correct")},
    }


def every_step(world: World) -> dict[tuple[str, ...], dict[str, Any]]:
    """Return ``one_step`` of every kind; the black images are all with the second of two processes."""
    return {
        (norm, kind, penalty): one_step(world, norm, dtype, penalty, (1, 5))
        for norm in NORMS
        for kind, dtype in TYPES.items()
        for penalty in PENALTIES
    } | {("batch", "float64", "lsf", "all black"): one_step(world, "batch", torch.float64, "lsf", tuple(range(8)))}


def third_derivatives(world: World) -> dict[str, Tensor]:
    """Return derivatives of a sum over processes, and of batch norm with respect to its own gradients."""
    x = torch.linspace(-1, 2, 6, dtype=torch.float64).requires_grad_()
    own = world.part_of(x)
    value = world.differentiable_total((own**2).sum()) ** 2 / world.size
    (first,) = torch.autograd.grad(value, own, create_graph=True)
    (second,) = torch.autograd.grad((first**3).sum(), own, create_graph=True)
    (third,) = torch.autograd.grad((second**2).sum(), own)

    norm = nn.BatchNorm1d(2).double()
    images = torch.sin(torch.arange(16, dtype=torch.float64)).reshape(8, 2)
    here = world.part_of(images).clone().requires_grad_()
    with shared_batch_norm(world):
        loss = (norm(here) ** 3).sum()
        to_weight, to_x = torch.autograd.grad(loss, [norm.weight, here], create_graph=True)
    # The weight's gradient is the sum of all processes' parts, and its use here is one use of that sum.
    whole = world.differentiable_total(to_weight)
    to_weight_again, to_x_again = torch.autograd.grad(
        (whole**2).sum() / world.size + (to_x**2).sum(), [norm.weight, here]
    )
    return {
        "first": first.detach(), "second": second.detach(), "third": third, "batch norm, x": to_x_again,
        "batch norm, weight": world.total(to_weight_again),
    }  # fmt: skip


def prepared_images(world: World) -> dict[str, Tensor]:
    """Return this process's part of a batch after everything that varies images."""
    pixels = stripes().images_NCHW[:8]
    labels = stripes().label_N[:8]
    answers = {}
    for norm in ("none", "linf", "l2"):
        config = StepConfig(
            augment=AugmentConfig(pad=2, flip="random"),
            noise_sd=0.1,
            adversary=AdversaryConfig(norm=norm, eps=0.1, step_size=0.05, steps=2),
        )
        answers[norm] = prepare_images(
            pixels, labels, torch.arange(8), classifier("batch"), config, epoch=0, seed=0,
            generator=torch.Generator().manual_seed(3), world=world,
        ).images  # fmt: skip
    return answers


def stripes(num: int = 96) -> ImageSet:
    """Three classes of stripes on noise."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(num) % 3
    wave = torch.sin(torch.arange(SIDE)[None, :] * (1 + labels[:, None]) * 0.5)
    images = 120 + 50 * wave[:, None, None, :] + 40 * torch.randn(num, 3, SIDE, SIDE, generator=generator)
    return ImageSet(
        images_NCHW=images.clamp(0, 255).to(torch.uint8), label_N=labels, index_N=torch.arange(num),
        class_names=("a", "b", "c"), title="stripes", split="train",
    )  # fmt: skip


@dataclass
class Notebook:
    """A recorder that keeps everything in memory and can ask to stop at a step."""

    stop_after: int = -1
    asked: int = 0
    told: list[str] = field(default_factory=list)
    saved: tuple[dict[str, Tensor], dict[str, Tensor], TrainState] | None = None

    def stop_requested(self) -> bool:
        self.asked += 1
        return self.asked == self.stop_after

    def on_step(self, state: TrainState, steps_per_epoch: int) -> None:
        del state, steps_per_epoch
        self.told.append("step")

    def on_epoch(self, state: TrainState) -> None:
        del state
        self.told.append("epoch")

    def save_best(self, classifier: Classifier, state: TrainState) -> None:
        del classifier, state
        self.told.append("best")

    def keep_weights(self, classifier: Classifier, state: TrainState) -> None:
        del classifier, state
        self.told.append("kept")

    def save_checkpoint(
        self, classifier: Classifier, optimizer: torch.optim.Optimizer, state: TrainState, companion: Companion
    ) -> None:
        del companion
        self.told.append("checkpoint")
        weights = copy.deepcopy(classifier.state_dict())
        self.saved = (weights, copy.deepcopy(optimizer_tensors(optimizer)), copy.deepcopy(state))


def settings(**changes: Any) -> TrainConfig:
    given: dict[str, Any] = {
        "epochs": 2, "batch_size": 16, "val_fraction": 0.25, "probe_size": 8, "noise_sd": 0.02,
        "augment": AugmentConfig(pad=1, flip="random"), "optim": OptimConfig(lr=0.05),
        "regularizer": RegularizerConfig(name="asf", every=2),
    } | changes  # fmt: skip
    return TrainConfig(**given)


def whole_training(world: World) -> dict[str, Any]:
    """Return the weights and history after two epochs; the second process starts from other weights, which must not
    matter.
    """
    net, notebook = classifier("batch", seed=world.rank), Notebook()
    result = train(net, stripes(), settings(), notebook, world=world)
    return {"weights": net.state_dict(), "history": result.history, "told": notebook.told}


def interrupted_training(world: World) -> dict[str, Any]:
    """Return what is left of a training that the second of two processes is asked to stop in the second epoch."""
    notebook = Notebook(stop_after=6 if world.rank == world.size - 1 else -1)
    with contextlib.suppress(Interrupted):
        train(classifier("batch"), stripes(), settings(), notebook, world=world)
        raise AssertionError("a training that was asked to stop went on")
    return {"asked": notebook.asked, "saved": notebook.saved}


def failing_training(world: World) -> str:
    """Return what a training says in which the first process cannot write its checkpoint."""

    class FullDisk(Notebook):
        def save_checkpoint(self, *_: Any) -> None:
            raise OutputError("the disk is full")

    try:
        train(classifier("batch"), stripes(), settings(), FullDisk(), world=world)
    except OutputError as error:
        return str(error)
    return "nothing"


def a_problem_of_one(world: World) -> str:
    """Return what each process hears where the last one has a problem."""
    try:
        world.agree(DataError("no pictures here") if world.rank == world.size - 1 else None)
    except DataError as error:
        return str(error)
    return "nothing"


def all_questions(world: World) -> dict[str, Any]:
    """Return the answers to all questions, so that two processes are started once."""
    names: tuple[str, ...] = (
        "every_step",
        "third_derivatives",
        "prepared_images",
        "whole_training",
        "interrupted_training",
    )
    if world.is_shared:
        names += ("failing_training", "a_problem_of_one")
    return {name: globals()[name](world) for name in names}
