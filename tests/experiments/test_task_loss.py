"""Losses of several versions against their definitions by loops, with parameter gradients in double; own batch norm."""

import copy
import math

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.data.augment_settings import AugmentConfig
from fsens_cli.errors import ConfigError
from fsens_cli.experiments.own_norms import OwnNorms
from fsens_cli.experiments.task_loss import Batch, jensen_shannon, task_loss
from fsens_cli.experiments.train_settings import AdversaryConfig, StepConfig
from fsens_cli.models.classifier import Classifier

LABELS = torch.tensor([0, 1, 2, 1])


def classifier() -> Classifier:
    torch.manual_seed(0)
    parts = [nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 3)]
    return Classifier(nn.Sequential(*parts), name="net", num_classes=3).double()


def versions(count: int) -> list[Tensor]:
    return [
        torch.rand(4, 1, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        for seed in range(count)
    ]


def ce(p: Tensor) -> Tensor:
    return -torch.stack([p[n, LABELS[n]].log() for n in range(4)]).sum() / 4


def divergence(p_ANL: Tensor) -> Tensor:
    total = torch.zeros((), dtype=torch.float64)
    for n in range(4):
        for k in range(3):
            mixture = sum(p[n, k] for p in p_ANL) / len(p_ANL)
            for p in p_ANL:
                total = total + p[n, k] * (p[n, k].log() - mixture.log())
    return total / (4 * len(p_ANL))


@pytest.mark.parametrize(
    ("augment", "count"),
    [
        (AugmentConfig(policy="augmix"), 3),
        (AugmentConfig(policy="augmix", jsd=2.0), 3),
        (AugmentConfig(policy="apr-p"), 2),
        (AugmentConfig(policy="apr-sp"), 2),
        (AugmentConfig(policy="afa"), 2),
        (AugmentConfig(policy="afa", jsd=10.0), 3),
    ],
)
def test_loss_and_parameter_gradient_by_loops(augment: AugmentConfig, count: int) -> None:
    given = versions(count)
    ours, theirs = classifier(), classifier()
    own = OwnNorms(ours) if augment.policy == "afa" else None
    loss, logits = task_loss(ours, Batch(given[0], tuple(given[1:])), LABELS, StepConfig(augment=augment), own)
    loss.backward()
    if own is None:
        p = list(theirs(torch.cat(given)).softmax(dim=1).chunk(count))
    else:
        other = copy.deepcopy(theirs)
        for name, parameter in theirs.named_parameters():  # all but the norms are shared
            if not name.startswith("module.1."):
                part, _, last = name.rpartition(".")
                setattr(other.get_submodule(part), last, parameter)
        p = [*theirs(torch.cat(given[:-1])).softmax(dim=1).chunk(count - 1), other(given[-1]).softmax(dim=1)]
    weight = augment.divergence_weight
    if weight:
        expected = ce(p[0]) + weight * divergence(torch.stack(p))
    else:
        expected = sum(ce(each) for each in p) / (2 if augment.policy == "afa" else 1)
    expected.backward()
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-9)
    torch.testing.assert_close(logits.softmax(dim=1), p[0])
    for mine, their in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, their.grad, rtol=1e-6, atol=1e-12)
    if own is not None:
        for mine, their in zip(own.layers[0].parameters(), other.module[1].parameters(), strict=True):
            torch.testing.assert_close(mine.grad, their.grad, rtol=1e-6, atol=1e-12)
        for mine, their in zip(own.layers[0].buffers(), other.module[1].buffers(), strict=True):
            torch.testing.assert_close(mine, their)
        for mine, their in zip(ours.buffers(), theirs.buffers(), strict=True):
            torch.testing.assert_close(mine, their)


def test_the_weights_of_the_divergence_are_the_published_ones() -> None:
    assert AugmentConfig(policy="augmix").divergence_weight == 12
    assert AugmentConfig(policy="afa").divergence_weight == 0
    assert not AugmentConfig(policy="augmix", jsd=0.0).has_several


def test_the_mixture_has_a_floor() -> None:
    sure = torch.tensor([[[200.0, 0.0]], [[200.0, 0.0]]], dtype=torch.float64)
    assert float(jensen_shannon(sure)) == pytest.approx(0, abs=1e-12)
    opposite = torch.tensor([[[200.0, 0.0]], [[0.0, 200.0]]], dtype=torch.float64)
    assert float(jensen_shannon(opposite)) == pytest.approx(math.log(2))


def test_one_loss_of_several_versions_at_a_time() -> None:
    with pytest.raises(ConfigError, match="give one of the two"):
        StepConfig(augment=AugmentConfig(policy="augmix"), adversary=AdversaryConfig(norm="linf"))
    StepConfig(augment=AugmentConfig(policy="apr-s"), adversary=AdversaryConfig(norm="linf", loss="trades"))
