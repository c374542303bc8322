"""Pairs of hybrids join different classes and use every image once."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fsens_cli.errors import DataError
from fsens_cli.experiments.pairing import pair_images, pairing_seeds, require_pairable

labels = st.lists(st.integers(0, 5), min_size=2, max_size=60).map(torch.tensor)
seeds = st.integers(0, 10_000)


def is_pairable(label: torch.Tensor) -> bool:
    return 2 * int(label.bincount().max()) <= len(label)


@settings(max_examples=150, deadline=None)
@given(labels, seeds)
def test_pairs_join_different_classes_and_use_every_image_once(label: torch.Tensor, seed: int) -> None:
    if not is_pairable(label):
        with pytest.raises(DataError, match="more than half"):
            pair_images(label, seed)
        return
    partner = pair_images(label, seed)
    assert bool((label[partner] != label).all())
    assert partner.sort().values.tolist() == list(range(len(label)))  # a permutation: class counts are preserved too
    assert torch.equal(label[partner].bincount(minlength=6), label.bincount(minlength=6))
    assert torch.equal(partner, pair_images(label, seed))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(1, 6), seeds)
def test_a_class_of_exactly_half_can_be_paired(half: int, others: int, seed: int) -> None:
    label = torch.cat([torch.zeros(half, dtype=torch.long), 1 + torch.arange(half) % others])
    partner = pair_images(label[torch.randperm(2 * half, generator=torch.Generator().manual_seed(seed))], seed)
    assert partner.sort().values.tolist() == list(range(2 * half))


def test_seeds_make_different_pairs_and_the_global_generator_plays_no_part() -> None:
    label = torch.arange(200) % 10
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    first = pair_images(label, 0)
    assert torch.equal(state, torch.random.get_rng_state())
    torch.manual_seed(2)
    assert torch.equal(first, pair_images(label, 0))
    assert not torch.equal(first, pair_images(label, 1))


def test_every_other_class_is_met_about_equally_often() -> None:
    label = torch.arange(1000) % 5
    met = torch.zeros(5, 5)
    for seed in range(20):
        met.index_put_((label, label[pair_images(label, seed)]), torch.ones(()), accumulate=True)
    assert bool((met.diagonal() == 0).all())
    others = met[~torch.eye(5, dtype=torch.bool)]
    # 1,000 expected in each of 20 cells, standard deviation about 29.
    assert bool(((others - 1000).abs() < 130).all())


def test_runs_with_different_seeds_share_no_pairing() -> None:
    assert not set(pairing_seeds(0, 1000)) & set(pairing_seeds(1, 1000))


def test_refusal_names_the_class() -> None:
    with pytest.raises(DataError, match="class cat holds 3 of 5 images"):
        require_pairable(torch.tensor([1, 1, 1, 0, 2]), ["dog", "cat", "cow"])
    with pytest.raises(DataError, match="two images of different classes, got 1"):
        require_pairable(torch.tensor([0]))
