"""An evaluation: its plan, its parts against plain loops, and that a recorder's parts are not computed again."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.data.dualband import DualbandConfig
from fsens_cli.data.dualband_images import load_dualband
from fsens_cli.data.images import ImageSet, to_unit
from fsens_cli.errors import ConfigError, DataError, ModelError
from fsens_cli.experiments.answers import ask
from fsens_cli.experiments.evaluate import evaluate
from fsens_cli.experiments.evaluate_settings import (
    STANDARD,
    AttackEffort,
    CorruptionConfig,
    EvaluateConfig,
    SuiteConfig,
)
from fsens_cli.experiments.evaluate_shared import NothingKept, Setting
from fsens_cli.experiments.evaluation import EvaluateResult
from fsens_cli.experiments.part_result import PartResult
from fsens_cli.experiments.suite import Condition, Part, default_cutoffs, plan, require_fit
from fsens_cli.models.classifier import as_classifier
from fsens_cli.perturb.corruptions.apply import corrupt
from fsens_cli.perturb.corruptions.catalog import CORRUPTIONS
from fsens_cli.perturb.filters import band_pass, low_pass
from fsens_cli.perturb.fourier_noise import add_fourier_noise
from fsens_cli.statistics.chance import chance_sentence

SMALL = SuiteConfig(
    corruptions=["contrast", "gaussian_noise"],
    severities=[2, 5],
    filters=["low-pass", "band-pass"],
    cutoffs=[3, 8],
    shuffles=[2],
    noises=["salt-and-pepper"],
    noise_levels=[0.3],
    attacks=["pgd"],
    eps_linf=[0.02],
    eps_l2=[0.5],
    attack_images=6,
    heat_map_images=4,
)
CONFIG = EvaluateConfig(suite=SMALL, attack=AttackEffort(steps=3, minimal_steps=10))


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return load_dualband(DualbandConfig(test_size=24), "test")


@pytest.fixture(scope="module")
def model() -> nn.Module:
    """A network with random weights whose answers are not all the same."""
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2), nn.Tanh(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(128, 10)
    )


@pytest.fixture(scope="module")
def relabelled(images: ImageSet, model: nn.Module) -> ImageSet:
    """The images with the labels that the model gives most of them, so that there is accuracy to lose."""
    with torch.no_grad():
        answer = model(to_unit(images.images_NCHW)).argmax(dim=1)
    return replace(images, label_N=torch.where(torch.arange(len(images)) % 4 == 0, images.label_N, answer))


@pytest.fixture(scope="module")
def result(model: nn.Module, relabelled: ImageSet) -> EvaluateResult:
    return evaluate(model, relabelled, CONFIG)


def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        return float((model(images).argmax(dim=1) == labels).double().mean())


def of(result: EvaluateResult, label: str) -> float:
    return next(r.accuracy.value for r in result.rows() if r.condition.label == label)


class TestPlan:
    def test_collective_names(self) -> None:
        assert len(STANDARD) == 15
        assert SuiteConfig(corruptions=["all"]).corruption_names() == list(CORRUPTIONS)
        assert SuiteConfig(corruptions=["fog", "standard"]).corruption_names() == list(STANDARD)

    def test_every_condition_has_a_label_of_its_own(self) -> None:
        suite = SuiteConfig(attacks=["pgd", "cascade"], corruptions=["all"], prediction=False)
        labels = [c.label for p in plan(suite, num_images=10, image_size=(32, 32)) for c in p.conditions]
        assert len(set(labels)) == len(labels) > 100

    def test_empty_lists_leave_questions_out(self) -> None:
        nothing = SuiteConfig(
            corruptions=[], filters=[], shuffles=[], noises=[], attacks=[], minimal=False, heat_map=False
        )
        assert [p.name for p in plan(nothing, num_images=10, image_size=(32, 32))] == ["clean"]

    @pytest.mark.parametrize("side", [32, 224, 17])
    def test_cutoffs_end_at_nyquist(self, side: int) -> None:
        cutoffs = default_cutoffs(side)
        assert cutoffs == sorted(set(cutoffs))
        assert cutoffs[-1] == round(side / 2)

    @pytest.mark.parametrize(
        ("settings", "named"),
        [
            ({"corruptions": ["foggy"]}, "foggy"),
            ({"severities": [6]}, "severit"),
            ({"filters": ["notch"]}, "notch"),
            ({"shuffles": [1]}, "shuffles"),
            ({"noises": ["pink"]}, "pink"),
            ({"noise_levels": [8.0]}, "noise_levels"),
            ({"attacks": ["pdg"]}, "pdg"),
            ({"attacks": ["ddn"]}, "ddn"),
            ({"norms": ["l1"]}, "l1"),
            ({"eps_linf": [8.0]}, "8/255"),
            ({"eps_l2": [0.0]}, "eps_l2"),
            ({"cutoffs": [-1.0]}, "cutoffs"),
            ({"attack_images": 0}, "attack_images"),
            ({"heat_map_l2": -1.0}, "heat_map_l2"),
        ],
    )
    def test_bad_settings_are_refused(self, settings: dict[str, list[str]], named: str) -> None:
        with pytest.raises(ConfigError, match=named):
            SuiteConfig(**settings)  # type: ignore[arg-type]


class TestParts:
    def test_clean(self, result: EvaluateResult, model: nn.Module, relabelled: ImageSet) -> None:
        unit = to_unit(relabelled.images_NCHW)
        assert result.accuracy.value == accuracy(model, unit, relabelled.label_N)
        assert 0.6 < result.accuracy.value < 1

    def test_corruption(self, result: EvaluateResult, model: nn.Module, relabelled: ImageSet) -> None:
        spoilt = corrupt(
            to_unit(relabelled.images_NCHW), "gaussian_noise", 5, index_N=relabelled.index_N, seed=CONFIG.seed
        )
        assert of(result, "gaussian_noise-5") == accuracy(model, spoilt, relabelled.label_N)

    def test_filters(self, result: EvaluateResult, model: nn.Module, relabelled: ImageSet) -> None:
        unit = to_unit(relabelled.images_NCHW)
        assert of(result, "low-pass-3") == accuracy(model, low_pass(unit, 3), relabelled.label_N)
        assert of(result, "band-pass-3-8") == accuracy(model, band_pass(unit, 3, 8), relabelled.label_N)

    def test_groups_are_means_over_all_cells(self, result: EvaluateResult) -> None:
        cells = [r.accuracy.value for r in result.rows() if r.condition.kind == "corruption"]
        everything = result.groups()[-1]
        assert everything.group == "all"
        assert everything.accuracy.value == pytest.approx(sum(cells) / len(cells))
        assert everything.drop.value == pytest.approx(result.accuracy.value - sum(cells) / len(cells))
        assert [g.group for g in result.groups()] == ["low", "high", "all"]

    def test_heat_map_is_a_loop_over_frequencies(
        self, result: EvaluateResult, model: nn.Module, relabelled: ImageSet
    ) -> None:
        heat = result.parts["heat-map"]
        rows = [relabelled.index_N.tolist().index(i) for i in heat.index_N.tolist()]
        unit = to_unit(relabelled.images_NCHW[rows])
        assert heat.correct_NK.shape == (4, 513)
        for m in (0, 100, 512):
            (noisy,) = add_fourier_noise(unit, heat.frequency_M2[m : m + 1], 4.0, index_N=heat.index_N, seed=0)
            with torch.no_grad():
                right = model(noisy).argmax(dim=1) == heat.label_N
            assert torch.equal(heat.correct_NK[:, m], right)

    def test_gradient_power_is_a_plain_transform(
        self, result: EvaluateResult, model: nn.Module, relabelled: ImageSet
    ) -> None:
        part = result.parts["gradient"]
        rows = [relabelled.index_N.tolist().index(i) for i in part.index_N.tolist()]
        unit = to_unit(relabelled.images_NCHW[rows]).requires_grad_()
        loss = torch.nn.functional.cross_entropy(model(unit), part.label_N, reduction="sum")
        (grad,) = torch.autograd.grad(loss, unit)
        power = torch.fft.fft2(grad.double()).abs().square().sum(dim=1)
        v, u = part.frequency_M2.T
        expected = power[:, v % 32, u % 32]
        expected = expected / expected.sum(dim=1, keepdim=True)
        torch.testing.assert_close(part.power_NM, expected, rtol=1e-3, atol=1e-8)

    def test_prediction_is_a_loop_over_images_and_cells(
        self, result: EvaluateResult, model: nn.Module, relabelled: ImageSet
    ) -> None:
        prediction = result.prediction()
        assert prediction is not None
        unit = to_unit(relabelled.images_NCHW)
        spoilt = corrupt(unit, "contrast", 5, index_N=relabelled.index_N, seed=CONFIG.seed)
        v = torch.fft.fftfreq(32, 1 / 32)
        radius = (v[:, None] ** 2 + v[None, :] ** 2).sqrt().round()
        opponent = torch.tensor([[1.0, 1, 1], [1, -1, 0], [1, 1, -2]])
        opponent = opponent / opponent.norm(dim=1, keepdim=True)
        chances, flat = [], []
        for image, changed, label in zip(unit, spoilt, relabelled.label_N, strict=True):
            leaf = image.clone().requires_grad_()
            logits = model(leaf[None])[0]
            margin = logits[label] - logits[torch.arange(10) != label].max()
            value = float(margin.detach())
            (gradient,) = torch.autograd.grad(margin, leaf)
            change = changed - image
            planes = [
                torch.fft.fft2(torch.einsum("oc,chw->ohw", opponent, x)).abs() ** 2 / 1024 for x in (gradient, change)
            ]
            variance = 0.0
            for r in radius.unique():
                here = radius == r
                for rows in ([0], [1, 2]):
                    energies = [float(p[rows][:, here].sum()) for p in planes]
                    variance += energies[0] * energies[1] / (len(rows) * int(here.sum()))
            chances.append(0.5 * (1 + math.erf(value / math.sqrt(2 * variance))) if value > 0 else 0.0)
            size = float(gradient.norm() * change.norm()) / math.sqrt(3 * 1024)
            flat.append(0.5 * (1 + math.erf(value / size / math.sqrt(2))) if value > 0 else 0.0)
        at = [c.label for c in prediction.conditions].index("contrast-5")
        assert prediction.predicted[at] == pytest.approx(sum(chances) / len(chances), abs=1e-4)
        assert prediction.flat[at] == pytest.approx(sum(flat) / len(flat), abs=1e-4)
        assert prediction.measured[at].value == of(result, "contrast-5")
        assert prediction.mean_l2[at] == pytest.approx(
            float((spoilt - unit).flatten(1).norm(dim=1).square().mean().sqrt())
        )
        assert float(prediction.energy_KR[at].sum().sqrt()) == pytest.approx(prediction.mean_l2[at])

    def test_a_linear_model_loses_what_is_predicted(self, images: ImageSet) -> None:
        """White noise has random phases, and a linear margin has no second order: there the prediction is the truth."""
        generator = torch.Generator().manual_seed(3)
        weight = torch.randn(2, 3 * 32 * 32, generator=generator)
        unit = to_unit(images.images_NCHW).flatten(1)
        bias = -(unit @ weight.T).mean(dim=0)
        linear = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2))
        with torch.no_grad():
            linear[1].weight.copy_(weight)
            linear[1].bias.copy_(bias)
            label = linear(to_unit(images.images_NCHW)).argmax(dim=1)
        many = ImageSet(
            images_NCHW=images.images_NCHW.repeat(20, 1, 1, 1).clamp(60, 195),
            label_N=label.repeat(20),
            index_N=torch.arange(20 * len(images)),
            class_names=("a", "b"),
            title="repeated",
            split="test",
        )
        suite = replace(
            SMALL, corruptions=["gaussian_noise"], severities=[1, 3], filters=[], noises=[], attacks=[], shuffles=[],
            minimal=False, heat_map=False,
        )  # fmt: skip
        prediction = evaluate(linear, many, replace(CONFIG, suite=suite, batch_size=480)).prediction()
        assert prediction is not None
        for predicted, measured in zip(prediction.predicted, prediction.measured, strict=True):
            assert predicted < 0.98
            assert measured.low - 0.01 < predicted < measured.high + 0.01

    def test_minimal_sizes_agree_with_a_fixed_budget(self, result: EvaluateResult) -> None:
        """An image that falls to PGD inside a ball has a minimal perturbation about as large at most."""
        size_N = result.parts["minimal-linf"].size_N
        fallen_N = ~result.parts["attack-pgd-linf-0.02"].correct_NK[:, 0]
        assert bool((size_N[fallen_N] <= 0.02 * 1.1).all())
        wrong = result.of_kind("minimal")[0].index_N
        assert len(wrong) == 6

    def test_model_is_left_as_it_was(self, model: nn.Module, relabelled: ImageSet) -> None:
        model.train()
        evaluate(model, relabelled, replace(CONFIG, suite=replace(SMALL, heat_map=False, minimal=False)))
        assert model.training
        assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_heat_map_of_few_frequencies(model: nn.Module, relabelled: ImageSet) -> None:
    few = replace(SMALL, heat_map_cycles=2, minimal=False, attacks=[], corruptions=[], filters=[], noises=[])
    found = evaluate(model, relabelled, replace(CONFIG, suite=few)).parts
    # A square of 5 x 5 without its middle, half of it.
    assert len(found["heat-map"].frequency_M2) == 12
    assert int(found["heat-map"].frequency_M2.abs().max()) == 2
    torch.testing.assert_close(found["gradient"].power_NM.sum(dim=1), torch.ones(4, dtype=torch.float64))


def test_batch_size_changes_nothing(model: nn.Module, relabelled: ImageSet, result: EvaluateResult) -> None:
    other = evaluate(model, relabelled, replace(CONFIG, batch_size=7))
    for name, part in result.parts.items():
        assert torch.equal(part.correct_NK, other.parts[name].correct_NK), name
        torch.testing.assert_close(part.size_N, other.parts[name].size_N, rtol=0.02, atol=1e-6)
        torch.testing.assert_close(part.move_NK, other.parts[name].move_NK, rtol=1e-4, atol=1e-9)


def test_finished_parts_are_not_computed_again(model: nn.Module, relabelled: ImageSet, result: EvaluateResult) -> None:
    class Kept:
        saved: list[str] = []  # noqa: RUF012 one instance only

        def load(self, part: Part) -> PartResult | None:
            return None if part.name == "filter-low-pass" else result.parts[part.name]

        def save(self, saved: PartResult) -> None:
            self.saved.append(saved.part.name)

    again = evaluate(model, relabelled, CONFIG, recorder=Kept())
    assert Kept.saved == ["filter-low-pass"]
    assert [r.accuracy for r in again.rows()] == [r.accuracy for r in result.rows()]


def test_probabilities_and_dead_gradients_are_warned_of(relabelled: ImageSet, model: nn.Module) -> None:
    few = replace(CONFIG, suite=replace(SMALL, heat_map=False, minimal=False, corruptions=[], filters=[], noises=[]))
    softmax = evaluate(nn.Sequential(model, nn.Softmax(dim=1)), relabelled, few)
    assert any("probabilities" in w for w in softmax.warnings)

    class Rounded(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return model((images * 8).round() / 8)

    assert any("gradient" in w for w in evaluate(Rounded(), relabelled, few).warnings)


def test_a_hidden_gradient_is_refused_with_a_way_on(relabelled: ImageSet, model: nn.Module) -> None:
    class Detached(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return model(images.detach()).detach()

    few = replace(SMALL, heat_map=False, minimal=False, attacks=[], filters=[], noises=[], severities=[1])
    with pytest.raises(ModelError, match=r"suite\.prediction=false"):
        evaluate(Detached(), relabelled, replace(CONFIG, suite=few))
    assert evaluate(Detached(), relabelled, replace(CONFIG, suite=replace(few, prediction=False))).prediction() is None


def test_labels_outside_the_classes(relabelled: ImageSet) -> None:
    narrow = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4))
    with pytest.raises(DataError, match=r"0\.\.3"):
        evaluate(narrow, relabelled, CONFIG)


def test_ask_sees_every_image_once(relabelled: ImageSet, linear: Callable[[Tensor], nn.Module]) -> None:
    seen: list[int] = []
    two_classes = replace(relabelled, label_N=relabelled.label_N % 2)
    setting = Setting(
        classifier=as_classifier(linear(torch.ones(3, 32, 32))),
        device=torch.device("cpu"),
        images=two_classes,
        corrupted=None,
        corruption=CorruptionConfig(),
        attack=AttackEffort(),
        heat_map_l2=0.0,
        heat_map_cycles=0,
        band_fill="zero",
        hooks={},
        batch_size=5,
        seed=0,
        recorder=NothingKept(),
    )

    def look(batch: Tensor, index: Tensor) -> Tensor:
        seen.extend(index.tolist())
        return batch

    assert ask(setting, two_classes, [look]).right_NK.shape == (24, 1)
    assert seen == relabelled.index_N.tolist()


def test_condition_labels() -> None:
    assert Condition(kind="corruption", probe="fog", severity=3).label == "fog-3"
    assert Condition(kind="attack", probe="pgd", group="linf", parameter=0.02).label == "pgd-linf-0.02"


class Brightness(nn.Module):
    """Two classes: darker or brighter than the middle."""

    def forward(self, images: Tensor) -> Tensor:
        brightness = 10 * images.mean(dim=(1, 2, 3)) - 5
        return torch.stack([-brightness, brightness], dim=1)


def gray_noise(num: int, label_N: Tensor) -> ImageSet:
    """Noise around a brightness that tells class 0 from class 1, away from black and white."""
    pixels = torch.randint(-20, 20, (num, 3, 16, 16), generator=torch.Generator().manual_seed(0))
    level = torch.where(label_N == 0, 110, 145)
    return ImageSet(
        images_NCHW=(pixels + level[:, None, None, None]).to(torch.uint8),
        label_N=label_N,
        index_N=torch.arange(num),
        class_names=("dark", "bright"),
        title="noise",
        split="test",
    )


MINIMAL = SuiteConfig(corruptions=[], filters=[], shuffles=[], noises=[], attacks=[], heat_map_images=8)


def test_a_model_that_sees_brightness_alone_has_no_frequencies() -> None:
    """What is left of its perturbations and gradients is rounding: white noise with f_0.5 = .40, to three digits."""
    result = evaluate(Brightness(), gray_noise(16, torch.arange(16) % 2), EvaluateConfig(suite=MINIMAL))
    for row in result.minimal():
        assert row.num_found == 16
        assert row.median.value > 0
        assert math.isnan(row.half_power.value)
        assert (row.half_power.n, row.note) == (0, "brightness alone")
    assert result.agreement() is None


def test_sizes_of_a_model_that_guesses_are_no_numbers() -> None:
    """Half of its answers are right by luck."""
    label = torch.tensor([0, 1, 0, 1, 0, 1, 0, 1])
    guesses = replace(gray_noise(8, label), label_N=torch.tensor([0, 1, 1, 0, 0, 1, 1, 0]))
    result = evaluate(Brightness(), guesses, EvaluateConfig(suite=replace(MINIMAL, heat_map=False)))
    assert not result.told_from_chance
    for row in result.minimal():
        assert (row.num_right, row.note) == (4, "not told from chance")
        assert all(math.isnan(i.value) for i in (row.median, row.half_power, row.half_power_normalised))


def test_60_of_60_leaves_room_under_every_condition() -> None:
    suite = replace(MINIMAL, minimal=False, heat_map=False, corruptions=["contrast"], severities=[1], prediction=False)
    result = evaluate(Brightness(), gray_noise(60, torch.arange(60) % 2), EvaluateConfig(suite=suite))
    (group, _) = result.groups()
    assert (result.accuracy.value, group.accuracy.value) == (1, 1)
    assert group.accuracy.low == pytest.approx(result.accuracy.low)
    assert result.accuracy.low == pytest.approx(0.940, abs=5e-4)
    assert (group.drop.low, group.drop.high) == pytest.approx((-0.060, 0.060), abs=5e-4)


def test_one_image_has_a_mean_and_no_interval() -> None:
    suite = replace(MINIMAL, minimal=False, heat_map=False, corruptions=["contrast"], prediction=False)
    result = evaluate(Brightness(), gray_noise(1, torch.tensor([1])), EvaluateConfig(suite=suite))
    assert all(math.isnan(group.accuracy.low) for group in result.groups())
    assert "cannot be told from chance" in chance_sentence(result.accuracy, 2)


def test_each_attack_tells_what_its_stages_left_and_took() -> None:
    suite = SuiteConfig(
        corruptions=[], prediction=False, filters=[], shuffles=[], noises=[], minimal=False, heat_map=False,
        attacks=["cascade"], norms=["linf"], eps_linf=[0.03], attack_images=6,
    )  # fmt: skip
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 4))
    images = ImageSet(
        images_NCHW=torch.randint(256, (6, 3, 16, 16), dtype=torch.uint8), label_N=torch.arange(6) % 4,
        index_N=torch.arange(6), class_names=tuple("abcd"), title="noise", split="test",
    )  # fmt: skip
    result = evaluate(model, images, EvaluateConfig(suite=suite, attack=AttackEffort(steps=2)))
    (part,) = result.of_kind("attack")
    assert [stage.name for stage in part.stages] == ["clean", "pgd", "apgd-ce", "apgd-t"]
    assert part.stages[0].num_standing == int(result.clean.correct_NK.sum())
    assert part.stages[-1].num_standing == int(part.correct_NK.sum())
    assert part.stages[0].queries == 6


def test_the_order_of_cutoffs_changes_nothing() -> None:
    filters = ["low-pass", "band-pass"]
    plans = [
        plan(SuiteConfig(cutoffs=cutoffs, filters=filters), num_images=8, image_size=(32, 32))
        for cutoffs in ([1.0, 3.0], [3.0, 1.0, 3.0])
    ]
    assert repr(plans[0]) == repr(plans[1])  # what has no upper end has NaN there


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"cutoffs": [999.0]}, "no frequency beyond 22.63 cycles/image"),
        ({"heat_map_cycles": 999}, "heat_map_cycles=999: 32x32 images have 16 at most"),
    ],
)
def test_frequencies_that_the_images_do_not_have_are_refused(setting: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        require_fit(SuiteConfig(**setting), (3, 32, 32))  # type: ignore[arg-type]
