"""One call shape for all verbs, whatever form the images have, and results that show themselves."""

import dataclasses
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import fsens_cli as fsens
from fsens_cli.errors import ConfigError, OutputError

NUM = 24


def data() -> tuple[Tensor, Tensor]:
    """Images on the grid of 8 bits."""
    images = torch.randint(256, (NUM, 3, 16, 16), generator=torch.Generator().manual_seed(0)).float() / 255
    return images, torch.arange(NUM) % 4


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(128, 4)).eval()


class Pairs:
    """A map-style data set of 8-bit pictures, channels last."""

    def __len__(self) -> int:
        return NUM

    def __getitem__(self, row: int) -> tuple[np.ndarray, int]:
        images, labels = data()
        return (255 * images[row]).round().byte().permute(1, 2, 0).numpy(), int(labels[row])


FORMS: dict[str, Callable[[], object]] = {
    "tensors": data,
    "list": lambda: list(data()),
    "arrays": lambda: (data()[0].numpy(), data()[1].numpy()),
    "channels last": lambda: (data()[0].permute(0, 2, 3, 1).numpy(), data()[1].tolist()),
    "8 bits": lambda: ((255 * data()[0]).round().byte(), data()[1]),
    "loader of 7": lambda: DataLoader(TensorDataset(*data()), batch_size=7),
    "generator": lambda: ((x, y) for x, y in zip(*[part.split(5) for part in data()], strict=True)),
    "data set": Pairs,
    "torch data set": lambda: TensorDataset(*data()),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_images_gives_the_same_numbers(form: str) -> None:
    expected = fsens.measure(network(), data())
    found = fsens.measure(network(), FORMS[form]())
    for name in ("accuracy", "share-low", "centroid"):
        assert found[name].value == pytest.approx(expected[name].value, abs=2e-6), name
    torch.testing.assert_close(found.per_image.share_NK, expected.per_image.share_NK, atol=2e-6, rtol=1e-5)


def test_normalised_input_is_told_by_mean_and_std() -> None:
    mean, std = [0.4, 0.5, 0.6], [0.1, 0.2, 0.4]

    class Inside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network()

        def forward(self, x: Tensor) -> Tensor:
            shape = (1, 3, 1, 1)
            return self.inner((x - torch.tensor(mean).reshape(shape)) / torch.tensor(std).reshape(shape))

    given = fsens.measure(network(), data(), mean=mean, std=std)
    inside = fsens.measure(Inside(), data())
    assert given["centroid"].value == pytest.approx(inside["centroid"].value, abs=1e-5)


def test_a_result_is_short_to_look_at_and_long_to_tabulate() -> None:
    result = fsens.measure(network(), data())
    assert len(repr(result).splitlines()) <= 12
    assert "sensitivity, low band" in repr(result)
    assert "<table>" in result._repr_html_()
    frame = result.to_frame()
    assert frame.loc["share-low", "value"] == pytest.approx(result.band_share("low"))
    assert repr(result["centroid"]).count("[") == 1
    assert "band_share" in dir(result)


def test_plots_return_axes_and_leave_matplotlib_alone() -> None:
    result = fsens.measure(network(), data())
    before, open_figures = dict(mpl.rcParams), plt.get_fignums()
    axes = result.plot()
    assert axes.get_xlabel() == "spatial frequency (cycles/image)"
    assert plt.get_fignums() == open_figures
    assert dict(mpl.rcParams) == before
    figure = mpl.figure.Figure()
    own = figure.subplots()
    assert result.plot("spectrum", ax=own) is own
    with pytest.raises(ConfigError, match="plot=map"):
        result.plot("map")


def test_saved_results_are_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fsens.measure(network(), data())
    second = fsens.measure(network(1), data())
    folder = first.save(tmp_path / "first")
    second.save(tmp_path / "second")
    assert {"results.json", "run.json", "quantities.csv", "spectrum.png", "per_image.csv"} <= {
        p.name for p in folder.iterdir()
    }
    back = fsens.load(folder)
    assert back["share-low"].value == pytest.approx(first["share-low"].value, rel=1e-8)
    assert sorted(back.tables) == sorted(first.tables)
    assert back.tables["spectrum"].equals(first.tables["spectrum"])
    with pytest.raises(OutputError, match="not empty"):
        first.save(folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert back.save("~/copy") == tmp_path / "copy"
    assert sorted(p.name for p in (tmp_path / "copy").iterdir()) == sorted(p.name for p in folder.iterdir())
    in_memory, from_files = fsens.compare(first, second), fsens.compare(back, fsens.load(tmp_path / "second"))
    one, other = in_memory["centroid"], from_files["centroid"]
    assert one is not None
    assert other is not None
    assert one.value == pytest.approx(other.value, rel=1e-6)
    assert len(in_memory.to_frame()) == len(first.to_frame())
    assert "second - first" in repr(in_memory)


def test_all_verbs_have_the_same_shape(tmp_path: Path) -> None:
    small = {"corruptions": ["contrast"], "severities": [3], "filters": [], "shuffles": [], "noises": [],
             "attack_images": 8, "heat_map": False}  # fmt: skip
    attack = {"steps": 3, "minimal_steps": 5}
    model = network()
    results = [
        fsens.hybrid_probe(model, data(), pairings=1, num=3),
        fsens.evaluate(model, data(), suite=small, attack=attack),
        fsens.blur_defense(
            model, data(), sigmas=[0, 1], pairings=1, attack=attack, checks={"images": 8},
            suite={"attacks": ["pgd"], "prediction": False, **small},
        ),
    ]  # fmt: skip
    for result in results:
        assert len(repr(result).splitlines()) <= 12, repr(result)
        assert len(result.to_frame()) > 1
        assert result.plot().get_ylabel()
        loaded = fsens.load(result.save(tmp_path / result.verb))
        assert list(loaded.to_frame().index) == list(result.to_frame().index)
    assert not any(p.requires_grad is False for p in model.parameters())


@pytest.mark.parametrize(
    ("verb", "settings"),
    [("measure", {}), ("hybrid_probe", {"pairings": 1}), ("critical_band", {"num_resamples": 100}), ("layers", {})],
)
def test_probabilities_are_warned_of(verb: str, settings: dict[str, object], tmp_path: Path) -> None:
    logits, like = network(), "the model's output looks like probabilities"
    if verb == "layers":
        settings = {"layers": "0"}
    model = nn.Sequential(*logits, nn.Softmax(dim=1)).eval()
    result = getattr(fsens, verb)(model, data(), **settings)
    assert [like in line for line in result.warnings].count(True) == 1
    assert not model._forward_hooks
    assert not any(like in line for line in getattr(fsens, verb)(logits, data(), **settings).warnings)
    if verb == "measure":  # what is read once is enough, and a saved result keeps its warnings
        once = iter([data()])
        assert like in fsens.measure(model, once).warnings[0]
        assert like in fsens.load(result.save(tmp_path / "saved")).warnings[0]


class Loader:
    """Batches of some size, and how often they were asked for."""

    def __init__(self, size: int) -> None:
        self.size, self.times_read = size, 0

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        self.times_read += 1
        yield from zip(*[part.split(self.size) for part in data()], strict=True)


SMALL: dict[str, dict[str, object]] = {
    "measure": {},
    "hybrid_probe": {"pairings": 1, "num": 3},
    "layers": {},
    "critical_band": {"num_resamples": 100, "levels": 3},
    "evaluate": {
        "suite": {"corruptions": ["fog"], "severities": [3], "attacks": ["pgd"], "heat_map": False},
        "attack": {"steps": 2, "minimal_steps": 2},
    },
}  # fmt: skip


@pytest.mark.parametrize("verb", SMALL)
def test_a_loader_is_read_once_and_batches_do_not_matter(verb: str) -> None:
    whole, parts = Loader(NUM), Loader(5)
    first = getattr(fsens, verb)(network(), whole, **SMALL[verb]).to_frame()
    second = getattr(fsens, verb)(network(), parts, batch_size=7, **SMALL[verb]).to_frame()
    assert whole.times_read == parts.times_read == 1
    assert list(first.index) == list(second.index)
    np.testing.assert_allclose(first["value"].astype(float), second["value"].astype(float), rtol=2e-4)


@pytest.mark.parametrize("verb", SMALL)
def test_a_result_is_of_the_model_as_it_was(verb: str) -> None:
    """Tables are drawn up when they are asked for; by then the model may have been trained on."""
    model, (images, labels) = network(), data()
    result = getattr(fsens, verb)(model, (images, labels), **SMALL[verb])
    before = result.tables
    with torch.no_grad():
        model[0].weight.normal_()
        images.zero_()
    after = result.tables
    assert before.keys() == after.keys()
    assert [name for name in before if not before[name].equals(after[name])] == []


def test_what_writes_a_result_leaves_python_s_random_numbers_alone() -> None:
    """The first import of rich draws one."""
    noisy = dataclasses.replace(fsens.measure(network(), data()), write=lambda folder, figures: random.seed(1))
    before = random.getstate()
    assert noisy.tables == {}
    assert random.getstate() == before


def test_a_result_without_curves_says_so() -> None:
    result = fsens.measure(network(), data())
    bare = dataclasses.replace(result, findings=dataclasses.replace(result.findings, lines=()))
    with pytest.raises(ConfigError, match="nothing to plot: this measure found no curve"):
        bare.plot()


def test_a_convention_by_name_is_its_settings() -> None:
    data = torch.rand(12, 3, 16, 16, generator=torch.Generator().manual_seed(0)), torch.arange(12) % 4
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 4))
    numbers = {"mean": [0.5, 0.4, 0.3], "std": [0.1, 0.2, 0.3]}
    named = fsens.measure(model, data, convention="reference", **numbers)
    spelt = fsens.measure(model, data, space="normalized", **numbers)
    pixel = fsens.measure(model, data, convention="reference", space="pixel", **numbers)
    assert named["share-low"].value == spelt["share-low"].value != pixel["share-low"].value
