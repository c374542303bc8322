"""Representational similarity against a slow computation, the released code's factor, and the targets' definitions."""

import math

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.errors import ConfigError, DataError, ModelError
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.construct import build_network
from fsens_cli.models.settings import ModelConfig
from fsens_cli.objectives.pair_penalty import SimilarityPenalty
from fsens_cli.objectives.similarity import TapSimilarity, default_taps, similarity_penalty, transformed
from fsens_cli.objectives.similarity_targets import (
    off_diagonal_shuffled,
    pixel_similarity,
    rows_permuted,
    same_class,
    thresholded,
)
from fsens_cli.statistics.similarity import check_similarity


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 6, 3), nn.ReLU())


def pairs() -> tuple[Tensor, Tensor]:
    return torch.rand(5, 1, 8, 8, generator=generator(1)), torch.rand(5, 1, 8, 8, generator=generator(2))


@pytest.mark.parametrize("passes", ["separate", "joint"])
def test_similarity_of_the_taps_by_a_slow_loop(passes: str) -> None:
    model, (left, right) = network(), pairs()
    similarity = TapSimilarity(model.eval(), ["2", "4"], left[:1], passes=passes)
    model.train()
    with torch.no_grad():
        similarity.gamma.copy_(torch.tensor([0.3, -0.4]))
    found_P, by_tap_KP = similarity(model, left, right)
    again = network()
    maps: list[list[Tensor]] = []
    for tap in (3, 5):
        if passes == "joint":
            both = again[:tap](torch.cat([left, right]))
            maps.append([both[:5], both[5:]])
        else:
            maps.append([again[:tap](left), again[:tap](right)])
    weight = torch.tensor([math.exp(0.3), math.exp(-0.4)])
    for pair in range(5):
        total = 0.0
        for k, (one, other) in enumerate(maps):
            mean = torch.cat([one, other]).mean(dim=(0, 2, 3))
            a, b = ((half[pair] - mean[:, None, None]).flatten() for half in (one, other))
            cosine = float((a @ b / (a.norm() * b.norm())).detach())
            assert float(by_tap_KP[k, pair].detach()) == pytest.approx(cosine, abs=1e-5)
            total += float(weight[k] / weight.sum()) * cosine
        assert float(found_P[pair].detach()) == pytest.approx(total, abs=1e-5)


def test_running_means_move_by_a_tenth_and_take_no_gradient() -> None:
    model = network().eval()
    left, right = pairs()
    similarity = TapSimilarity(model, ["4"], left[:1])
    similarity(model, left, right)
    first = similarity.mean_0.clone()
    torch.testing.assert_close(first, torch.cat([model(left), model(right)]).mean(dim=(0, 2, 3)))
    similarity(model, right * 0.5, right * 0.25)
    moved = torch.cat([model(right * 0.5), model(right * 0.25)]).mean(dim=(0, 2, 3))
    torch.testing.assert_close(similarity.mean_0.detach(), (0.9 * first + 0.1 * moved).detach())
    assert not similarity.mean_0.requires_grad
    assert similarity.gamma.requires_grad


def test_penalty_and_its_gradient_against_finite_differences() -> None:
    target = torch.tensor([1.0, -1.0, 0.0, 0.0, 0.4], dtype=torch.float64)
    similarity = torch.tensor([0.2, -0.5, 0.1, 0.9, 0.4], dtype=torch.float64, requires_grad=True)
    for transform in ("artanh", "code", "none"):
        assert torch.autograd.gradcheck(lambda s, t=transform: similarity_penalty(s, target, t), similarity)
    by_hand = sum((math.atanh(s) - math.atanh(min(t, 1 - 1e-5) if t > 0 else max(t, -1 + 1e-5))) ** 2
                  for s, t in zip(similarity.tolist(), target.tolist(), strict=True)) / 5  # fmt: skip
    assert float(similarity_penalty(similarity, target).detach()) == pytest.approx(by_hand, rel=1e-9)


def test_parameter_gradient_of_the_whole_penalty_in_double() -> None:
    model = network().double()
    left, right = (each.double() for each in pairs())
    target = torch.tensor([1.0, -1.0, 0.0, 0.3, 0.0], dtype=torch.float64)
    similarity = TapSimilarity(model.eval(), ["2", "4"], left[:1]).double()
    found, _ = similarity(model.train(), left, right)
    penalty = similarity_penalty(found, target)
    parameters = [*model.parameters(), similarity.gamma]
    ours = torch.autograd.grad(penalty, parameters)
    again = network().double()
    gamma = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    total = torch.zeros((), dtype=torch.float64)
    weights = gamma.exp() / gamma.exp().sum()
    sides = [(again[:3](each), again[:5](each)) for each in (left, right)]
    for pair in range(5):
        s = torch.zeros((), dtype=torch.float64)
        for k in range(2):
            mean = torch.cat([sides[0][k], sides[1][k]]).mean(dim=(0, 2, 3)).detach()[:, None, None]
            a, b = ((side[k][pair] - mean).flatten() for side in sides)
            s = s + weights[k] * (a * b).sum() / ((a * a).sum().sqrt() * (b * b).sum().sqrt())
        goal = math.atanh(max(-1 + 1e-5, min(1 - 1e-5, float(target[pair]))))
        total = total + (0.5 * torch.log((1 + s) / (1 - s)) - goal) ** 2 / 5
    theirs = torch.autograd.grad(total, [*again.parameters(), gamma])
    assert float(penalty.detach()) == pytest.approx(float(total.detach()), rel=1e-9)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-6, atol=1e-9)


def test_stem_and_stages_of_known_networks_are_found_and_others_asked_for() -> None:
    def taps(name: str) -> tuple[str, ...]:
        shape = ImageShape(3, 32, 32)
        with torch.device("meta"):
            return default_taps(build_network(ModelConfig(name=name), num_classes=10, shape=shape, seed=0))

    assert taps("resnet8") == ("relu", "layer1", "layer2", "layer3")
    assert taps("resnet18") == ("relu", "layer1", "layer2", "layer3", "layer4")
    assert taps("wide_resnet") == ("conv1", "block1", "block2", "block3")
    assert taps("timm/convnext_femto") == ("stages.0", "stages.1", "stages.2", "stages.3")
    with pytest.raises(ModelError, match=r"name modules to compare with regularizer\.taps"):
        default_taps(network())


def test_the_component_is_the_weighted_penalty_and_leaves_the_model_in_its_mode() -> None:
    model, (left, right) = network().train(), pairs()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    penalty = SimilarityPenalty(model, left[:1], taps=["2", "4"], weight=3.0, transform="none")
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    target = SimilarityPenalty.target(torch.cat([left, right]), "pixel-raw")[torch.arange(5), torch.arange(5, 10)]
    value = penalty(model, left, right, target)
    found, _ = TapSimilarity(network(), ["2", "4"], left[:1])(network(), left, right)
    assert float(value.detach()) == pytest.approx(3 * float((found - target).square().mean().detach()), rel=1e-5)
    assert penalty.tap_weights == {"2": 0.5, "4": 0.5}
    value.backward()
    assert penalty.similarity.gamma.grad is not None
    with pytest.raises(DataError, match="do not fit"):
        penalty(model, left, right, target[:2])
    with pytest.raises(ConfigError, match="towards=v1"):
        SimilarityPenalty.target(left, "v1")


def test_the_released_code_penalises_four_times_as_much() -> None:
    s = torch.linspace(-0.9, 0.9, 19, dtype=torch.float64)
    torch.testing.assert_close(transformed(s, "code"), 2 * transformed(s, "artanh"), rtol=1e-3, atol=1e-4)
    assert float(transformed(torch.ones(()), "code")) == pytest.approx(12.21, abs=0.01)


def test_unknown_taps_and_taps_without_a_map_are_named() -> None:
    left, _ = pairs()
    with pytest.raises(ModelError, match="no module '7'"):
        TapSimilarity(network(), ["7"], left[:1])
    with pytest.raises(ModelError, match="no module ''"):
        TapSimilarity(network(), [""], left[:1])
    assert not any(m._forward_hooks for m in network().modules())


def test_pixel_similarity_by_its_definition() -> None:
    images = torch.rand(6, 3, 4, 4, generator=generator(), dtype=torch.float64)
    gray = images.mean(dim=1)
    centred = gray - gray.mean(dim=0)
    found = pixel_similarity(images)
    for i in range(6):
        for j in range(6):
            cosine = (centred[i] * centred[j]).sum() / (centred[i].norm() * centred[j].norm())
            assert float(found[i, j]) == pytest.approx(float(cosine), abs=1e-9)


def test_controls_keep_what_they_should() -> None:
    images = torch.rand(40, 1, 4, 4, generator=generator(), dtype=torch.float64)
    target = pixel_similarity(images)
    permuted = rows_permuted(target, generator(3))
    torch.testing.assert_close(torch.linalg.eigvalsh(permuted), torch.linalg.eigvalsh(target))
    assert not torch.allclose(permuted, target)
    shuffled = off_diagonal_shuffled(target, generator(3))
    torch.testing.assert_close(shuffled, shuffled.T)
    torch.testing.assert_close(shuffled.flatten().sort().values, target.flatten().sort().values)
    assert not torch.allclose(torch.linalg.eigvalsh(shuffled), torch.linalg.eigvalsh(target), atol=1e-2)
    assert set(thresholded(target, 0.3).unique().tolist()) <= {-1.0, 0.0, 1.0}
    assert same_class(torch.tensor([0, 1, 0])).tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]
    for matrix in (target, permuted, shuffled):
        check_similarity(matrix, "target")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s[:10, :10], "too few"),
        (lambda s: s[:, :39], r"\(N, N\)"),
        (lambda s: s + torch.eye(40), "lies beyond 1"),
        (lambda s: s * 0.5, "is not 1"),
        (lambda s: s.triu(), "mirror entry"),
        (lambda s: s * torch.nan, "not finite"),
    ],
)
def test_what_is_no_similarity_matrix_is_refused(change: object, said: str) -> None:
    target = pixel_similarity(torch.rand(40, 1, 4, 4, generator=generator(), dtype=torch.float64))
    with pytest.raises(DataError, match=said):
        check_similarity(change(target), "file.npz")  # type: ignore[operator]
