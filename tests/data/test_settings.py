"""What every data set can be told: a size, a subset; and what is known of it before it is loaded."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms._presets import ImageClassification

from fsens_cli.data.catalog import CATALOG, load_images, own_name, peek_classes, peek_size
from fsens_cli.data.dualband import DualbandConfig
from fsens_cli.data.geometry import Geometry
from fsens_cli.data.images import resized, sampled_rows, stratified_rows
from fsens_cli.data.wanted import Wanted
from fsens_cli.errors import ConfigError, DataError


def settings_of(name: str) -> dict[str, str]:
    if name == "hf-data":
        return {"repo": "owner/name"}
    return {"root": "somewhere"} if name in ("folder", "imagenet", "arrays") else {}


@pytest.mark.parametrize("name", CATALOG)
def test_size_and_subset_are_checked_for_every_data_set(name: str) -> None:
    with pytest.raises(ConfigError, match=r"data\.size=\[32, 32, 3\]: give \[HEIGHT,WIDTH\] in pixels"):
        CATALOG[name].config(**settings_of(name), size=[32, 32, 3])
    assert peek_size(CATALOG[name].config(**settings_of(name), size=[32]), "test") == (32, 32)
    with pytest.raises(ConfigError, match=r"data\.subset=-1: give a number of images"):
        CATALOG[name].config(**settings_of(name), subset=-1)
    assert peek_size(CATALOG[name].config(**settings_of(name), size=[40, 50]), "test") == (40, 50)


@pytest.mark.parametrize(
    ("name", "settings", "called"),
    [
        ("folder", {"root": "my.pics"}, "my.pics"),
        ("folder", {"root": "x", "title": "Birds"}, "Birds"),
        ("arrays", {"root": "images.npz"}, "images"),
        ("hf-data", {"repo": "owner/pets@main"}, "pets"),
        ("imagenet", {"root": "x"}, ""),
        ("dualband", {}, ""),
    ],
)
def test_what_the_users_own_data_are_called(
    name: str, settings: dict[str, str], called: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("images.npz").touch()
    assert own_name(CATALOG[name].config(**settings)) == called


def test_what_is_said_before_loading_is_what_is_loaded() -> None:
    images = load_images(DualbandConfig(test_size=20), "test")
    assert tuple(images.images_NCHW.shape[-2:]) == peek_size(DualbandConfig(), "test")
    assert images.num_classes == peek_classes(DualbandConfig(), "test", imagenet=False)


def test_a_subset_is_stratified_and_seeded() -> None:
    config = DualbandConfig(test_size=200, subset=50)
    images = load_images(config, "test")
    assert torch.bincount(images.label_N).tolist() == [5] * 10
    whole = load_images(DualbandConfig(test_size=200), "test")
    assert torch.equal(images.images_NCHW, whole.images_NCHW[images.index_N])
    assert torch.equal(images.index_N, load_images(config, "test").index_N)
    other = load_images(DualbandConfig(test_size=200, subset=50, subset_seed=1), "test")
    assert not torch.equal(images.index_N, other.index_N)
    assert len(load_images(DualbandConfig(test_size=20, subset=50), "test")) == 20


def test_a_job_draws_from_the_subset() -> None:
    config = DualbandConfig(test_size=200, subset=50)
    subset = load_images(config, "test")
    drawn = load_images(config, "test", Wanted(num_images=20, seed=3))
    assert torch.equal(drawn.index_N, subset.sample(20, 3).index_N)


@pytest.mark.parametrize("count", [1, 2, 7, 9, 10, 99])
def test_shares_of_classes_differ_from_proportion_by_less_than_one(count: int) -> None:
    labels = torch.tensor([0] * 50 + [1] * 30 + [2] * 20)[
        torch.randperm(100, generator=torch.Generator().manual_seed(0))
    ]
    rows = stratified_rows(labels, count, seed=0)
    assert len(rows) == len(rows.unique()) == count
    assert torch.equal(rows, rows.sort().values)
    per_class = torch.bincount(labels[rows], minlength=3).double()
    assert ((per_class - torch.tensor([0.5, 0.3, 0.2]) * count).abs() < 1).all()


def test_rows_are_drawn_without_replacement() -> None:
    rows = sampled_rows(100, 30, seed=1)
    assert len(rows.unique()) == 30
    assert torch.equal(rows, rows.sort().values)
    assert sampled_rows(5, 30, seed=1).tolist() == [0, 1, 2, 3, 4]


def test_enlarged_images_keep_their_frequencies_per_image() -> None:
    small = load_images(DualbandConfig(test_size=10), "test").images_NCHW
    large = load_images(DualbandConfig(test_size=10, size=[64, 64]), "test").images_NCHW
    assert large.shape == (10, 3, 64, 64)
    few = [torch.fft.rfft2(i.double(), norm="forward")[..., :5, :5].abs() for i in (small, large)]
    torch.testing.assert_close(few[0], few[1], rtol=0.05, atol=0.3)


@pytest.mark.parametrize(("height", "width"), [(20, 30), (30, 20), (8, 8), (64, 48)])
def test_resizing_covers_and_crops_the_middle(height: int, width: int) -> None:
    images = torch.randint(0, 256, (3, 3, 16, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    got = resized(images, height, width)
    assert got.shape == (3, 3, height, width)
    scale = max(height / 16, width / 24)
    covering = [max(height, round(16 * scale)), max(width, round(24 * scale))]
    expected = v2.functional.center_crop(
        v2.functional.resize(images.float(), covering, interpolation=v2.InterpolationMode.BICUBIC, antialias=True),
        [height, width],
    )
    assert torch.equal(got, expected.round().clamp(0, 255).to(torch.uint8))


@pytest.mark.parametrize("size", [(300, 400), (401, 290), (224, 224), (50, 333)])
def test_native_preprocessing_is_torchvision_s_to_the_byte(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    geometry = Geometry(height=224, width=224, shorter=232, interpolation="bilinear")
    preset = ImageClassification(crop_size=224, resize_size=232, mean=(0.0,) * 3, std=(1.0,) * 3)
    expected = preset(picture).mul(255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(np.asarray(geometry.of_picture(picture)), expected)


def test_an_unknown_interpolation() -> None:
    with pytest.raises(ConfigError, match="interpolation=cubist is not known"):
        Geometry(height=1, width=1, interpolation="cubist")


def test_what_would_not_fit_into_the_machine_is_refused_with_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fsens_cli.memory.machine_memory", lambda: 2_000_000_000)
    with pytest.raises(DataError, match=r"100 images of 4096x4096 pixels take 5\.0 GB, and this machine has 2\.0 GB"):
        load_images(DualbandConfig(test_size=100, size=[4096, 4096]), "test")
    with pytest.raises(DataError, match=r"1,000,000,000 generated images take .* give a smaller data\.test_size"):
        load_images(DualbandConfig(test_size=10**9), "test")
