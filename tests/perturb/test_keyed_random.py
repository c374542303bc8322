"""The numbers of an image depend on its key alone, and are random."""

import pytest
import torch

from fsens_cli.perturb.keyed_random import ImageDraws

CPU = torch.device("cpu")


def draws(index: list[int], seed: int = 0, purpose: str = "test") -> ImageDraws:
    return ImageDraws(purpose, seed, torch.tensor(index), CPU)


def test_numbers_stay_the_same_across_versions() -> None:
    # Published results depend on these; a change of them is a change of results.
    assert draws([5]).whole(3).tolist() == [[2776817969, 1639879403, 3572905418]]


def test_an_image_has_its_own_numbers_in_every_batch() -> None:
    together, alone, other_order = draws([3, 9, 4]), draws([9]), draws([4, 9])
    for shape in [(5,), (3, 7), (1,)]:
        whole = together.whole(*shape)
        assert torch.equal(whole[1:2], alone.whole(*shape))
        assert torch.equal(whole[[2, 1]], other_order.whole(*shape))


def test_many_images_are_drawn_in_blocks_that_leave_no_trace() -> None:
    assert torch.equal(draws(list(range(40))).whole(70_000)[37], draws([37]).whole(70_000)[0])


@pytest.mark.parametrize(
    "changed",
    [{"index": [4]}, {"seed": 1}, {"purpose": "else"}, {"index": [3 + 2**32]}],
    ids=["index", "seed", "purpose", "index beyond 32 bits"],
)
def test_other_keys_give_unrelated_numbers(changed: dict) -> None:
    a = draws(**{"index": [3], **changed}).normal(20_000)[0]
    b = draws([3]).normal(20_000)[0]
    assert abs(float((a * b).mean())) < 4 / 20_000**0.5


def test_calls_go_on_where_the_last_one_stopped() -> None:
    once, twice = draws([1, 2]), draws([1, 2])
    assert torch.equal(once.whole(10), torch.cat([twice.whole(4), twice.whole(6)], dim=1))


def test_uniform_is_uniform_within_and_across_images() -> None:
    many = draws(list(range(1000))).uniform(1000)
    assert float(many.min()) >= 0
    assert float(many.max()) < 1
    for line in (many[0], many[:, 0], many.diagonal()):
        # Kolmogorov-Smirnov: beyond 1.95 / sqrt(n) once in a thousand times.
        ranks = (torch.arange(1000) + 0.5) / 1000
        assert float((line.sort().values - ranks).abs().max()) < 1.95 / 1000**0.5
    counts = torch.histc(many, bins=256, min=0, max=1)
    chi_square = float(((counts - 1e6 / 256) ** 2).sum() / (1e6 / 256))
    assert abs(chi_square - 255) < 4 * (2 * 255) ** 0.5


def test_normal_has_the_moments_of_the_normal() -> None:
    z = draws(list(range(100))).normal(3, 33, 101).double()
    assert z.shape == (100, 3, 33, 101)
    n = z.numel()
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(float((z**power).mean()) - moment) < 4 * (variance / n) ** 0.5
    assert abs(float((z[..., :-1] * z[..., 1:]).mean())) < 4 / n**0.5


def test_signs_whole_numbers_and_orders() -> None:
    some = draws(list(range(500)))
    sign = some.sign(40)
    assert set(sign.unique().tolist()) == {-1.0, 1.0}
    assert abs(float(sign.mean())) < 4 / 20_000**0.5
    below = some.below(5, 40)
    assert below.unique(return_counts=True)[1].tolist() == pytest.approx([4000] * 5, abs=4 * 57)
    order = draws(list(range(24_000))).permutation(4)
    assert torch.equal(order.sort(dim=1).values, torch.arange(4).expand(24_000, 4))
    assert order.unique(dim=0, return_counts=True)[1].tolist() == pytest.approx([1000] * 24, abs=4 * 32)
