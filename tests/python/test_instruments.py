"""The instruments as functions: the numbers of the verbs, one by one, and nothing of the caller's is changed."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import fsens_cli as fsens

X = torch.randint(256, (16, 3, 16, 16), generator=torch.Generator().manual_seed(0)).float() / 255


def network() -> nn.Module:
    """In training mode, so that batch norm would show where it is not asked in evaluation mode."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(128, 4)
    )
    with torch.no_grad():
        model[5].bias -= model.eval()(X).mean(0)  # not one class for all
    return model.train()


MODEL = network()
# Wrong on three images.
Y = (network().eval()(X).argmax(1) + (torch.arange(16) < 3)) % 4


def right(images: Tensor) -> list[bool]:
    model = network().eval()
    with torch.no_grad():
        return (model(images).argmax(1) == Y).tolist()


@pytest.fixture(scope="module")
def evaluated() -> dict[str, Tensor]:
    """What `evaluate` found on each image, by condition."""
    suite = {
        "corruptions": ["fog", "gaussian_noise", "glass_blur"], "severities": [2, 4], "prediction": False,
        "filters": ["low-pass", "high-pass", "band-pass"], "cutoffs": [2, 5], "shuffles": [], "noises": [],
        "attacks": ["pgd", "square"], "norms": ["linf", "l2"], "eps_linf": [0.02], "eps_l2": [0.3], "heat_map": False,
    }  # fmt: skip
    found = fsens.evaluate(MODEL, (X, Y), suite=suite, attack={"steps": 6, "minimal_steps": 8}, seed=3, batch_size=7)
    columns = {}
    for part in found.parts.values():
        if part.part.kind == "minimal":
            columns[f"minimal-{part.part.norm}"] = part.size_N
        for k, condition in enumerate(part.part.conditions):
            if part.correct_NK is not None:
                columns[condition.label] = part.correct_NK[:, k]
    return columns


@pytest.mark.parametrize("name", ["fog", "gaussian_noise", "glass_blur"])
@pytest.mark.parametrize("severity", [2, 4])
def test_corrupted_images_are_those_of_evaluate(evaluated: dict[str, Tensor], name: str, severity: int) -> None:
    images = fsens.corrupt(X, name, severity, seed=3)
    assert right(images) == evaluated[f"{name}-{severity}"].tolist()


@pytest.mark.parametrize(
    ("label", "edges"),
    [("low-pass-2", {"high": 2}), ("high-pass-5", {"low": 5}), ("band-pass-2-5", {"low": 2, "high": 5})],
)
def test_filtered_images_are_those_of_evaluate(
    evaluated: dict[str, Tensor], label: str, edges: dict[str, float]
) -> None:
    assert right(fsens.band_filter(X, **edges)) == evaluated[label].tolist()


@pytest.mark.parametrize("name", ["pgd", "square"])
@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.02), ("l2", 0.3)])
def test_attacks_find_what_evaluate_finds(evaluated: dict[str, Tensor], name: str, norm: str, eps: float) -> None:
    result = fsens.attack(MODEL, X, Y, name, norm=norm, eps=eps, steps=6, seed=3)
    (label,) = (k for k in evaluated if k.startswith(f"{name}-{norm}"))
    assert (~result.found_N).tolist() == evaluated[label].tolist()
    assert result.accuracy.value == evaluated[label].double().mean()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_minimal_perturbations_are_those_of_evaluate(evaluated: dict[str, Tensor], norm: str) -> None:
    result = fsens.minimal_perturbation(MODEL, X, Y, norm=norm, steps=8, seed=3)
    torch.testing.assert_close(result.size_N, evaluated[f"minimal-{norm}"], atol=1e-6, rtol=1e-5)
    assert 0 < result.median_size.value < torch.inf


def test_hybrids_are_those_of_the_probe() -> None:
    probe = fsens.hybrid_probe(MODEL, (X, Y), pairings=1, mask="gaussian", grid=[0.1, 0.3, 0.9])
    partner = probe.answers.partner_PN[0]
    model = network().eval()
    for k, mixing in enumerate([0.1, 0.3, 0.9]):
        mixed = fsens.hybrid(X, X[partner], mixing, mask="gaussian")
        assert model(mixed).argmax(1).tolist() == probe.answers.prediction_PNK[0, :, k].tolist()


@pytest.mark.parametrize("target", ["loss", "logit", "margin"])
@pytest.mark.parametrize("channels", ["mean", "power"])
def test_sensitivity_is_that_of_measure(target: str, channels: str) -> None:
    measured = fsens.measure(MODEL, (X, Y), target=target, channels=channels, mean=[0.4, 0.5, 0.6], std=[0.2, 0.3, 0.4])
    given = {"target": target, "channels": channels, "mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.4]}
    share = fsens.sensitivity(MODEL, X, Y, **given)
    assert share.requires_grad
    torch.testing.assert_close(share.detach().double(), measured.per_image.share_NK, atol=2e-6, rtol=1e-5)
    with torch.no_grad():
        plain = fsens.sensitivity(MODEL, X, Y, **given)
    assert not plain.requires_grad
    torch.testing.assert_close(plain, share.detach(), atol=2e-6, rtol=1e-5)


def test_the_spectrum_of_a_linear_model_is_that_of_its_weights() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 4))
    plane = model[1].weight[Y].detach().reshape(16, 3, 16, 16)
    power = np.abs(np.fft.fft2(plane.mean(1).numpy().astype(float))) ** 2
    f = np.fft.fftfreq(16)
    radius = np.floor(16 * np.hypot(f[:, None], f[None, :]) + 0.5 + 1e-9)
    share = np.stack([power[:, radius == r].sum(1) if r else np.zeros(16) for r in range(12)], axis=1)
    share /= share.sum(1, keepdims=True)
    np.testing.assert_allclose(fsens.spectrum(plane).numpy(), share, atol=1e-6)
    np.testing.assert_allclose(fsens.sensitivity(model, X, Y, target="logit").detach().numpy(), share, atol=1e-6)


def test_sensitivity_has_the_derivative_of_finite_differences() -> None:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Softplus(), nn.Flatten(), nn.Linear(4 * 14 * 14, 4)).double()
    weight, images = model[0].weight, X[:3].double().requires_grad_()
    direction = torch.randn_like(weight)

    def low() -> Tensor:
        return fsens.sensitivity(model, images, Y[:3])[:, 1:3].sum()

    by_weight, by_image = torch.autograd.grad(low(), [weight, images])
    step, ends = 1e-5, []
    for sign in (1, -1):
        with torch.no_grad():
            weight += sign * step * direction
            ends.append(float(low()))
            weight -= sign * step * direction
    assert float((by_weight * direction).sum()) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5)
    assert by_image.shape == images.shape
    assert bool((by_image.abs().amax((1, 2, 3)) > 0).all())


def test_a_gradient_of_rounding_alone_has_no_spectrum() -> None:
    class Brightness(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([x.mean((1, 2, 3)), -x.mean((1, 2, 3))], dim=1) * nn.Parameter(torch.tensor(3.0))

    share = fsens.sensitivity(Brightness(), X, Y % 2)
    assert not bool(share.any())
    with pytest.raises(fsens.FsensError, match="depends on no spatial frequency"):
        fsens.measure(Brightness(), (X, Y % 2))
    penalty = fsens.FourierPenalty("lsf")
    assert penalty(Brightness(), X, Y % 2).item() == 0
    assert int(penalty.last.num_skipped) == len(X)


def test_the_caller_s_model_and_random_numbers_stay_as_they_were() -> None:
    model = network()
    model[5].weight.requires_grad_(False)
    model[1].eval()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    images = X.clone()
    fsens.corrupt(images, "snow")
    fsens.attack(model, images, Y, "fgsm")
    fsens.minimal_perturbation(model, images, Y, "fmn", steps=3)
    fsens.sensitivity(model, images, Y)
    fsens.spectrum(images)
    fsens.hybrid(images, images.flip(0))
    assert torch.equal(images, X)
    assert torch.equal(torch.get_rng_state(), random)
    assert [m.training for m in model] == [True, False, True, True, True, True]
    assert all(p.grad is None for p in model.parameters())
    assert [p.requires_grad for p in model.parameters()] == [True, True, True, True, False, True]
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())


def test_batches_and_forms_of_images_do_not_matter() -> None:
    whole = fsens.corrupt(X, "gaussian_noise", seed=7)
    assert torch.equal(fsens.corrupt(X[5:8], "gaussian_noise", seed=7, index=[5, 6, 7]), whole[5:8])
    assert not torch.equal(fsens.corrupt(X, "gaussian_noise", seed=8), whole)
    eight_bits = (255 * X).round().byte().permute(0, 2, 3, 1).numpy()
    torch.testing.assert_close(fsens.corrupt(eight_bits, "gaussian_noise", seed=7), whole)
    generator = torch.Generator().manual_seed(3)
    parts = [
        fsens.attack(MODEL, X[rows], Y[rows], "pgd", steps=3, seed=generator) for rows in torch.arange(16).split(5)
    ]
    one = fsens.attack(MODEL, X, Y, "pgd", steps=3, seed=3)
    torch.testing.assert_close(torch.cat([p.adversarial_NCHW for p in parts]), one.adversarial_NCHW)


def test_filters_and_hybrids_keep_what_they_say_and_have_derivatives() -> None:
    x = torch.arange(16.0) / 16
    wave = 0.5 + 0.3 * torch.cos(2 * torch.pi * 4 * x).expand(1, 1, 16, 16)
    torch.testing.assert_close(fsens.band_filter(wave, 3, 4), wave)
    torch.testing.assert_close(fsens.band_filter(wave, high=3), torch.full_like(wave, 0.5))
    bands = [fsens.band_filter(X, low, high, clip=False) for low, high in pairwise([0, 2, 5, torch.inf])]
    mean = X.mean((2, 3), keepdim=True)
    torch.testing.assert_close(sum(bands) - 2 * mean, X)
    both = [X.clone().requires_grad_() for _ in range(2)]
    (fsens.hybrid(*both, 0.4, clip=False) * X).sum().backward()
    # The derivative is self-adjoint, so each part of X comes back.
    torch.testing.assert_close(both[0].grad + both[1].grad, X)
    torch.testing.assert_close(both[0].grad, fsens.hybrid(X, torch.zeros_like(X), 0.4, clip=False))


def test_results_of_attacks_are_short_to_look_at() -> None:
    for result in (fsens.attack(MODEL, X, Y, steps=2), fsens.minimal_perturbation(MODEL, X, Y, steps=2)):
        lines = repr(result).splitlines()
        assert len(lines) <= 12
        assert "n = 16" in lines[0]
        assert "[" in lines[0]
        assert "tensor" not in repr(result)
