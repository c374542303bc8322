"""The reversal frequency of models whose crossing is known on paper."""

import copy
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import fsens_cli.experiments.hybrid_probe as module
from fsens_cli.data.images import ImageSet
from fsens_cli.errors import ConfigError, DataError, ModelError
from fsens_cli.experiments.hybrid_curve import HybridResult, example_pair
from fsens_cli.experiments.hybrid_probe import hybrid_probe
from fsens_cli.experiments.hybrid_settings import PUBLISHED_GRID, HybridConfig
from fsens_cli.fourier.bins import radius_grid


class Reads(nn.Module):
    """A classifier given by a function of [0, 1] images."""

    def __init__(self, logits: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, images: Tensor) -> Tensor:
        return self.logits(images)


def ring_power(radius: float) -> Callable[[Tensor], Tensor]:
    """Logits: power across, power down, at exactly ``radius`` cycles per pixel; a third class never wins."""

    def logits(images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        power = torch.fft.fft2(images.mean(dim=1)).abs().square()
        across, down = power[:, 0, round(radius * width)], power[:, round(radius * height), 0]
        return torch.stack([across, down, torch.full_like(down, -1.0)], dim=1)

    return logits


def gratings(num: int, height: int, width: int, radius: float, channels: int = 3) -> tuple[Tensor, Tensor]:
    """Return images whose class is the direction of a wave of ``radius`` cycles per pixel, with random phase."""
    generator = torch.Generator().manual_seed(0)
    label = torch.arange(num) % 2
    phase = 6.28 * torch.rand(num, 1, 1, generator=generator)
    y, x = torch.arange(height)[:, None], torch.arange(width)[None, :]
    along = torch.where(label[:, None, None] == 0, x, y)
    wave = 0.5 + 0.2 * torch.cos(2 * math.pi * radius * along + phase)
    return wave[:, None].expand(-1, channels, -1, -1).contiguous(), label


@pytest.mark.parametrize(
    ("height", "width", "cycles"), [(32, 32, 3), (32, 32, 8), (32, 32, 13), (33, 33, 5), (20, 20, 4)]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_crossing_is_found_at_the_only_frequency_that_is_read(
    height: int, width: int, cycles: int, channels: int
) -> None:
    radius = cycles / height
    images, label = gratings(12, height, width, radius, channels)
    step = 0.5 / height  # half a cycle per image on both sides, in Nyquist units
    grid = [0.0, 2 * radius - step, 2 * radius + step, 1.0]
    result = hybrid_probe(Reads(ring_power(radius)), images, label, HybridConfig(grid=grid, pairings=2))
    assert result.difference.mean_K.tolist() == [-1, -1, 1, 1]
    assert result.f_rev.nyquist == pytest.approx(2 * radius, abs=1e-9)
    assert result.cycles_per_image_K[1].item() == pytest.approx(cycles - 0.25)
    # Twelve images that all agree leave room for others, between the two frequencies around the crossing.
    assert grid[1] < result.f_rev.low < result.f_rev.nyquist < result.f_rev.high < grid[2]
    assert result.accuracy.value == 1.0


def test_crossing_on_an_oblong_image() -> None:
    images, label = gratings(12, 20, 40, 0.25)
    config = HybridConfig(grid=[0, 0.45, 0.55, 1], pairings=1)
    result = hybrid_probe(Reads(ring_power(0.25)), images, label, config)
    assert result.f_rev.nyquist == pytest.approx(0.5)
    assert result.cycles_per_image_K.tolist() == pytest.approx([0, 4.5, 5.5, 10])


def below_only(templates: Tensor, cutoff: float) -> Callable[[Tensor], Tensor]:
    """Logits: correlation with each class's template, frequencies above ``cutoff`` (cycles per pixel) unread."""
    mask = (radius_grid(*templates.shape[-2:], half=True) <= cutoff).float()
    mask[0, 0] = 0
    reference = torch.fft.irfft2(torch.fft.rfft2(templates) * mask, s=templates.shape[-2:]).flatten(1)
    return lambda images: (images - 0.5).flatten(1) @ reference.T


@pytest.mark.parametrize("cutoff", [0.12, 0.2, 0.3])
def test_crossing_of_a_model_that_reads_all_frequencies_below_a_cutoff(cutoff: float) -> None:
    # Half of what white templates have below the cutoff lies below cutoff / sqrt(2): there the low image takes over.
    generator = torch.Generator().manual_seed(0)
    templates = torch.randn(10, 1, 32, 32, generator=generator)
    label = torch.arange(60) % 10
    images = 0.5 + 0.1 * templates[label] + 0.03 * torch.randn(60, 1, 32, 32, generator=generator)
    config = HybridConfig(num=41, pairings=3, clip=False)
    result = hybrid_probe(Reads(below_only(templates, cutoff)), images, label, config)
    assert result.f_rev.nyquist / 2 == pytest.approx(cutoff / math.sqrt(2), abs=0.012)
    assert result.f_rev.low <= result.f_rev.nyquist <= result.f_rev.high
    beyond = result.cycles_per_pixel_K >= cutoff
    assert bool((result.p_low.mean_K[beyond] == 1).all())
    assert bool((result.p_high.mean_K[beyond] == 0).all())


def test_no_crossing_is_said_and_not_clamped() -> None:
    label = torch.arange(20) % 2
    flat = (0.3 + 0.4 * label.float())[:, None, None, None].expand(-1, 3, 16, 16)

    def brightness(images: Tensor) -> Tensor:
        return torch.stack([0.5 - images.mean(dim=(1, 2, 3)), images.mean(dim=(1, 2, 3)) - 0.5], dim=1)

    result = hybrid_probe(Reads(brightness), flat, label)
    assert (result.f_rev.status, result.f_rev.nyquist) == ("no crossing below", -math.inf)
    # A checkerboard is the corner of the plane, which the published grid leaves to the high image.
    corner = (-1.0) ** (torch.arange(16)[:, None] + torch.arange(16))
    checkered = 0.5 + 0.2 * (2 * label.float() - 1)[:, None, None, None] * corner

    def parity(images: Tensor) -> Tensor:
        return torch.stack([-(images * corner).mean(dim=(1, 2, 3)), (images * corner).mean(dim=(1, 2, 3))], dim=1)

    result = hybrid_probe(Reads(parity), checkered, label)
    assert (result.f_rev.status, result.f_rev.nyquist) == ("no crossing above", math.inf)
    to_the_corner = HybridConfig(grid=[0, 1, 1.4143])
    assert hybrid_probe(Reads(parity), checkered, label, to_the_corner).f_rev.status == "crossing"


def image_set(num: int = 40, size: tuple[int, int] = (12, 13), channels: int = 3) -> ImageSet:
    generator = torch.Generator().manual_seed(0)
    return ImageSet(
        images_NCHW=torch.randint(256, (num, channels, *size), generator=generator).to(torch.uint8),
        label_N=torch.arange(num) % 4,
        index_N=torch.arange(num) + 100,
        class_names=("a", "b", "c", "d"),
        title="noise",
        split="test",
    )


def small_net(channels: int = 3) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(channels, 8, 3),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.BatchNorm1d(32, momentum=1.0),
            nn.Dropout(0.5),
            nn.Linear(32, 4),
        )
        net(torch.rand(64, channels, 12, 13))  # fills the running statistics, so that all classes occur
        return net.eval()


def answers(result: HybridResult) -> list[list[list[int]]]:
    return result.answers.prediction_PNK.tolist()


def test_shares_add_up_and_intervals_hold_them() -> None:
    result = hybrid_probe(small_net(), image_set(), config=HybridConfig(pairings=2))
    total = result.p_low.mean_K + result.p_high.mean_K + result.neither.mean_K
    torch.testing.assert_close(total, torch.ones_like(total))
    torch.testing.assert_close(result.difference.mean_K, result.p_low.mean_K - result.p_high.mean_K)
    for curve in (result.p_low, result.p_high, result.neither, result.confidence):
        assert bool(((curve.low_K >= 0) & (curve.low_K <= curve.mean_K)).all())
        assert bool(((curve.mean_K <= curve.high_K) & (curve.high_K <= 1)).all())
    assert bool((result.difference.low_K <= result.difference.high_K).all())
    assert (result.num_images, result.num_pairs, result.num_classes) == (40, 80, 4)


def test_defaults_are_the_published_definition_with_fewer_pairings() -> None:
    config = HybridConfig()
    assert tuple(config.frequencies()) == PUBLISHED_GRID
    assert (config.pairings, config.mask, config.clip, config.pairs) == (2, "sharp", True, "all")
    assert config.num_hybrids(1000) == 26_000
    assert HybridConfig(num=3).frequencies() == [0.0, 0.5, 1.0]


def test_every_hybrid_is_the_one_of_its_pair() -> None:
    """The batched loop against hybrids made one by one with numpy."""
    import numpy as np

    images, net = image_set(10), small_net()
    config = HybridConfig(grid=[0.1, 0.5], pairings=2, batch_size=7)
    result = hybrid_probe(net, images, config=config)
    unit = images.images_NCHW.numpy() / 255.0
    f_y, f_x = np.fft.fftfreq(12)[:, None], np.fft.fftfreq(13)[None, :]
    for p in range(2):
        for n in range(10):
            for k, mixing in enumerate(config.grid):
                mask = np.sqrt(f_y**2 + f_x**2) <= 0.5 * mixing
                other = unit[int(result.answers.partner_PN[p, n])]
                hybrid = np.fft.ifft2(np.fft.fft2(unit[n]) * mask + np.fft.fft2(other) * ~mask).real.clip(0, 1)
                with torch.no_grad():
                    probability = net(torch.from_numpy(hybrid)[None].float()).softmax(dim=1)[0]
                assert int(result.answers.prediction_PNK[p, n, k]) == int(probability.argmax())
                assert float(result.answers.confidence_PNK[p, n, k]) == pytest.approx(
                    float(probability.max()), abs=1e-5
                )


def test_results_repeat_and_do_not_depend_on_batches_or_on_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    images, net = image_set(), small_net()
    first = hybrid_probe(net, images, config=HybridConfig(pairings=2))
    again = hybrid_probe(net, images, config=HybridConfig(pairings=2))
    assert answers(first) == answers(again)
    assert first.f_rev == again.f_rev
    assert torch.equal(first.answers.confidence_PNK, again.answers.confidence_PNK)
    small_batches = hybrid_probe(net, images, config=HybridConfig(pairings=2, batch_size=9))
    assert answers(first) == answers(small_batches)
    monkeypatch.setattr(module, "KEPT_BYTES", 0)
    assert answers(first) == answers(hybrid_probe(net, images, config=HybridConfig(pairings=2)))
    assert answers(first) != answers(hybrid_probe(net, images, config=HybridConfig(pairings=2, seed=1)))


def test_tensors_and_image_sets_give_the_same() -> None:
    images, net = image_set(), small_net()
    of_set = hybrid_probe(net, images, config=HybridConfig(pairings=1))
    of_tensor = hybrid_probe(net, images.images_NCHW.float() / 255, images.label_N, HybridConfig(pairings=1))
    assert answers(of_set) == answers(of_tensor)
    assert of_set.answers.index_N.tolist() == list(range(100, 140))


def test_gray_odd_and_double_precision_images() -> None:
    images = image_set(12, (9, 15), channels=1)
    assert hybrid_probe(small_net(1), images).image_size == (9, 15)
    unit = images.images_NCHW.double() / 255
    hybrid_probe(small_net(1).double(), unit, images.label_N, HybridConfig(pairings=1))


def test_the_callers_objects_are_left_as_they_were() -> None:
    net, images = small_net().train(), image_set()
    net[0].weight.requires_grad_(False)
    before, pixels = copy.deepcopy(net.state_dict()), images.images_NCHW.clone()
    state = torch.random.get_rng_state()
    hybrid_probe(net, images, config=HybridConfig(pairings=1))
    assert all(child.training for child in net.modules())
    assert [p.requires_grad for p in net.parameters()] == [False, True, True, True, True, True]
    assert all(p.grad is None for p in net.parameters())
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert torch.equal(pixels, images.images_NCHW)
    assert torch.equal(state, torch.random.get_rng_state())
    unit = pixels.float() / 255
    kept = unit.clone()
    hybrid_probe(net, unit, images.label_N, HybridConfig(pairings=1))
    assert torch.equal(kept, unit)


def test_both_correct_counts_only_pairs_of_recognised_images() -> None:
    images, net = image_set(), small_net()
    every = hybrid_probe(net, images, config=HybridConfig(pairings=2))
    chosen = hybrid_probe(net, images, config=HybridConfig(pairings=2, pairs="both_correct"))
    assert answers(every) == answers(chosen)
    correct = chosen.answers.is_correct_N
    expected = correct.expand(2, -1) & correct[chosen.answers.partner_PN]
    assert chosen.num_pairs == int(expected.sum())
    says_low = chosen.answers.prediction_PNK == chosen.answers.label_N[None, :, None]
    torch.testing.assert_close(chosen.p_low.mean_K, says_low[expected].double().mean(dim=0))
    never = Reads(lambda x: torch.eye(5)[torch.full((len(x),), 4)])
    with pytest.raises(DataError, match="leaves no pair: 0 of 40"):
        hybrid_probe(never, images, config=HybridConfig(pairs="both_correct"))


def test_clipping_can_be_left_out() -> None:
    seen: list[tuple[float, float]] = []

    def look(images: Tensor) -> Tensor:
        seen.append((float(images.min()), float(images.max())))
        return images.flatten(1)[:, :4]

    hybrid_probe(Reads(look), image_set(), config=HybridConfig(pairings=1))
    assert min(low for low, _ in seen) >= 0
    assert max(high for _, high in seen) <= 1
    seen.clear()
    hybrid_probe(Reads(look), image_set(), config=HybridConfig(pairings=1, clip=False))
    assert min(low for low, _ in seen) < 0


def test_progress_ends_at_the_number_of_hybrids() -> None:
    done: list[int] = []
    config = HybridConfig(pairings=3, batch_size=50, grid=[0, 0.5])
    hybrid_probe(small_net(), image_set(), config=config, on_progress=done.append)
    assert done == [100, 200, 240]
    assert done[-1] == config.num_hybrids(40)


def test_the_example_changes_sides_once_at_the_crossing() -> None:
    images, label = gratings(12, 32, 32, 4 / 32)
    result = hybrid_probe(Reads(ring_power(4 / 32)), images, label, HybridConfig(num=11, pairings=2))
    pairing, row = example_pair(result)
    says_low = result.answers.prediction_PNK[pairing, row] == label[row]
    assert says_low.tolist() == [a >= 0.25 for a in result.frequency_K.tolist()]


BAD_CONFIGS = [
    ({"grid": [0.5]}, "at least two"),
    ({"grid": [0.5, 0.2]}, "ascending"),
    ({"grid": [0.0, 1.5]}, "between 0 and 1.414"),
    ({"grid": [-0.1, 1.0]}, "between 0 and 1.414"),
    ({"grid": [0.0, math.nan]}, "ascending"),
    ({"num": 1}, "2 to 1000"),
    ({"num": 5, "grid": [0.0, 1.0]}, "give one of them"),
    ({"pairings": 0}, "between 1 and 1000"),
    ({"mask": "box"}, "sharp, gaussian, butterworth"),
    ({"order": 0}, "between 1 and 32"),
    ({"pairs": "some"}, "all, both_correct"),
    ({"batch_size": 0}, "at least 1"),
    ({"seed": -1}, "seed=-1"),
]


@pytest.mark.parametrize(("options", "message"), BAD_CONFIGS, ids=[str(o) for o, _ in BAD_CONFIGS])
def test_bad_settings_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        HybridConfig(**options)  # type: ignore[arg-type]


def test_bad_images_are_refused() -> None:
    net, images, label = small_net(), torch.rand(8, 3, 12, 12), torch.arange(8) % 4
    with pytest.raises(DataError, match="labels are missing"):
        hybrid_probe(net, images)
    with pytest.raises(DataError, match="has its own labels"):
        hybrid_probe(net, image_set(), label)
    with pytest.raises(DataError, match="floating point"):
        hybrid_probe(net, images[0], label)
    with pytest.raises(DataError, match="as many labels"):
        hybrid_probe(net, images, label[:3])
    with pytest.raises(DataError, match="divide by 255"):
        hybrid_probe(net, 255 * images, label)
    with pytest.raises(DataError, match=r"0\.\.3 for this model, got 6"):
        hybrid_probe(net, images, torch.arange(8) % 4 + 3)
    with pytest.raises(DataError, match="must not be negative"):
        hybrid_probe(net, images, label - 1)
    with pytest.raises(DataError, match="more than half"):
        hybrid_probe(net, images, torch.tensor([0, 0, 0, 0, 0, 1, 2, 3]))
    with pytest.raises(DataError, match="two images"):
        hybrid_probe(net, images[:0], label[:0])


def test_a_model_that_overflows_on_images_is_named() -> None:
    with pytest.raises(ModelError, match="image 0 is not a number"):
        hybrid_probe(Reads(lambda x: x.flatten(1)[:, :4] / 0 * 0), image_set())


def test_a_model_that_overflows_on_hybrids_is_named() -> None:
    def on_the_grid_alone(x: Tensor) -> Tensor:
        logits = x.flatten(1)[:, :4]
        on_grid = (255 * x - (255 * x).round()).abs().amax(dim=(1, 2, 3)) < 1e-3
        return torch.where(on_grid[:, None], logits, logits / 0 * 0)

    with pytest.raises(ModelError, match=r"pair 0 at 0\.\d\d Nyquist is not a number"):
        hybrid_probe(Reads(on_the_grid_alone), image_set())


def test_a_model_that_guesses_believes_nobody() -> None:
    images, label = gratings(12, 32, 32, 8 / 32)
    swapped = torch.where(torch.arange(12) < 6, label, 1 - label)  # half of the answers are wrong
    result = hybrid_probe(Reads(ring_power(8 / 32)), images, swapped, HybridConfig(pairings=1))
    assert math.isnan(result.f_rev.nyquist)
    assert result.f_rev.status == "not told from chance"


def test_more_hybrids_than_the_machine_remembers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    images, label = gratings(12, 8, 8, 0.25)
    monkeypatch.setattr("fsens_cli.memory.machine_memory", lambda: 10**6)
    settings = HybridConfig(num=100, pairings=999)
    with pytest.raises(DataError, match=r"^the answers to 1,198,800 hybrids take 48\.0 MB, and this machine has 1"):
        hybrid_probe(Reads(ring_power(0.25)), images, label, settings)
