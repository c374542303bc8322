"""Shapley importance of bands: linear models on paper, sums that are exact, and another image's bands as filling."""

import pytest
import torch
from torch import Tensor, nn

from fsens_cli.data.images import ImageSet
from fsens_cli.errors import ConfigError
from fsens_cli.experiments.band_importance import VALUES, by_class, importance
from fsens_cli.experiments.class_spectra import band_shares, class_spectra
from fsens_cli.experiments.evaluate import evaluate
from fsens_cli.experiments.evaluate_settings import EvaluateConfig, SuiteConfig
from fsens_cli.experiments.evaluation import EvaluateResult
from fsens_cli.experiments.measure import measure
from fsens_cli.fourier.octaves import bands_of, split_into_bands

NOTHING = {"corruptions": [], "filters": [], "shuffles": [], "noises": [], "attacks": []}


class Pair(nn.Module):
    def __init__(self, weight_CHW: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight_CHW)

    def forward(self, images: Tensor) -> Tensor:
        score = (images * self.weight).flatten(1).sum(dim=1)
        return torch.stack([score, -score], dim=1)


def pictures(num_images: int = 9, size: int = 16) -> ImageSet:
    generator = torch.Generator().manual_seed(2)
    return ImageSet(
        images_NCHW=torch.randint(0, 256, (num_images, 3, size, size), generator=generator, dtype=torch.uint8),
        label_N=torch.arange(num_images) % 2,
        index_N=torch.arange(num_images),
        class_names=("a", "b"),
        title="random",
        split="test",
    )


def asked(model: nn.Module, images: ImageSet, *, batch: int = 128, **suite: object) -> EvaluateResult:
    questions = SuiteConfig(**NOTHING, minimal=False, heat_map=False, bands=True, **suite)  # type: ignore[arg-type]
    return evaluate(model, images, EvaluateConfig(suite=questions, batch_size=batch))


@pytest.fixture
def weight(random: torch.Generator) -> Tensor:
    return torch.randn(3, 16, 16, generator=random) / 4


@pytest.mark.parametrize("fill", ["zero", "shuffle"])
@pytest.mark.parametrize("batch", [128, 4])
def test_margin_of_a_linear_model(weight: Tensor, fill: str, batch: int) -> None:
    images = pictures()
    found = importance(asked(Pair(weight), images, batch=batch, band_fill=fill).parts["bands"], (16, 16), "margin")
    bands = bands_of((16, 16))
    parts = split_into_bands(images.images_NCHW.double() / 255, bands)
    sign_N = 1 - 2 * images.label_N[:, None]
    own_NB = 2 * sign_N * torch.einsum("nbchw,chw->nb", parts, weight.double())
    if fill == "zero":
        torch.testing.assert_close(found.phi_NB, own_NB, rtol=1e-4, atol=1e-4)
    else:
        # Each image loses what another one has: over a balanced round the partners' parts are all parts once.
        assert not torch.allclose(found.phi_NB, own_NB, atol=1e-2)
    for row in found.rows:
        assert row.first.value == pytest.approx(row.shapley.value, abs=1e-4)
        assert row.last.value == pytest.approx(row.shapley.value, abs=1e-4)
        assert row.drawn_error == 0


@pytest.mark.parametrize("value", VALUES)
def test_values_add_up_for_every_image(value: str, smooth: object) -> None:
    assert callable(smooth)
    part = asked(smooth(), pictures()).parts["bands"]
    found = importance(part, (16, 16), value)
    value_NS = part.value_NSV[..., VALUES.index(value)]
    torch.testing.assert_close(found.phi_NB.sum(dim=1), value_NS[:, -1] - value_NS[:, 0], rtol=0, atol=1e-12)
    assert sum(row.shapley.value for row in found.rows) == pytest.approx(found.full.value - found.none.value, abs=1e-12)


def test_all_bands_are_the_image_and_none_is_its_mean(smooth: object) -> None:
    assert callable(smooth)
    model, images = smooth(), pictures()
    part = asked(model, images).parts["bands"]
    assert part.value_NSV.shape == (9, 2 ** len(bands_of((16, 16)).bands), 3)
    batch = images.images_NCHW.float() / 255
    for coalition, shown in ((-1, batch), (0, batch.mean(dim=(2, 3), keepdim=True).expand_as(batch))):
        with torch.no_grad():
            log = torch.log_softmax(model(shown), dim=1)
        expected = log.gather(1, images.label_N[:, None])[:, 0].double()
        torch.testing.assert_close(part.value_NSV[:, coalition, 0], expected, rtol=1e-4, atol=1e-5)


def test_an_or_of_two_bands_is_redundant() -> None:
    """A model that answers right where either of two waves is there."""
    x = torch.arange(16.0)
    wave_low = torch.cos(2 * torch.pi * x / 16).expand(16, 16)
    wave_high = torch.cos(2 * torch.pi * 6 * x / 16).expand(16, 16)
    picture = (128 + 50 * wave_low + 50 * wave_high).round().to(torch.uint8)
    images = ImageSet(
        images_NCHW=picture.expand(4, 1, 16, 16).contiguous(),
        label_N=torch.zeros(4, dtype=torch.int64),
        index_N=torch.arange(4),
        class_names=("there", "not"),
        title="waves",
        split="test",
    )

    class Either(nn.Module):
        def forward(self, shown: Tensor) -> Tensor:
            seen = [(shown[:, 0] * wave).mean(dim=(1, 2)) > 0.02 for wave in (wave_low, wave_high)]
            right = (seen[0] | seen[1]).float()
            return torch.stack([right, 0.5 + 0 * right], dim=1)

    found = importance(asked(Either(), images).parts["bands"], (16, 16), "accuracy")
    told = {row.band: (row.shapley.value, row.first.value, row.last.value) for row in found.rows}
    assert told["1"] == pytest.approx((0.5, 1, 0))
    assert told["6-7"] == pytest.approx((0.5, 1, 0))
    assert all(v == pytest.approx((0, 0, 0), abs=1e-12) for name, v in told.items() if name not in ("1", "6-7"))
    assert found.share_B is not None
    assert [(label, len(rows)) for label, rows in by_class(found, images.label_N)] == [(0, len(found.rows))]


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="band_fill"):
        SuiteConfig(band_fill="noise")
    with pytest.raises(ConfigError, match="band_images"):
        SuiteConfig(band_images=1)


def test_spectra_of_classes_average_to_that_of_all(smooth: object) -> None:
    assert callable(smooth)
    images = pictures(10)
    result = measure(smooth(), images.batches(4, torch.device("cpu")))
    spectra = class_spectra(result)
    assert [s.n for s in spectra] == [5, 5]
    torch.testing.assert_close(torch.stack([s.mean_K for s in spectra]).mean(dim=0), result.spectrum.mean_K)
    assert all(bool((s.low_K <= s.mean_K).all() and (s.mean_K <= s.high_K).all()) for s in spectra)
    bands, share = band_shares(result, spectra)
    assert share.shape == (2, len(bands))
    torch.testing.assert_close(share.sum(dim=1), torch.ones(2, dtype=torch.float64))


class Brightness(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        score = 7 * images.mean(dim=(1, 2, 3)) - 3.5
        return torch.stack([score, -score], dim=1)


@pytest.mark.parametrize("value", VALUES)
def test_rounding_is_no_importance(value: str) -> None:
    """Bands leave the mean as it is: what remains differs by about 1e-8, and would rank the bands."""
    found = importance(asked(Brightness(), pictures()).parts["bands"], (16, 16), value)
    assert {row.shapley.value for row in found.rows} == {0.0}
    assert len({row.psi for row in found.rows}) == 1
