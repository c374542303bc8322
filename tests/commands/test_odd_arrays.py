"""Arrays as people have them: read at the same accuracy, or named in one line for what they are."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

Type = Callable[..., Result]
ErrorOf = Callable[[Result], str]

# A network that is always right: the class is the column of the one bright pixel.
NET = """
from torch import nn
class Net(nn.Module):
    def forward(self, images):
        return 9 * images[:, 0, 0]
"""
LABEL = np.arange(40) % 10
IMAGES = np.random.default_rng(0).integers(0, 120, (40, 12, 10, 3), dtype=np.uint8)
IMAGES[np.arange(40), 0, LABEL] = 250
OFTEN = np.arange(40) % 7 == 0
TYPED = ("measure", "--model", "net.py:Net", "--weights", "random", "--data", "arrays", "target=logit")


def named(name: str, value: np.ndarray) -> dict[str, np.ndarray]:
    return {"images": IMAGES, name: value}


@pytest.fixture(autouse=True)
def always_right(somewhere: Path, no_figures: None) -> None:
    (somewhere / "net.py").write_text(NET)


@pytest.mark.parametrize(
    "arrays",
    [
        {"coarse_labels": LABEL // 5, "fine_labels": LABEL, "images": IMAGES},
        {"label_names": np.array(list("abcdefghij")), "labels": LABEL, "images": IMAGES},
        {"image_id": np.arange(40), "images": IMAGES, "labels": LABEL},
        {"X": IMAGES, "y": LABEL},
        named("labels", LABEL.astype(np.uint8)),
        named("labels", LABEL[:, None].astype(np.int8)),
    ],
    ids=["coarse first", "names first", "numbers first", "capital", "uint8", "a column"],
)
def test_read_at_full_accuracy(arrays: dict[str, np.ndarray], fsens: Type) -> None:
    np.savez("d.npz", **arrays)  # type: ignore[arg-type]
    result = fsens(*TYPED, "data.root=d.npz")
    assert result.exit_code == 0, result.output
    assert len(result.output.splitlines()) <= 12
    run = Path(result.stdout.splitlines()[-1])
    assert json.loads((run / "results.json").read_text())["accuracy"]["value"] == 1.0


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (LABEL + 1, "labels count from 1 to 10, and labels here count from 0: save labels - 1"),
        ((LABEL + 1).astype(np.uint8), "labels count from 1 to 10"),
        (np.where(OFTEN, 255, LABEL), "labels are 255 for 6 of 40 images, which usually means unlabelled"),
        (np.where(OFTEN, 255, LABEL).astype(np.uint8), "labels are 255 for 6 of 40 images"),
        (np.where(OFTEN, -1, LABEL), "labels are -1 for 6 of 40 images"),
        (np.where(OFTEN, -100, LABEL), "labels are -100 for 6 of 40 images"),
        (np.eye(10)[LABEL], "labels are one-hot, 10 numbers an image: save labels.argmax(axis=1)"),
        (np.eye(10, dtype=int)[LABEL], "labels are one-hot"),
        (LABEL.astype(str), "labels are words (<U21): number the classes from 0"),
        (LABEL + 0.5, "labels must be integers of shape (N,), got float64 (40,)"),
        (LABEL[:30], "30"),
    ],
)
def test_labels_are_named_for_what_they_are(label: np.ndarray, said: str, fsens: Type, error_of: ErrorOf) -> None:
    np.savez("d.npz", images=IMAGES, labels=label)
    assert said in error_of(fsens(*TYPED, "data.root=d.npz"))


def one_array() -> bytes:
    np.save("one.npy", IMAGES)
    return Path("one.npy").read_bytes()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (one_array, "is a single .npy array: save images and labels into one file with numpy.savez"),
        (lambda: pickle.dumps({"images": IMAGES}), "is a pickle, which could run code: save its arrays with"),
        (lambda: b"", "cannot be read as NumPy arrays: give an .npz with images and labels"),
        (lambda: b"hello", "cannot be read as NumPy arrays"),
    ],
    ids=["npy", "pickle", "empty", "text"],
)
def test_no_npz_though_named_so(make: Callable[[], bytes], said: str, fsens: Type, error_of: ErrorOf) -> None:
    Path("d.npz").write_bytes(make())
    assert said in error_of(fsens(*TYPED, "data.root=d.npz"))
