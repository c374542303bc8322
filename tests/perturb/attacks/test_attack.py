"""What holds for every attack: checks, restarts, cascade, randomness, filters, and no trace on the model."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.errors import ConfigError, DataError, ModelError
from fsens_cli.perturb.attacks import attack as attack_module
from fsens_cli.perturb.attacks.attack import attack, join
from fsens_cli.perturb.attacks.config import AttackConfig
from fsens_cli.perturb.attacks.goal import Goal
from fsens_cli.perturb.attacks.minimal import minimal_perturbation
from fsens_cli.perturb.attacks.verify import fit, size_of, verified

Case = tuple[nn.Module, Tensor, Tensor]
EPS = {"linf": 0.012, "l2": 0.12}
FIXED = ["fgsm", "pgd", "apgd-ce", "apgd-dlr", "apgd-t", "square", "cascade"]


def config_of(name: str, norm: str, **settings: object) -> AttackConfig:
    steps = {"square": 60, "fgsm": 1}.get(name, 10)
    return AttackConfig(**({"name": name, "norm": norm, "eps": EPS[norm], "steps": steps} | settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("name", [*FIXED, "deepfool", "fmn", "minimal"])
def test_what_is_found_is_adversarial_inside_ball_and_box(curved: Case, name: str, norm: str) -> None:
    model, images, labels = curved
    model, images = model.float(), images.float()
    found = attack(model, images, labels, config_of(name, norm), generator=1)
    delta = found.adversarial_NCHW.double() - images.double()
    with torch.no_grad():
        wrong = model(found.adversarial_NCHW).argmax(dim=1) != labels
    hit = found.found_N
    assert bool(wrong[hit].all())
    assert float(size_of(delta, norm)[hit].amax()) <= EPS[norm] + 1e-6
    assert float(found.adversarial_NCHW.amin()) >= 0
    assert float(found.adversarial_NCHW.amax()) <= 1
    assert 0 < int(hit.sum()) < len(hit), "the radius must separate for the test to say anything"
    assert bool(found.size_N[~hit].isinf().all())
    torch.testing.assert_close(found.size_N[hit], size_of(delta, norm)[hit])
    assert not bool(found.rejected_N.any())


@pytest.mark.parametrize("name", ["pgd", "apgd-ce", "square"])
def test_more_restarts_never_find_less(curved: Case, name: str) -> None:
    model, images, labels = curved
    few = attack(model, images, labels, config_of(name, "linf", eps=0.025, steps=4), generator=3)
    many = attack(model, images, labels, config_of(name, "linf", eps=0.025, steps=4, restarts=6), generator=3)
    assert bool((many.found_N >= few.found_N).all())
    left = ~many.found_N
    assert bool(left.any())
    # Each start is another one, so the last points differ; but from anywhere APGD's long steps end in the same corner.
    assert name == "apgd-ce" or not torch.equal(many.adversarial_NCHW[left], few.adversarial_NCHW[left])


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_cascade_is_the_union_of_its_attacks(curved: Case, norm: str) -> None:
    model, images, labels = curved
    labels = labels.clone()
    labels[0] = (labels[0] + 1) % 5
    together = attack(model, images, labels, config_of("cascade", norm, restarts=2), generator=7)
    assert list(together.standing) == ["clean", "pgd", "apgd-ce", "apgd-t"]
    left = torch.ones(len(labels), dtype=torch.bool)
    for name, after in together.standing.items():
        # A stage walks the same path as the attack alone, so the two sets are equal and not only alike.
        alone = attack(
            model,
            images,
            labels,
            config_of("none" if name == "clean" else name, norm, restarts=1 if name == "clean" else 2),
            generator=7,
        )
        assert torch.equal(after, left & ~alone.found_N), name
        left = after
    assert torch.equal(~left, together.found_N)


def test_the_cascade_of_few_classes(affine: Callable[..., Case]) -> None:
    for num_classes, stages in ((2, ["clean", "pgd", "apgd-ce"]), (3, ["clean", "pgd", "apgd-ce", "apgd-dlr"])):
        model, images, labels = affine(num_classes)
        found = attack(model, images, labels, AttackConfig(eps=1e-3, steps=2), generator=0)
        assert list(found.standing) == stages


def test_randomness_belongs_to_the_image(curved: Case) -> None:
    model, images, labels = curved
    for name in ("pgd", "apgd-ce", "square"):
        for norm in ("linf", "l2"):
            config = config_of(name, norm, restarts=2)
            whole = attack(model, images, labels, config, generator=torch.Generator().manual_seed(4))
            again = attack(model, images, labels, config, generator=4)
            other = attack(model, images, labels, config, generator=5)
            one_generator = torch.Generator().manual_seed(4)
            parts = join(
                [
                    attack(model, images[s], labels[s], config, generator=one_generator)
                    for s in (slice(0, 5), slice(5, 16))
                ]
            )
            assert torch.equal(whole.adversarial_NCHW, again.adversarial_NCHW)
            assert not torch.equal(whole.adversarial_NCHW, other.adversarial_NCHW)
            torch.testing.assert_close(whole.adversarial_NCHW, parts.adversarial_NCHW)
            assert torch.equal(whole.found_N, parts.found_N)
            assert torch.equal(whole.standing[name], parts.standing[name])


@pytest.mark.parametrize("name", ["pgd", "apgd-ce", "fgsm"])
def test_a_filter_keeps_the_change_in_its_range(curved: Case, name: str) -> None:
    model, images, labels = curved
    images = 0.3 + 0.4 * images

    def low_pass(field: Tensor) -> Tensor:
        spectrum = torch.fft.fft2(field)
        keep = torch.fft.fftfreq(8).abs() < 0.2
        return torch.fft.ifft2(spectrum * (keep[:, None] & keep[None, :])).real

    with torch.no_grad():
        labels = model(images).argmax(dim=1)
    for gradient_filter, expected in ((low_pass, True), (None, False)):
        found = attack(
            model, images, labels, config_of(name, "l2", eps=0.1), generator=0, gradient_filter=gradient_filter
        )
        delta = found.adversarial_NCHW - images
        outside = (delta - low_pass(delta)).norm() / delta.norm()
        assert (float(outside) < 1e-6) is expected


def test_a_lying_attack_is_refused(curved: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    model, images, labels = curved

    def outside(model: nn.Module, images: Tensor, goal: Goal, *rest: object) -> tuple[Tensor, Tensor]:
        far = (1 - images).round()
        return far, torch.ones(len(images), dtype=torch.bool)

    def unmoved(model: nn.Module, images: Tensor, goal: Goal, *rest: object) -> tuple[Tensor, Tensor]:
        return images, torch.ones(len(images), dtype=torch.bool)

    for liar in (outside, unmoved):
        monkeypatch.setitem(attack_module.SINGLE, "pgd", liar)
        found = attack(model, images, labels, config_of("pgd", "linf"), generator=0)
        assert not bool(found.found_N.any())
        assert bool(found.rejected_N.all())
        assert bool(found.size_N.isinf().all())


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_check_looks_at_class_ball_box_and_numbers(affine: Callable[..., Case], norm: str) -> None:
    model, images, labels = affine(2, 6)
    radius = float(model.smallest(images, labels, norm).max()) * 1.5  # type: ignore[operator]
    weight = (model.weight[1] - model.weight[0]).detach().reshape(images.shape[1:])  # type: ignore[index]
    unit = weight.sign() if norm == "linf" else weight / weight.norm()
    up = torch.where(labels == 0, 1.0, -1.0)[:, None, None, None]
    good = images + 0.9 * radius * up * unit
    points = good.clone()
    points[1] = images[1]  # not adversarial
    points[2] = images[2] + (radius + 1e-5) * up[2] * unit  # outside the ball
    points[3] = float("nan")
    points[4, 0, 0, 0] = 1.0 + 1e-5  # outside the box, and then outside the ball as well
    goal = Goal(labels)
    found, size = verified(model, images, points, goal, norm=norm, eps=radius)
    assert found.tolist() == [True, False, False, False, False, True]
    assert float(size[0]) == pytest.approx(0.9 * radius)
    boxed, _ = verified(model, images, points, goal, norm=norm)
    assert boxed.tolist() == [True, False, True, False, False, True]


def test_rounding_is_pulled_back_and_lies_are_not() -> None:
    images = torch.full((2, 3, 16, 16), 0.5)
    direction = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) - 0.5
    direction = direction / direction.flatten(1).norm(dim=1)[:, None, None, None]
    factor = torch.tensor([1 + 2e-6, 1.01])[:, None, None, None]
    pulled = fit(images, images + 5.0 * factor * direction, "l2", 5.0)
    size = size_of(pulled.double() - images.double(), "l2")
    assert float(pulled.amax()) < 1
    assert float(size[0]) == pytest.approx(5.0, abs=2e-7)
    assert float(size[1]) == pytest.approx(5.05, abs=1e-5)


class Fickle(nn.Module):
    """A linear model with fresh noise on its weights at every pass."""

    def __init__(self, inner: nn.Module, noise: float) -> None:
        super().__init__()
        self.inner = inner
        self.noise = noise

    def forward(self, images: Tensor) -> Tensor:
        weight = self.inner.weight  # type: ignore[union-attr]
        return images.flatten(1) @ (weight + self.noise * torch.randn_like(weight)).T + self.inner.bias  # type: ignore[operator, arg-type]


def test_the_luck_of_a_random_model_is_rejected(affine: Callable[..., Case]) -> None:
    model, images, labels = affine(2)
    torch.manual_seed(0)
    # Far inside the smallest change, where only the noise misclassifies.
    eps = 0.05 * float(model.smallest(images, labels, "linf").min())  # type: ignore[operator]
    found = attack(Fickle(model, 0.3), images, labels, AttackConfig(name="pgd", eps=eps, steps=40), generator=0)
    assert int(found.rejected_N.sum()) > 0
    assert not bool((found.rejected_N & found.found_N).any())


def test_averaging_helps_against_a_random_model(affine: Callable[..., Case]) -> None:
    model, images, labels = affine(2, 12)
    exact = model.smallest(images, labels, "l2")  # type: ignore[operator]

    def noisy(x: Tensor) -> Tensor:
        """The same logits at every pass, but another gradient."""
        noise = 3.0 * torch.randn(40, 2, dtype=x.dtype)
        return model(x) + (x - x.detach()).flatten(1) @ noise

    won = {}
    for eot in (1, 64):
        torch.manual_seed(1)
        points = []
        for n in range(len(images)):
            one = slice(n, n + 1)
            config = AttackConfig(name="fgsm", norm="l2", eps=1.5 * float(exact[n]), eot=eot)
            points.append(attack(noisy, images[one], labels[one], config, generator=n).adversarial_NCHW)
        won[eot] = int((model(torch.cat(points)).argmax(dim=1) != labels).sum())
    assert won[64] >= won[1] + 4
    assert won[64] >= 10


def test_an_unbounded_attack_reaches_every_image(packaged: Callable[[int], Case]) -> None:
    model, images, labels = packaged(12)
    for norm, eps in (("linf", 1.0), ("l2", 20.0)):
        config = AttackConfig(norm=norm, eps=eps, steps=20)
        found = attack(model, images, labels, config, generator=0)
        assert bool(found.found_N.all())


@pytest.mark.parametrize("name", ["cascade", "square", "minimal"])
def test_leaves_no_trace_on_the_model(packaged: Callable[[int], Case], name: str) -> None:
    model, images, labels = packaged(2)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.train(False)
    next(model.parameters()).requires_grad_(False)
    required = [p.requires_grad for p in model.parameters()]
    inputs = images.clone()
    attack(model, images, labels, AttackConfig(name=name, steps=3), generator=0)
    assert all(p.grad is None for p in model.parameters())
    assert [p.requires_grad for p in model.parameters()] == required
    assert not any(child.training for child in model.modules())
    assert torch.equal(images, inputs)
    assert not images.requires_grad
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "pdg"}, "attack=pdg is not known; attack can be none, fgsm, pgd, apgd-ce"),
        ({"norm": "l1"}, "attack.norm=l1 is not known"),
        ({"eps": 8.0}, r"attack.eps=8.0: images lie in \[0, 1\], so an linf radius is at most 1; 8/255 is 0.0314"),
        ({"eps": 0.0}, "attack.eps=0.0 must be positive"),
        ({"eps": float("nan")}, "attack.eps=nan must be positive"),
        ({"steps": -1}, "attack.steps=-1 must be at least 0"),
        ({"restarts": 0}, "attack.restarts=0 must be at least 1"),
        ({"eot": 0}, "attack.eot=0 must be at least 1"),
        ({"name": "ddn"}, "attack=ddn is defined for attack.norm=l2 only"),
        ({"name": "fgsm", "restarts": 2}, "attack=fgsm has no random start"),
    ],
)
def test_refuses_settings(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        AttackConfig(**settings)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)


def test_refuses_what_does_not_fit_the_model(affine: Callable[..., Case]) -> None:
    model, images, labels = affine(3)
    pgd = AttackConfig(name="pgd", steps=1)
    with pytest.raises(DataError, match=r"labels must lie in 0..2 for this model, got 7"):
        attack(model, images, torch.full_like(labels, 7), pgd, generator=0)
    with pytest.raises(DataError, match=r"labels must lie in 0..2 for this model, got -1"):
        minimal_perturbation(model, images, torch.full_like(labels, -1), AttackConfig(name="fmn"), generator=0)
    with pytest.raises(DataError, match=r"images must lie in \[0, 1\], got .* divide by 255"):
        attack(model, images * 255, labels, pgd, generator=0)
    with pytest.raises(DataError, match="12 images need as many labels"):
        attack(model, images, labels[:3], pgd, generator=0)
    with pytest.raises(ConfigError, match=r"attack\.eps=7\.0: images of 40 numbers"):
        attack(model, images, labels, AttackConfig(name="pgd", norm="l2", eps=7.0), generator=0)
    with pytest.raises(ModelError, match="attack=apgd-t compares at least 4 logits, and the model has 3"):
        attack(model, images, labels, AttackConfig(name="apgd-t"), generator=0)
    with pytest.raises(ModelError, match="image 0 is not a number"):
        attack(lambda x: model(x) * float("nan"), images, labels, pgd, generator=0)
    with pytest.raises(ModelError, match="no gradient by its input"):
        attack(lambda x: model(x).detach(), images, labels, pgd, generator=0)
    with pytest.raises(DataError, match="target of image 0 is its own label"):
        attack(model, images, labels, pgd, generator=0, target_N=labels)
    with pytest.raises(ConfigError, match="attack=pgd is not known; attack can be deepfool, ddn, fmn, minimal"):
        minimal_perturbation(model, images, labels, pgd, generator=0)


def test_square_needs_no_gradient(affine: Callable[..., Case]) -> None:
    model, images, labels = affine(3)
    config = AttackConfig(name="square", eps=0.3, steps=200)
    assert bool(attack(lambda x: model(x).detach(), images, labels, config, generator=0).found_N.all())


def test_a_confident_model_hides_nothing(affine: Callable[..., Case]) -> None:
    """Logits a thousand times as large: cross-entropy underflows in single precision, its log odds do not."""
    model, images, labels = affine(3)
    model, images = model.float(), images.float()
    for name in ("pgd", "apgd-ce"):
        config = AttackConfig(name=name, eps=0.05, steps=10)
        plain = attack(model, images, labels, config, generator=0)
        confident = attack(lambda x: 1e4 * model(x), images, labels, config, generator=0)
        assert bool(plain.found_N.any())
        assert torch.equal(plain.found_N, confident.found_N)
