"""APGD against a literal transcription of Algorithm 1, one image at a time."""

import math

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.perturb.attacks.apgd import apgd, checkpoints
from fsens_cli.perturb.attacks.config import AttackConfig
from fsens_cli.perturb.attacks.goal import Goal
from fsens_cli.perturb.attacks.losses import dlr, log_odds
from fsens_cli.perturb.attacks.pgd import first_point
from fsens_cli.perturb.attacks.streams import Streams, start_at_edge

Case = tuple[nn.Module, Tensor, Tensor]


def nearest(image: Tensor, point: Tensor, norm: str, eps: float) -> Tensor:
    delta = point - image
    delta = delta.clamp(-eps, eps) if norm == "linf" else delta * min(1.0, eps / max(float(delta.norm()), 1e-30))
    return (image + delta).clamp(0, 1)


def literal(
    model: nn.Module, image: Tensor, label: Tensor, start: Tensor, norm: str, eps: float, steps: int, loss: object
) -> tuple[list[Tensor], list[float]]:
    """Follow the paper's listing; return the points x_0, x_1, ... and the step size at each."""

    def look(x: Tensor) -> tuple[float, Tensor]:
        x = x.clone().requires_grad_()
        value = loss(model(x), Goal(label))  # type: ignore[operator]
        return float(value.detach()), torch.autograd.grad(value.sum(), x)[0]

    def unit(grad: Tensor) -> Tensor:
        return grad.sign() if norm == "linf" else grad / grad.norm()

    share, marks = [0.0, 0.22], [0]
    while share[-1] < 1:
        marks.append(math.ceil(share[-1] * steps - 1e-9))
        share.append(share[-1] + max(share[-1] - share[-2] - 0.03, 0.06))
    eta, etas = 2 * eps, [2 * eps]
    points, values = [start], [look(start)[0]]
    points.append(nearest(image, start + eta * unit(look(start)[1]), norm, eps))
    values.append(look(points[1])[0])
    best, best_value = (points[0], values[0]) if values[0] >= values[1] else (points[1], values[1])
    at_mark = [(eta, values[0])]
    rose = [values[1] > values[0]]
    before, current = points[0], points[1]
    for k in range(1, steps):
        if k in marks:
            j = marks.index(k)
            # The paper writes <, the released code, which is AutoAttack, has <=: it matters where .75 k is whole.
            stalled = sum(rose[marks[j - 1] : k]) <= 0.75 * (k - marks[j - 1])
            stuck = len(at_mark) > 1 and at_mark[-1] == (eta, best_value)
            at_mark_now = (eta, best_value)
            if stalled or stuck:
                eta /= 2
                current = best
            # eta^(j) is the step in force from checkpoint j on, compared with that at j - 1.
            at_mark.append((eta, best_value) if not (stalled or stuck) else (float("nan"), at_mark_now[1]))
        z = nearest(image, current + eta * unit(look(current)[1]), norm, eps)
        moved = nearest(image, current + 0.75 * (z - current) + 0.25 * (current - before), norm, eps)
        points.append(moved)
        values.append(look(moved)[0])
        rose.append(values[-1] > values[-2])
        if values[-1] > best_value:
            best, best_value = moved, values[-1]
        before, current = current, moved
        etas.append(eta)
    return points, etas


class Watched(nn.Module):
    """Remembers every point it is shown, and never falls: only the differences of its logits matter here."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append(images.detach().clone())
        return self.inner(images)


@pytest.mark.parametrize("loss", [log_odds, dlr])
@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.004), ("l2", 0.04)])
def test_walks_the_path_of_the_paper(curved: Case, norm: str, eps: float, loss: object) -> None:
    model, images, labels = curved
    config = AttackConfig(name="apgd-ce", norm=norm, eps=eps, steps=45)
    streams = Streams.drawn(0, len(images))
    compared = 0
    halved = 0
    for n in range(5):
        image, label = images[n : n + 1], labels[n : n + 1]
        own = streams[torch.tensor([n])]
        watched = Watched(model)
        last, claimed = apgd(watched, image, Goal(label), loss, config, own)  # type: ignore[arg-type]
        if bool(claimed):
            continue
        start = first_point(image, config, own, None, start_at_edge)
        points, etas = literal(model, image, label, start, norm, eps, 45, loss)
        # x_k of the listing is seen at step k, except right after a return to the best, which needs no new look.
        for k, (seen, expected) in enumerate(zip([*watched.seen, last], points, strict=True)):
            torch.testing.assert_close(seen, expected, rtol=0, atol=1e-9, msg=f"image {n}, step {k}")
        compared += 1
        halved += etas[-1] < etas[0]
    assert compared >= 3
    assert halved >= 2


def test_checkpoints_of_the_paper() -> None:
    assert checkpoints(100) == [0, 22, 41, 57, 70, 80, 87, 93, 99]
    assert checkpoints(1) == [0, 1]
    assert checkpoints(5)[-1] <= 5
