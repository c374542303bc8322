"""A user's recordings: weights and ceiling by loops, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from fsens_cli.data.recordings import read_recordings
from fsens_cli.errors import DataError

N, REPEATS, UNITS = 34, 4, 5


def saved(folder: Path, **arrays: object) -> Path:
    generator = np.random.default_rng(0)
    shown = generator.integers(0, 256, (N, 6, 8), dtype=np.uint8)
    path = folder / "recordings.npz"
    np.savez(path, **({"images": shown} | arrays))  # type: ignore[arg-type]
    return path


def responses() -> np.ndarray:
    generator = np.random.default_rng(1)
    clean = generator.normal(size=(N, 1, UNITS)) * np.array([3.0, 2.0, 1.0, 0.5, 0.1])
    noisy = clean + generator.normal(size=(N, REPEATS, UNITS))
    noisy[3, 1, 2] = np.nan
    return noisy


def cosines(features: np.ndarray) -> np.ndarray:
    centred = features - features.mean(axis=0)
    return np.array([[a @ b / np.sqrt((a @ a) * (b @ b)) for b in centred] for a in centred])


def test_similarity_of_responses_by_loops(tmp_path: Path) -> None:
    given = responses()
    reliability = np.array([1.0, 0.9, 0.8, 0.7, 0.6])
    found = read_recordings(saved(tmp_path, responses=given, reliability=reliability))
    weighted = np.zeros((N, UNITS))
    halves = np.zeros((2, N, UNITS))
    for unit in range(UNITS):
        means = [np.nanmean(given[n, :, unit]) for n in range(N)]
        within = np.mean([np.nanvar(given[n, :, unit], ddof=1) for n in range(N)])
        weight = np.sqrt(np.var(means, ddof=1) / within) * reliability[unit]
        weighted[:, unit] = weight * np.array(means)
        for start in (0, 1):
            halves[start, :, unit] = [weight * np.nanmean(given[n, start::2, unit]) for n in range(N)]
    np.testing.assert_allclose(found.similarity_NN.numpy(), cosines(weighted), atol=1e-6)
    upper = np.triu_indices(N, 1)
    expected = np.corrcoef(cosines(halves[0])[upper], cosines(halves[1])[upper])[0, 1]
    assert found.agreement == pytest.approx(expected, abs=1e-9)


def test_a_matrix_is_taken_as_it_is(tmp_path: Path) -> None:
    matrix = cosines(np.random.default_rng(2).normal(size=(N, 9)))
    found = read_recordings(saved(tmp_path, similarity=matrix, images=np.zeros((N, 6, 8, 3))))
    np.testing.assert_allclose(found.similarity_NN.numpy(), matrix, atol=1e-6)
    assert found.images_NCHW.shape == (N, 3, 6, 8)
    assert found.agreement is None


MATRIX = cosines(np.random.default_rng(2).normal(size=(N, 9)))


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({}, "give an .npz with images and responses"),
        ({"similarity": MATRIX[:10, :10]}, "34 images and a similarity or responses of 10"),
        ({"similarity": MATRIX + np.triu(np.full((N, N), 0.01), 1) * (1 - np.abs(MATRIX))}, "differs from its mirror"),
        ({"similarity": MATRIX * 0.5}, "is not 1, as the diagonal must be"),
        ({"similarity": MATRIX + np.eye(N)}, "lies beyond 1"),
        ({"similarity": MATRIX * np.nan}, "is not finite"),
        ({"images": np.zeros((10, 6, 8), np.uint8), "similarity": MATRIX}, "10 images, too few"),
        ({"images": np.zeros((N, 6, 8, 2), np.uint8), "similarity": MATRIX}, r"images must be \(N, H, W\)"),
        ({"images": np.full((N, 6, 8), 7.0), "similarity": MATRIX}, r"floating point in \[0, 1\]"),
        ({"responses": np.zeros((N, UNITS))}, "has the mean image's features"),
        ({"responses": np.full((N, UNITS), np.inf)}, "hold infinite numbers"),
        ({"responses": np.where(np.eye(N, UNITS) > 0, np.nan, 1.0)}, "unit 0 has no response to image 0"),
        ({"responses": responses(), "reliability": np.ones(3)}, "reliability must be one number a unit"),
        ({"responses": np.full((N, UNITS), "a")}, "responses must be numbers"),
    ],
)
def test_what_is_no_recording_is_refused(arrays: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=said):
        read_recordings(saved(tmp_path, **arrays))
