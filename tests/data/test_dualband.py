"""The embedded data set: reproducible, balanced, and its cues are where it says."""

import math

import pytest
import torch

from fsens_cli.data.dualband import NUM_ORIENTATIONS, DualbandConfig
from fsens_cli.data.dualband_images import HIGH_RADII, LOW_RADII, load_dualband
from fsens_cli.data.images import ImageSet
from fsens_cli.errors import ConfigError


def load(split: str = "test", **settings: object) -> ImageSet:
    return load_dualband(DualbandConfig(**({"train_size": 200, "test_size": 200} | settings)), split)  # type: ignore[arg-type]


def guess(images: ImageSet, radii: tuple[float, float]) -> torch.Tensor:
    """Guess each class by the grating, of any phase, that is strongest in the gray image."""
    gray = images.images_NCHW.double().mean(dim=1)
    gray -= gray.mean(dim=(1, 2), keepdim=True)
    position = torch.arange(32, dtype=torch.float64) / 32
    strength = []
    for label in range(2 * NUM_ORIENTATIONS):
        angle = math.pi * (label % NUM_ORIENTATIONS) / NUM_ORIENTATIONS
        radius = radii[label // NUM_ORIENTATIONS]
        across = radius * math.cos(angle) * position[None, :] + radius * math.sin(angle) * position[:, None]
        wave = torch.exp(2j * torch.pi * across)
        strength.append((gray * wave).sum(dim=(1, 2)).abs())
    return torch.stack(strength, dim=1).argmax(dim=1)


def accuracy(images: ImageSet, radii: tuple[float, float]) -> float:
    return float((guess(images, radii) == images.label_N).double().mean())


def test_shape_and_labels() -> None:
    images = load()
    assert images.images_NCHW.shape == (200, 3, 32, 32)
    assert images.images_NCHW.dtype == torch.uint8
    assert torch.bincount(images.label_N).tolist() == [20] * 10
    assert images.index_N.tolist() == list(range(200))
    assert images.class_names == tuple(f"class{i}" for i in range(10))


def test_same_settings_same_bytes() -> None:
    assert load().fingerprint() == load().fingerprint()


@pytest.mark.parametrize("changes", [{"seed": 1}, {"low_cue": 0.9}, {"high_cue": 0.9}, {"test_size": 201}])
def test_other_settings_other_bytes(changes: dict[str, object]) -> None:
    assert load(**changes).fingerprint() != load().fingerprint()


def test_train_and_test_share_no_picture() -> None:
    train, test = load("train"), load("test")
    seen = {bytes(i.flatten().tolist()) for i in train.images_NCHW}
    assert not seen & {bytes(i.flatten().tolist()) for i in test.images_NCHW}
    # Nor does a test set repeat the training set of another seed.
    assert load("train", seed=1).fingerprint() != test.fingerprint()


def test_each_cue_alone_tells_the_class() -> None:
    images = load()
    assert accuracy(images, HIGH_RADII) > 0.97
    assert accuracy(images, LOW_RADII) > 0.75  # below the background's own low frequencies


@pytest.mark.parametrize(
    ("cue", "radii", "other"), [("low_cue", LOW_RADII, HIGH_RADII), ("high_cue", HIGH_RADII, LOW_RADII)]
)
def test_removing_a_cue_removes_its_signal_and_no_other(
    cue: str, radii: tuple[float, float], other: tuple[float, float]
) -> None:
    images = load(**{cue: 0.0})
    assert accuracy(images, radii) < 0.2
    assert accuracy(images, other) == pytest.approx(accuracy(load(), other), abs=0.05)


def test_background_falls_as_one_over_f() -> None:
    images = load(low_cue=0.0, high_cue=0.0).images_NCHW.double() / 255
    power = torch.fft.fft2(images - images.mean(dim=(2, 3), keepdim=True)).abs().square().mean(dim=(0, 1))
    # Power 1/f^2: four times as far is sixteen times weaker; 8-bit rounding adds less than a percent.
    assert float(power[0, 2] / power[0, 8]) == pytest.approx(16, rel=0.15)
    assert float(power[3, 0] / power[12, 0]) == pytest.approx(16, rel=0.15)


def test_title_names_changed_cues() -> None:
    assert load().title == "dualband"
    assert load(low_cue=0.0, high_cue=0.5).title == "dualband, low cue x 0, high cue x 0.5"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train_size": 9}, "data.train_size=9"),
        ({"test_size": 0}, "data.test_size=0"),
        ({"low_cue": -0.1}, "data.low_cue=-0.1"),
        ({"high_cue": 3.1}, "data.high_cue=3.1"),
        ({"low_cue": math.nan}, "data.low_cue=nan"),
        ({"seed": -1}, "data.seed=-1"),
    ],
)
def test_refuses(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DualbandConfig(**settings)  # type: ignore[arg-type]
