"""The second stream: which pairs come when, towards what, and what they do to batch norm."""

import pytest
import torch
from shared_training import classifier, settings, stripes

from fsens_cli.errors import ConfigError, DataError
from fsens_cli.experiments.pair_set import NO_OTHER_IMAGES, PairSet, prepare_pairs
from fsens_cli.experiments.train import require_sharable
from fsens_cli.objectives.regularizers import RegularizerConfig


def pair_set(**changes: object) -> PairSet:
    regularizer = RegularizerConfig(name="similarity", num_images=40, taps=["features.0", "features.3"], **changes)  # type: ignore[arg-type]
    return prepare_pairs(classifier("batch"), stripes(), settings(regularizer=regularizer), NO_OTHER_IMAGES)


def test_every_pair_comes_once_before_any_comes_again() -> None:
    pairs = pair_set(pair_batch=20)
    per_round = 40 * 39 // 2 // 20
    images = pairs.images_NCHW.float() / 255
    seen = []
    for step in range(per_round):
        batch = pairs.batch(step)
        for left, right, target in zip(batch.left_PCHW, batch.right_PCHW, batch.target_P, strict=True):
            i, j = (int((images - each).abs().flatten(1).sum(dim=1).argmin()) for each in (left, right))
            assert float(target) == float(pairs.target_NN[i, j])
            seen.append((i, j))
    assert len(set(seen)) == len(seen) == 40 * 39 // 2
    assert not torch.equal(pairs.batch(per_round).left_PCHW, pairs.batch(0).left_PCHW)
    torch.testing.assert_close(pairs.batch(3).left_PCHW, pairs.batch(3).left_PCHW, rtol=0, atol=0)


def test_images_of_pairs_have_no_black_borders() -> None:
    """Shifts of the training put zeros at the border, and pixels would be as similar as their borders are."""
    bright = stripes().with_pixels(stripes().images_NCHW.clamp_min(60))
    varied = settings(regularizer=RegularizerConfig(name="similarity", num_images=40, taps=["features.0"]))
    varied.augment.pad = 4
    images = prepare_pairs(classifier("batch"), bright, varied, NO_OTHER_IMAGES).images_NCHW
    assert int(images.min()) >= 60
    assert not torch.equal(images, bright.sample(40, varied.seed).images_NCHW)


def test_targets_and_controls() -> None:
    raw = pair_set(towards="pixel-raw").target_NN
    hard = pair_set(towards="pixel", threshold=0.3).target_NN
    assert torch.equal(hard, torch.where(raw.abs() > 0.3, raw.sign(), 0.0))
    assert torch.equal(pair_set(towards="zero").target_NN, torch.eye(40))
    assert set(pair_set(towards="class").target_NN.unique().tolist()) == {0.0, 1.0}
    permuted = pair_set(towards="pixel-raw", control="permuted").target_NN
    torch.testing.assert_close(
        torch.linalg.eigvalsh(permuted.double()), torch.linalg.eigvalsh(raw.double()), rtol=0, atol=1e-5
    )
    low, high = (pair_set(towards=f"gabor-{which}").target_NN for which in ("low", "high"))
    assert not torch.allclose(low, high, atol=0.05)


def test_pairs_are_chosen_by_the_target_before_its_threshold() -> None:
    raw = pair_set(towards="pixel-raw").target_NN.triu(1)
    for which, passes in (("strong", raw.abs() > 0.3), ("similar", raw > 0.3), ("opposite", raw < -0.3)):
        found = pair_set(pairs=which, threshold=0.3, pair_batch=2).pairs_2M
        assert found.shape[1] == int(passes.triu(1).sum())
    with pytest.raises(DataError, match=r"pairs pass regularizer\.threshold=0\.99"):
        pair_set(pairs="opposite", threshold=0.99)


def test_the_penalty_is_not_for_several_processes() -> None:
    config = settings(regularizer=RegularizerConfig(name="similarity"))
    with pytest.raises(ConfigError, match="regularizer=similarity is for a single process"):
        require_sharable(config, 2)
