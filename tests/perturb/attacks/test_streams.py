"""Randomness that belongs to the image."""

import pytest
import torch

from fsens_cli.perturb.attacks.streams import Streams, start_inside
from fsens_cli.perturb.attacks.verify import size_of


def test_a_split_of_the_batch_changes_nothing() -> None:
    whole = Streams.drawn(torch.Generator().manual_seed(1), 10)
    generator = torch.Generator().manual_seed(1)
    parts = [Streams.drawn(generator, n) for n in (3, 7)]
    assert whole.seed_N == parts[0].seed_N + parts[1].seed_N
    rows = torch.tensor([8, 2])
    assert torch.equal(whole.child(5).uniform(3)[rows], whole[rows].child(5).uniform(3))


def test_draws_of_images_and_purposes_are_unrelated() -> None:
    streams = Streams(list(range(400)))
    a, b = streams.child(0).uniform(50), streams.child(1).uniform(50)
    assert float(a.mean()) == pytest.approx(0.5, abs=0.01)
    assert abs(float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])) < 0.03
    # Neighbouring seeds: the largest correlation of 399 pairs of 50 numbers.
    neighbours = [float(torch.corrcoef(a[i : i + 2])[0, 1]) for i in range(399)]
    assert max(map(abs, neighbours)) < 0.6
    assert len({tuple(row.tolist()) for row in a}) == 400


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_starts_fill_the_ball(norm: str) -> None:
    images = torch.zeros(300, 1, 4, 4)
    radius = torch.linspace(0.1, 0.5, 300)
    share = size_of(start_inside(images, norm, radius, Streams.drawn(0, 300)), norm) / radius
    assert float(share.max()) <= 1 + 1e-6
    assert float(share.max()) > 0.95
    assert float(share.mean()) == pytest.approx(16 / 17 if norm == "linf" else 0.5, abs=0.05)
