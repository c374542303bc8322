"""Training: it learns, it repeats itself, it stops and goes on exactly, and the parts of a step do what they say."""

import copy
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.data.augment_settings import AugmentConfig
from fsens_cli.data.images import ImageSet
from fsens_cli.errors import ConfigError, Interrupted, ModelError
from fsens_cli.experiments.companion import Companion
from fsens_cli.experiments.optimization import build_optimizer, learning_rate, optimizer_tensors
from fsens_cli.experiments.task_loss import Batch
from fsens_cli.experiments.train import train
from fsens_cli.experiments.train_settings import AdversaryConfig, OptimConfig, TrainConfig
from fsens_cli.experiments.train_state import TrainState
from fsens_cli.experiments.training_course import evaluate_accuracy
from fsens_cli.experiments.training_step import losses, prepare_images
from fsens_cli.models.activation import with_activation
from fsens_cli.models.cifar_resnet import CifarResNet
from fsens_cli.models.classifier import Classifier
from fsens_cli.models.front_end import RandomBlur
from fsens_cli.objectives.fourier_penalty import prepare_penalty
from fsens_cli.objectives.regularizers import RegularizerConfig


@dataclass
class Notebook:
    """A recorder that keeps everything in memory and can ask to stop at a step."""

    stop_after: int = -1
    steps: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)
    saved: tuple[dict[str, Tensor], dict[str, Tensor], TrainState, dict[str, Tensor]] | None = None
    epochs: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)

    def stop_requested(self) -> bool:
        return self.steps == self.stop_after

    def on_step(self, state: TrainState, steps_per_epoch: int) -> None:
        assert 1 <= state.step <= steps_per_epoch
        self.steps += 1

    def on_epoch(self, state: TrainState) -> None:
        self.epochs.append(state.epoch)

    def save_best(self, classifier: Classifier, state: TrainState) -> None:
        assert state.best_epoch == state.epoch
        self.best = copy.deepcopy(classifier.state_dict())

    def keep_weights(self, classifier: Classifier, state: TrainState) -> None:
        self.kept.append(state.epoch)

    def save_checkpoint(
        self, classifier: Classifier, optimizer: torch.optim.Optimizer, state: TrainState, companion: Companion
    ) -> None:
        weights, beside = copy.deepcopy(classifier.state_dict()), copy.deepcopy(companion.state_dict())
        self.saved = (weights, copy.deepcopy(optimizer_tensors(optimizer)), copy.deepcopy(state), beside)


class Dropped(nn.Module):
    """A network with batch norm and dropout, the two layers that make resuming hard."""

    def __init__(self) -> None:
        super().__init__()
        self.body = CifarResNet(1, num_classes=2, width=4)
        self.drop = nn.Dropout(0.3)

    def forward(self, images: Tensor) -> Tensor:
        return self.body.fc(self.drop(self.body.avgpool(self.features(images)).flatten(1)))

    def features(self, images: Tensor) -> Tensor:
        body = self.body
        return body.layer3(body.layer2(body.layer1(body.relu(body.bn1(body.conv1(images))))))


def stripes(num: int = 96, size: int = 12) -> ImageSet:
    """Two classes: a left and a right bright half; a few epochs tell them apart."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 90, (num, 3, size, size), generator=generator)
    labels = torch.arange(num) % 2
    half = size // 2
    images[labels == 0, :, :, :half] += 120
    images[labels == 1, :, :, half:] += 120
    return ImageSet(
        images_NCHW=images.to(torch.uint8),
        label_N=labels,
        index_N=torch.arange(num),
        class_names=("left", "right"),
        title="stripes",
        split="train",
    )


def network(seed: int = 0, front_end: nn.Module | None = None, activation: str = "relu") -> Classifier:
    torch.manual_seed(seed)
    return Classifier(
        with_activation(Dropped(), activation),
        name="small",
        num_classes=2,
        mean=[0.4] * 3,
        std=[0.2] * 3,
        front_end=front_end,
    )


def settings(**changes: object) -> TrainConfig:
    defaults: dict[str, object] = {
        "epochs": 3,
        "batch_size": 16,
        "val_fraction": 0.25,
        "probe_size": 8,
        "augment": AugmentConfig(pad=1, flip="none"),
        "optim": OptimConfig(lr=0.05),
    }
    return TrainConfig(**(defaults | changes))  # type: ignore[arg-type]


LSF = RegularizerConfig(name="lsf")
KINDS = {
    "standard": {},
    "lsf": {"regularizer": LSF},
    "asf, every other step, part of the batch": {"regularizer": RegularizerConfig(name="asf", every=2, fraction=0.5)},
    "adversarial l2, noise": {
        "adversary": AdversaryConfig(norm="l2", eps=0.3, step_size=0.2, steps=2),
        "noise_sd": 0.05,
    },
    "gradient-norm, ramped": {"regularizer": RegularizerConfig(name="gradient-norm", norm="l2", ramp_epochs=2)},
    "similarity": {
        "regularizer": RegularizerConfig(
            name="similarity", weight=1.0, towards="pixel-raw", num_images=40, taps=["body.conv1", "body.layer2"]
        )
    },
    "similarity without weight": {
        "regularizer": RegularizerConfig(
            name="similarity", weight=0, num_images=40, passes="joint", taps=["body.layer2"]
        )
    },
    "jafr": {"regularizer": RegularizerConfig(name="jafr", weight=0.01)},
    "trades": {"adversary": AdversaryConfig(norm="linf", loss="trades", eps=0.05, step_size=0.02, steps=2)},
    "augmix": {"augment": AugmentConfig(pad=1, flip="none", policy="augmix")},
    "apr-sp": {"augment": AugmentConfig(pad=1, flip="none", policy="apr-sp"), "noise_sd": 0.05},
    "afa": {"augment": AugmentConfig(pad=1, flip="none", policy="afa"), "regularizer": LSF},
    "patch-gaussian": {"augment": AugmentConfig(pad=0, flip="none", policy="patch-gaussian", patch_width=5)},
    "adamw": {"optim": OptimConfig(name="adamw", lr=0.003)},
}


def test_learns_and_reports() -> None:
    classifier, notebook = network(), Notebook()
    result = train(classifier, stripes(), settings(epochs=4, keep_every=2), notebook)
    assert notebook.epochs == [1, 2, 3, 4]
    assert notebook.kept == [2, 4]
    assert notebook.steps == 4 * (72 // 16)
    assert result.best_validation.value >= 0.95
    assert (result.num_train, result.num_validation) == (72, 24)
    assert [row["epoch"] for row in result.history] == [1, 2, 3, 4]
    first, last = result.history[0], result.history[-1]
    assert last["train_loss"] < first["train_loss"]
    for row in result.history:
        assert sum(row[f"probe_{b}_share"] for b in ("low", "mid", "high")) == pytest.approx(1, abs=1e-6)
    assert evaluate_accuracy(classifier, stripes(), 32) >= 0.95


MIDDLE, LAST_STEP = 6, 8  # of the second epoch, of four steps
STOPS = {**{kind: (kind, MIDDLE) for kind in KINDS}, "after the last step of an epoch": ("standard", LAST_STEP)}


@pytest.mark.parametrize(("kind", "stop_after"), STOPS.values(), ids=STOPS.keys())
def test_interrupted_and_resumed_ends_with_the_same_weights(kind: str, stop_after: int) -> None:
    config = settings(**KINDS[kind])
    activation = "silu" if config.regularizer.needs_smooth else "relu"
    straight = Notebook()
    through = network(activation=activation)
    whole = train(through, stripes(), config, straight)
    stopped = Notebook(stop_after=stop_after)
    with pytest.raises(Interrupted, match=f"in epoch 2 of .*, step {stop_after - 4}"):
        train(network(activation=activation), stripes(), config, stopped)
    assert stopped.saved is not None
    weights, optimizer_state, state, beside = stopped.saved
    resumed = network(seed=99, activation=activation)
    resumed.load_state_dict(weights)
    torch.manual_seed(12345)  # whatever the global generator holds must not matter
    rest = train(
        resumed, stripes(), config, Notebook(), state=state, optimizer_state=optimizer_state, companion_state=beside
    )
    for name, value in through.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name
    assert rest.history == whole.history


def test_a_random_filter_goes_on_where_it_stopped() -> None:
    config = settings(epochs=2)
    through = network(front_end=RandomBlur(1.5))
    train(through, stripes(), config, Notebook())
    stopped = Notebook(stop_after=6)
    with pytest.raises(Interrupted):
        train(network(front_end=RandomBlur(1.5)), stripes(), config, stopped)
    assert stopped.saved is not None
    weights, optimizer_state, state, _ = stopped.saved
    resumed = network(seed=99, front_end=RandomBlur(1.5, seed=5))
    resumed.load_state_dict(weights)
    train(resumed, stripes(), config, Notebook(), state=state, optimizer_state=optimizer_state)
    for name, value in through.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    train(network(), stripes(), settings(epochs=1), Notebook())
    torch.manual_seed(7)
    before = torch.get_rng_state()
    train(network(), stripes(), settings(epochs=1), Notebook())
    torch.manual_seed(7)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(torch.rand(3), expected)


def test_weight_zero_and_none_take_the_same_steps() -> None:
    plain, zero = network(), network()
    train(plain, stripes(), settings(epochs=1), Notebook())
    train(zero, stripes(), settings(epochs=1, regularizer=RegularizerConfig(name="lsf", weight=0.0)), Notebook())
    for name, value in plain.state_dict().items():
        assert torch.equal(zero.state_dict()[name], value), name


def test_gradient_of_a_penalised_step_equals_finite_differences() -> None:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Tanh(), nn.Flatten(), nn.Linear(576, 2))
    classifier = Classifier(body, name="b", num_classes=2).double()
    config = settings(regularizer=LSF)
    prepared = prepare_penalty(LSF, 12, 12, torch.device("cpu"))
    images, labels = torch.rand(4, 3, 12, 12, dtype=torch.float64), torch.tensor([0, 1, 0, 1])

    def total() -> Tensor:
        loss, penalty, _ = losses(classifier, Batch(images.clone()), labels, config, prepared)
        assert penalty is not None
        return loss + 0.5 * penalty.value

    weight = body[0].weight
    (grad,) = torch.autograd.grad(total(), weight)
    direction = torch.randn_like(weight)
    values = []
    for factor in (1e-6, -2e-6):
        with torch.no_grad():
            weight += factor * direction
        values.append(float(total().detach()))
    above, below = values
    assert (above - below) / 2e-6 == pytest.approx(float((grad * direction).sum()), rel=1e-6)


def test_attention_is_penalised_through_the_plain_formula() -> None:
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Conv2d(3, 8, 3, stride=3)
            self.head = nn.Linear(8, 2)

        def forward(self, images: Tensor) -> Tensor:
            tokens = self.embed(images).flatten(2).mT[:, None]
            mixed = nn.functional.scaled_dot_product_attention(tokens, tokens, tokens)
            return self.head(mixed.mean(dim=(1, 2)))

    torch.manual_seed(0)
    classifier = Classifier(nn.Sequential(Attention(), nn.GroupNorm(1, 2)), name="a", num_classes=2)
    result = train(classifier, stripes(), settings(epochs=1, regularizer=LSF), Notebook())
    assert 0 < result.history[0]["penalty"] < 1


def test_lsf_moves_sensitivity_into_the_low_band() -> None:
    shares = {}
    for name in ("none", "lsf", "hsf"):
        config = settings(epochs=4, regularizer=RegularizerConfig(name=name, weight=2.0))
        history = train(network(), stripes(), config, Notebook()).history
        shares[name] = history[-1]["probe_low_share"]
    assert shares["hsf"] < shares["none"] < shares["lsf"]


def test_non_finite_loss_is_refused() -> None:
    classifier = network()
    with torch.no_grad():
        classifier.module.body.fc.bias.fill_(float("inf"))
    with pytest.raises(ModelError, match=r"training loss is not finite in epoch 1.*optim.lr"):
        train(classifier, stripes(), settings(), Notebook())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs=0 must be at least 1"),
        ({"batch_size": 1}, "batch_size=1 must be at least 2"),
        ({"val_fraction": 0.0}, r"val_fraction=0.0 must lie in \(0, 1\)"),
        ({"label_smoothing": 1.0}, "label_smoothing=1.0"),
        ({"noise_sd": -0.1}, "noise_sd=-0.1"),
        ({"precision": "fp16"}, "precision=fp16 is not known; precision can be float32, bf16"),
        ({"compile": True, "regularizer": LSF}, "compile=true does not go with regularizer=lsf"),
    ],
)
def test_refuses_settings(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        settings(**changes)


def test_refuses_a_batch_larger_than_the_data() -> None:
    with pytest.raises(ConfigError, match="batch_size=512 exceeds the 72 training images"):
        train(network(), stripes(), settings(batch_size=512), Notebook())


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_adversary_stays_inside_ball_and_box_and_raises_the_loss(norm: str) -> None:
    classifier, images = network(), stripes()
    train(classifier, images, settings(), Notebook())
    before = copy.deepcopy(classifier.state_dict())
    pixels, labels = images.images_NCHW[:16], images.label_N[:16]
    eps = {"linf": 0.1, "l2": 1.5}[norm]
    config = settings(
        augment=AugmentConfig(pad=0, flip="none"),
        adversary=AdversaryConfig(norm=norm, eps=eps, step_size=eps / 3, steps=5),
    )
    made = prepare_images(
        pixels,
        labels,
        torch.arange(16),
        classifier,
        config,
        epoch=0,
        seed=0,
        generator=torch.Generator().manual_seed(0),
    ).images
    delta = made - pixels / 255
    size = delta.abs().amax() if norm == "linf" else delta.flatten(1).norm(dim=1).amax()
    assert float(size) <= eps + 1e-6
    assert 0 <= float(made.min()) <= float(made.max()) <= 1
    classifier.eval()
    clean, attacked = (nn.functional.cross_entropy(classifier(x), labels).detach() for x in (pixels / 255, made))
    assert float(attacked) > float(clean)
    classifier.train()
    for name, value in classifier.state_dict().items():
        assert torch.equal(value, before[name]), f"{name} changed while attacking"


def test_noise_has_the_asked_standard_deviation() -> None:
    pixels = torch.full((32, 3, 16, 16), 128, dtype=torch.uint8)
    config = settings(augment=AugmentConfig(pad=0, flip="none"), noise_sd=0.1)
    made = prepare_images(
        pixels, torch.zeros(32).long(), torch.arange(32), network(), config, epoch=0, seed=0,
        generator=torch.Generator().manual_seed(0),
    ).images  # fmt: skip
    assert float(made.std()) == pytest.approx(0.1, rel=0.02)


def test_learning_rate_schedules() -> None:
    step = OptimConfig(lr=1.0, warmup_epochs=0, schedule="step", step_epochs=2, step_factor=0.1)
    uneven = OptimConfig(lr=1.0, warmup_epochs=0, schedule="step", step_at=[1, 4])
    rates = [learning_rate(uneven, s, steps_per_epoch=3, epochs=6) for s in (2, 3, 11, 12)]
    assert rates == pytest.approx([1.0, 0.1, 0.1, 0.01])
    rates = [learning_rate(step, s, steps_per_epoch=3, epochs=6) for s in (0, 5, 6, 11, 12)]
    assert rates == pytest.approx([1.0, 1.0, 0.1, 0.1, 0.01])
    cosine = OptimConfig(lr=2.0, warmup_epochs=1)
    assert learning_rate(cosine, 0, steps_per_epoch=10, epochs=3) == pytest.approx(0.2)
    assert learning_rate(cosine, 9, steps_per_epoch=10, epochs=3) == pytest.approx(2.0)
    assert learning_rate(cosine, 20, steps_per_epoch=10, epochs=3) == pytest.approx(1.0)
    long_warmup = OptimConfig(lr=1.0, warmup_epochs=50)
    assert max(learning_rate(long_warmup, s, steps_per_epoch=2, epochs=3) for s in range(6)) == pytest.approx(1.0)


def test_norm_layers_do_not_decay_unless_asked() -> None:
    groups = build_optimizer(OptimConfig(weight_decay=0.1), network()).param_groups
    assert [g["weight_decay"] for g in groups] == [0.1, 0.0]
    assert all(p.ndim > 1 for p in groups[0]["params"])
    assert all(p.ndim == 1 for p in groups[1]["params"])
    assert len(build_optimizer(OptimConfig(decay_norm=True), network()).param_groups) == 1


def test_a_model_without_parameters_is_refused() -> None:
    with pytest.raises(ConfigError, match="no parameters that need gradients"):
        build_optimizer(OptimConfig(), nn.Flatten())
