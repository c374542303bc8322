"""Critical-band masking: observers with thresholds known on paper, the search, censoring, and what has no threshold."""

import math
from collections.abc import Callable

import pytest
import torch
from observers import Matcher, detectability, pictures_of, templates
from torch import Tensor, nn

from fsens_cli.errors import ConfigError, DataError
from fsens_cli.experiments.critical_band import critical_band
from fsens_cli.experiments.critical_band_ladder import next_step
from fsens_cli.experiments.critical_band_result import MaskedAnswers, summarise
from fsens_cli.experiments.critical_band_settings import CriticalBandConfig, Ladder
from fsens_cli.fourier.bands import Band
from fsens_cli.fourier.bins import RadialBins, fourier_bins, hermitian_weight, radius_grid
from fsens_cli.fourier.octaves import BandSet, band_cells, bands_of, octave_bands
from fsens_cli.perturb.band_noise import band_noise
from fsens_cli.statistics.thresholds import threshold

OCTAVES = bands_of((32, 32), "octave")


def cells_of(bands: BandSet) -> Tensor:
    return torch.stack([band_cells(bands.bins, band) for band in bands.bands])


def published_bands() -> BandSet:
    """Octaves of exact radii from 1.5, 3, 6 and 12 cycles/image: 16, 84, 328 and 587 cells."""
    radius_HF = 32 * radius_grid(32, 32, half=True)
    index_HF = torch.bucketize(radius_HF, torch.tensor([1.5, 3.0, 6.0, 12.0], dtype=torch.float64) - 1e-9) + 1
    index_HF[0, 0] = 0
    bins = RadialBins(
        index_HF=index_HF,
        weight_HF=hermitian_weight(32, 32),
        cycles_per_image_K=torch.arange(6, dtype=torch.float64),
        image_size=(32, 32),
    )
    return BandSet(bins, tuple(Band(str(k), k, k) for k in range(2, 6)))


def simulated(bands: BandSet, model: nn.Module, plane_KHW: Tensor, num_images: int = 2500) -> list[float]:
    """Return thresholds at 50 % from a fine ladder, one field of noise an image."""
    label_N = torch.arange(num_images) % len(plane_KHW)
    image_N1HW = plane_KHW[label_N][:, None].float() + 128 / 255
    noise_NBHW = band_noise(bands, index_N=torch.arange(num_images), seed=1)
    log_L = torch.arange(-1.0, 4.5, 0.5)
    found = []
    for b in range(len(bands.bands)):
        right = [model(image_N1HW + 2.0**x * noise_NBHW[:, [b]]).argmax(dim=1) == label_N for x in log_L]
        accuracy = torch.stack(right, dim=1).double().mean(dim=0)[None]
        found.append(2 ** float(threshold(log_L, accuracy, torch.ones(1), torch.tensor([0.5]))[0]))
    return found


@pytest.mark.parametrize("count", [99, 100_001, 10**9])
def test_resamples_have_a_range(count: int) -> None:
    with pytest.raises(ConfigError, match=rf"^num_resamples={count} must lie between 100 and 100,000\.$"):
        CriticalBandConfig(num_resamples=count)


def test_more_resamples_than_the_machine_remembers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fsens_cli.memory.machine_memory", lambda: 10**7)
    plane = torch.zeros(2, 32, 32)
    with pytest.raises(DataError, match=r"^100,000 resamples of 20 images take 48\.0 MB, and this machine has 10"):
        critical_band(Matcher(plane), pictures_of(plane, 2.5, 20), CriticalBandConfig(num_resamples=100_000))


@pytest.mark.parametrize(("num_classes", "accuracy", "d"), [(10, 0.5, 1.4748), (16, 0.5, 1.7263), (10, 0.55, 1.6210)])
def test_detectability_of_the_observers(num_classes: int, accuracy: float, d: float) -> None:
    assert detectability(num_classes, accuracy) == pytest.approx(d, abs=1e-4)


def test_one_band_reader_by_the_published_example() -> None:
    bands = published_bands()
    assert bands.cells == (16, 84, 328, 587)
    read = 4 * templates(cells_of(bands), [0, 0, 1, 0], 10)
    others_and_own = simulated(bands, Matcher(read / 4), read)
    predicted = 4 / detectability(10, 0.5) * math.sqrt(328 / 1024)
    assert predicted == pytest.approx(1.5350, abs=1e-4)
    assert others_and_own[2] == pytest.approx(predicted, rel=0.06)
    assert [others_and_own[b] for b in (0, 1, 3)] == [math.inf] * 3


def test_four_shares_by_the_published_example() -> None:
    bands = published_bands()
    shares = [0.1, 0.5, 0.3, 0.1]
    plane = 4 * templates(cells_of(bands), shares, 10)
    found = simulated(bands, Matcher(plane / 4), plane)
    assert found == pytest.approx([1.0721, 1.0986, 2.8025, 6.4936], rel=0.07)
    # Tiling: the energy gains of all bands add up to (d / A)^2.
    energy = sum(density / sigma**2 for density, sigma in zip(bands.density, found, strict=True))
    assert (4 / detectability(10, 0.5)) ** 2 * energy == pytest.approx(1, abs=0.08)


def test_two_classes_and_the_union_of_bands() -> None:
    bands = published_bands()
    weight = templates(cells_of(bands), [0.2, 0.4, 0.3, 0.1], 1)
    plane = 2 * torch.cat([weight, -weight])
    model = Matcher(torch.cat([weight, -weight]))
    # Both logits move by equal amounts: half the difference is 2, its standard deviation that of <w, noise>.
    found = simulated(BandSet(bands.bins, bands.bands), model, plane, num_images=1500)
    noise_NBHW = band_noise(bands, index_N=torch.arange(2000), seed=3)
    spread_B = torch.einsum("nbhw,hw->nb", noise_NBHW.double(), weight[0]).std(dim=0)
    expected = [math.sqrt(1024 * share / cells) for share, cells in zip([0.2, 0.4, 0.3, 0.1], bands.cells, strict=True)]
    assert spread_B.tolist() == pytest.approx(expected, rel=0.06)
    assert found == [math.inf] * 4  # chance is the criterion: accuracy only falls towards it
    union = BandSet(bands.bins, (Band("2-3", 2, 3),))
    both = torch.einsum("nbhw,hw->nb", band_noise(union, index_N=torch.arange(2000), seed=3).double(), weight[0]).std()
    rule = sum(c * e**2 for c, e in zip(bands.cells[:2], expected[:2], strict=True)) / sum(bands.cells[:2])
    assert float(both) == pytest.approx(math.sqrt(rule), rel=0.06)


@pytest.mark.parametrize("rms", ["expected", "exact"])
def test_noise_has_one_strength_and_stays_in_its_band(rms: str) -> None:
    bands = bands_of((32, 48))
    noise = band_noise(bands, index_N=torch.arange(300), seed=0, rms=rms)
    power = noise.square().mean(dim=(-2, -1))
    torch.testing.assert_close(power.mean(dim=0), torch.ones(len(bands.bands)), rtol=0.07, atol=0)
    assert float(power.std(dim=0).max() if rms == "exact" else 0) < 1e-5
    transform = torch.fft.rfft2(noise).abs()
    for b, band in enumerate(bands.bands):
        outside = transform[:, b][:, ~band_cells(bands.bins, band)]
        assert float(outside.max()) < 1e-4 * float(transform[:, b].max())
    # The field of an image is its own, and that of one band does not depend on which others are asked for.
    few = band_noise(BandSet(bands.bins, bands.bands[2:3]), index_N=torch.tensor([7, 3]), seed=0, rms=rms)
    torch.testing.assert_close(few[:, 0], noise[[7, 3], 2])


def test_thresholds_of_a_whole_measurement() -> None:
    # 8 cells of the first band are too few for ten orthogonal templates.
    shares = [0.0, 0.2, 0.5, 0.2, 0.1]
    plane = templates(cells_of(OCTAVES)[1:], shares[1:], 10)
    config = CriticalBandConfig(spacing="octave", num_resamples=200, lowest=0.02)
    seen: list[int] = []
    result = critical_band(Matcher(plane), pictures_of(plane, 2.5, 2000), config, on_progress=seen.append)
    assert result.accuracy.value == 1
    assert [c.criterion for c in result.channels] == ["half", "absolute"]
    for channel, level in zip(result.channels, (0.55, 0.5), strict=True):
        assert channel.level == pytest.approx(level)
        d = detectability(10, level)
        for row, share in list(zip(channel.bands, shares, strict=True))[1:]:
            expected = 2.5 / d * math.sqrt(row.cells / (1024 * share))
            assert row.sigma.low * 0.95 < expected < row.sigma.high * 1.05
            assert row.sigma.value == pytest.approx(expected, rel=0.08)
            assert row.sensitivity.value == pytest.approx(1 / row.sigma.value)
            assert row.energy.value == pytest.approx(row.cells / 1024 / row.sigma.value**2)
            assert row.censored == ""
        assert channel.bands[0].censored == ">"
    assert seen[-1] == result.answers.num_forwards
    assert result.answers.num_forwards <= 2000 * (1 + 7 * 5)
    # The strength at which every band was asked first.
    assert [row.value for row in result.fixed_rows] == pytest.approx(
        [float(c[result.config.ladder.middle].double().mean()) for c in result.answers.correct]
    )


def test_batch_size_and_order_of_images_do_not_change_results() -> None:
    plane = templates(cells_of(OCTAVES)[1:], [0.2, 0.5, 0.2, 0.1], 10)
    pictures, model = pictures_of(plane, 2.5, 300), Matcher(plane)
    settings = {"spacing": "octave", "num_resamples": 100, "lowest": 0.02}
    one = critical_band(model, pictures, CriticalBandConfig(**settings, batch_size=300))  # type: ignore[arg-type]
    turned = pictures.select(torch.arange(299, -1, -1))
    other = critical_band(model, turned, CriticalBandConfig(**settings, batch_size=7))  # type: ignore[arg-type]
    assert [b.sigma.value for b in one.channel.bands] == [b.sigma.value for b in other.channel.bands]


def test_a_model_at_chance_has_no_threshold_and_costs_one_pass() -> None:
    plane = templates(cells_of(OCTAVES)[1:], [0.2, 0.5, 0.2, 0.1], 10)
    pictures = pictures_of(plane, 2.5, 200)
    model = Matcher(plane.roll(1, dims=0))
    result = critical_band(model, pictures, CriticalBandConfig(num_resamples=100))
    assert all("not clearly above chance (10.0 %)" in c.undefined for c in result.channels)
    assert result.channel.width is None
    assert result.channel.bands == ()
    assert result.answers.num_forwards == 200
    assert result.fixed_rows == ()


def test_the_absolute_criterion_is_undefined_below_it(random: torch.Generator) -> None:
    plane = templates(cells_of(OCTAVES)[1:], [0.2, 0.5, 0.2, 0.1], 10)
    pictures = pictures_of(plane, 2.5, 400)
    wrong = torch.rand(400, generator=random) < 0.55
    labels = torch.where(wrong, (pictures.label_N + 1) % 10, pictures.label_N)
    shuffled = type(pictures)(
        images_NCHW=pictures.images_NCHW,
        label_N=labels,
        index_N=pictures.index_N,
        class_names=pictures.class_names,
        title="",
        split="test",
    )
    result = critical_band(Matcher(plane), shuffled, CriticalBandConfig(num_resamples=100, lowest=0.02))
    half, absolute = result.channels
    assert half.width is not None
    assert "not clearly above 50 %" in absolute.undefined


def test_a_model_that_noise_cannot_disturb() -> None:
    plane = templates(cells_of(OCTAVES)[1:], [0.2, 0.5, 0.2, 0.1], 10)
    config = CriticalBandConfig(num_resamples=100, levels=3, lowest=0.0001)
    result = critical_band(Matcher(plane), pictures_of(plane, 2.5, 100), config)
    assert "no noise up to 0.0004" in result.channel.undefined
    assert {b.censored for b in result.channel.bands} == {">"}


def test_thresholds_below_the_ladder_are_bounds() -> None:
    plane = templates(cells_of(OCTAVES)[1:], [0.2, 0.5, 0.2, 0.1], 10)
    config = CriticalBandConfig(num_resamples=100, levels=3, lowest=16.0, spacing="octave")
    result = critical_band(Matcher(plane), pictures_of(plane, 2.5, 200), config)
    assert [b.censored for b in result.channel.bands] == [">", "<", "<", "<", "<"]
    assert {b.sigma.value for b in result.channel.bands[1:]} == {16.0}
    assert result.channel.peak_censored
    assert any("below the smallest sigma" in w for w in result.warnings)


def test_much_out_of_range_is_said_and_published_clipping_stays_inside() -> None:
    plane = templates(cells_of(OCTAVES)[1:], [0.2, 0.5, 0.2, 0.1], 10)
    pictures = pictures_of(plane, 2.5, 100)
    assert any("leave [0, 1]" in w for w in critical_band(Matcher(plane), pictures).warnings)
    seen: list[Tensor] = []

    class Watched(Matcher):
        def forward(self, images: Tensor) -> Tensor:
            seen.append(images)
            return super().forward(images)

    for clip in ("clamp", "published"):
        seen.clear()
        critical_band(Watched(plane), pictures, CriticalBandConfig(num_resamples=100, clip=clip))
        assert min(float(s.min()) for s in seen) >= 0
        assert max(float(s.max()) for s in seen) <= 1


@pytest.mark.parametrize(("crossing", "steps"), [(0, 5), (9, 7), (17, 7), (31, 7), (100, 4), (-5, 4)])
def test_the_search_finds_every_crossing_within_its_budget(crossing: int, steps: int) -> None:
    ladder = Ladder()
    known: dict[int, float] = {}
    while (step := next_step(known, 0.5, ladder)) is not None:
        assert step not in known
        known[step] = 0.9 if step <= crossing else 0.1
    assert len(known) <= min(steps, ladder.most)
    if 0 <= crossing < ladder.last:
        assert {crossing, crossing + 1} <= known.keys()


def test_the_whole_costs_at_most_sixty_forwards_an_image() -> None:
    assert 1 + Ladder().most * len(octave_bands(fourier_bins(32, 32))) <= 60


def test_coverage_of_width_and_centre() -> None:
    """Simulated observers: an image is lost at its own strength in each band; the intervals hold the true channel."""
    bands = bands_of((32, 32))
    ladder = Ladder()
    x_B = torch.tensor(bands.centres).log2()
    true_log_B = -(3.5 - 1.2 * (x_B - 2.6).square()).clamp_min(0.2)
    generator = torch.Generator().manual_seed(4)
    held_width = held_centre = 0
    num_runs, num_images = 60, 250
    config = CriticalBandConfig(num_resamples=200)

    def answers(log_BN: Tensor, known_N: Tensor, guess_BN: Tensor) -> MaskedAnswers:
        correct: list[dict[int, Tensor]] = []
        for b in range(len(x_B)):
            mine: dict[int, Tensor] = {}
            while (
                step := next_step({s: float(r.double().mean()) for s, r in mine.items()}, 0.475, ladder)
            ) is not None:
                mine[step] = (known_N & (log_BN[b] > math.log2(ladder.sigma(step)))) | guess_BN[b]
            correct.append(mine)
        return MaskedAnswers(
            index_N=torch.arange(len(known_N)),
            label_N=torch.arange(len(known_N)) % 10,
            clean_N=known_N | guess_BN[0],
            correct=tuple(correct),
            outside=tuple(dict.fromkeys(m, 0.0) for m in correct),
        )

    def observed(num: int, seed: int) -> MaskedAnswers:
        generator.manual_seed(seed)
        log_BN = true_log_B[:, None] + 1.2 * torch.randn(len(x_B), num, generator=generator)
        known_N = torch.rand(num, generator=generator) < 0.85
        return answers(log_BN, known_N, torch.rand(len(x_B), num, generator=generator) < 0.1)

    truth = summarise(observed(60_000, 1), config=CriticalBandConfig(num_resamples=100), bands=bands, num_classes=10)
    assert truth.channel.width is not None
    assert truth.channel.centre is not None
    for run_number in range(num_runs):
        found = summarise(observed(num_images, 100 + run_number), config=config, bands=bands, num_classes=10).channel
        assert found.width is not None
        assert found.centre is not None
        held_width += found.width.low <= truth.channel.width.value <= found.width.high
        held_centre += found.centre.low <= truth.channel.centre.value <= found.centre.high
    # 95 % of 60 is 57; 52 is three standard deviations below.
    assert held_width >= 52, held_width
    assert held_centre >= 52, held_centre


@pytest.mark.parametrize(
    "wrong",
    [{"spacing": "third"}, {"criterion": "best"}, {"contrast": 0.0}, {"lowest": 0.0}, {"levels": 2}, {"clip": "all"}],
)
def test_bad_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        CriticalBandConfig(**wrong)  # type: ignore[arg-type]


def test_images_that_have_no_bands(smooth: Callable[..., nn.Module]) -> None:
    plane = torch.zeros(2, 2, 2)
    with pytest.raises(ConfigError, match="no band above the smallest radius"):
        critical_band(smooth(channels=1), pictures_of(plane, 1.0, 4))
    with pytest.raises(DataError, match="no images"):
        critical_band(smooth(channels=1), pictures_of(plane, 1.0, 4).select(torch.arange(0)))
