"""The Gabor bank: no answer to a constant, even over angles, energy that does not see the phase."""

import math

import pytest
import torch

from fsens_cli.fourier.gabor import FREQUENCIES, NUM_ORIENTATIONS, gabor_energy, gabor_features, gabor_pair


def test_no_filter_answers_to_a_constant_and_all_have_unit_norm() -> None:
    for frequency in FREQUENCIES:
        for k in range(NUM_ORIENTATIONS):
            for each in gabor_pair(frequency, k * math.pi / NUM_ORIENTATIONS, 31):
                assert abs(float(each.sum())) < 3e-7
                assert float(each.norm()) == pytest.approx(1)


@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_summed_power_deviates_by_less_than_one_percent_over_angles(frequency: float) -> None:
    # The power repeats after 22.5 degrees; its extremes lie on a filter's own angle and between two.
    angles = torch.arange(0, 45, 2.8125, dtype=torch.float64) * math.pi / 180
    power = torch.zeros(len(angles), dtype=torch.float64)
    for centre in FREQUENCIES:
        for k in range(NUM_ORIENTATIONS):
            for each in gabor_pair(centre, k * math.pi / NUM_ORIENTATIONS, 255):
                half = each.shape[0] // 2
                y, x = torch.meshgrid(*[torch.arange(-half, half + 1, dtype=torch.float64)] * 2, indexing="ij")
                for number, angle in enumerate(angles):
                    phase = 2 * math.pi * frequency * (x * math.cos(angle) + y * math.sin(angle))
                    power[number] += (each * torch.exp(1j * phase)).sum().abs().square()
    assert float((power / power.mean() - 1).abs().max()) < 0.01


@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_energy_of_a_grating_does_not_depend_on_its_phase(frequency: float) -> None:
    x = torch.arange(64, dtype=torch.float64)
    phases = (0.0, 0.7, 1.5, 2.9)
    gratings = torch.stack([torch.cos(2 * math.pi * x * frequency + phase).expand(64, 64) for phase in phases])
    energy = gabor_energy(gratings, [frequency])[:, 0, 32, 32]
    assert float(energy.max() / energy.min()) - 1 < 1e-3


def test_features_do_not_depend_on_contrast_of_the_whole_set() -> None:
    images = torch.rand(4, 32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    features = gabor_features(images)
    assert features.shape == (4, 3 * NUM_ORIENTATIONS * 64)
    torch.testing.assert_close(gabor_features(0.1 * images + 0.5), features)
    torch.testing.assert_close(gabor_features(images, chunk=3), features)
