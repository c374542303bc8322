"""TRADES against its definition: the loss through both predictions, the ascent of the divergence, the modes."""

import copy

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.errors import ConfigError
from fsens_cli.experiments.adversary import worst_neighbours
from fsens_cli.experiments.task_loss import Batch, task_loss
from fsens_cli.experiments.train_settings import AdversaryConfig, StepConfig
from fsens_cli.models.classifier import Classifier
from fsens_cli.parallel.world import ALONE
from fsens_cli.perturb.attacks.trades import divergence_adversary


def classifier() -> Classifier:
    torch.manual_seed(0)
    parts = [nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.SiLU(), nn.Flatten(), nn.Linear(48, 3)]
    return Classifier(nn.Sequential(*parts), name="net", num_classes=3).double()


def images(count: int = 4, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 1, 6, 6, dtype=torch.float64, generator=generator)


LABELS = torch.tensor([0, 1, 2, 1])


def test_loss_and_parameter_gradient_by_a_loop_over_images_and_classes() -> None:
    clean, near = images(), images(seed=2)
    adversary = AdversaryConfig(norm="linf", loss="trades", beta=2.5)
    ours = classifier()
    loss, logits = task_loss(ours, Batch(clean, (near,)), LABELS, StepConfig(adversary=adversary))
    loss.backward()
    theirs = classifier()
    p, q = (theirs(each).softmax(dim=1) for each in (clean, near))
    total = torch.zeros((), dtype=torch.float64)
    for n in range(4):
        total = total - p[n, LABELS[n]].log() / 4
        for k in range(3):
            total = total + 2.5 * p[n, k] * (p[n, k].log() - q[n, k].log()) / 4
    total.backward()
    assert float(loss.detach()) == pytest.approx(float(total.detach()), rel=1e-9)
    torch.testing.assert_close(logits.softmax(dim=1), p)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-6, atol=1e-12)


def test_neighbours_climb_the_divergence_by_signs() -> None:
    net, clean = classifier().eval(), images()
    start = 0.001 * torch.randn(clean.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    found = divergence_adversary(net, clean, norm="linf", eps=0.031, step_size=0.007, num_steps=6, start_NCHW=start)
    p = net(clean).softmax(dim=1).detach()
    x = (clean + start).clamp(0, 1)
    values = []
    for _ in range(6):
        x = x.detach().requires_grad_()
        divergence = nn.functional.kl_div(net(x).log_softmax(dim=1), p, reduction="sum")
        values.append(float(divergence.detach()))
        divergence.backward()
        x = x.detach() + 0.007 * x.grad.sign()
        x = torch.min(torch.max(x, clean - 0.031), clean + 0.031).clamp(0, 1)
    torch.testing.assert_close(found, x)
    assert values == sorted(values)


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("loss", ["ce", "trades"])
def test_an_attack_leaves_the_network_as_it_was_in_either_mode(mode: str, loss: str) -> None:
    net, clean = classifier().train(), images()
    before = copy.deepcopy(net.state_dict())
    config = AdversaryConfig(norm="linf", loss=loss, mode=mode, eps=0.1, step_size=0.05, steps=3)
    found = {}
    for asked in ("eval", "train"):
        config.mode = asked
        generator = torch.Generator().manual_seed(0)
        found[asked] = worst_neighbours(net, clean, LABELS, config, num_images=4, generator=generator, world=ALONE)
    assert float((found[mode] - clean).abs().max()) <= 0.1 + 1e-12
    assert not torch.equal(found["eval"], found["train"])  # the batch's statistics are not the running ones
    assert net.training
    assert all(p.grad is None and p.requires_grad for p in net.parameters())
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_trades_without_neighbours_is_refused() -> None:
    with pytest.raises(ConfigError, match="loss=trades needs neighbours: give"):
        AdversaryConfig(loss="trades")
