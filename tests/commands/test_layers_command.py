"""``fsens layers``: what it prints and leaves, and what is no layer."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from run_files import DESCRIBED
from typer.testing import Result

Type = Callable[..., Result]
TINY = ["num_images=20", "data.test_size=20"]


def test_states_of_the_embedded_network(fsens: Type) -> None:
    result = fsens("layers", "frontend=blur", "procedure=reference", *TINY)
    assert result.exit_code == 0, result.output
    folder = Path("outputs/layers/resnet8-dualband/v001")
    tables = {"layers.csv", "layer_spectra.csv", "published.csv", "energies.npz"}
    expected = {"run.json", "config.yaml", *DESCRIBED, *tables, "layers.png", "layer_spectra.png"}
    assert {p.name for p in folder.iterdir()} == expected
    assert result.stdout.splitlines()[-1] == str(folder)
    table = pd.read_csv(folder / "layers.csv")
    assert table["layer"].tolist() == ["image", "front end", "stem", "layer1.0", "layer2.0", "layer3.0"]
    assert table["kind"].tolist() == ["image", "front end", "stem", *["convolution"] * 3]
    assert table["gain_db"][1] < -40
    spectra = pd.read_csv(folder / "layer_spectra.csv")
    assert spectra.groupby("layer")["cycles_per_image"].max()["layer3.0"] == 6
    drawn = {name: (folder / name).read_bytes() for name in ("layers.png", "layer_spectra.png")}
    assert fsens("show", "latest", "--plot").exit_code == 0
    assert {name: (folder / name).read_bytes() for name in drawn} == drawn


def test_a_pattern_without_gradients(fsens: Type) -> None:
    result = fsens("layers", "layers=layer2.*", "gradient=false", *TINY)
    assert result.exit_code == 0, result.output
    table = pd.read_csv("outputs/layers/resnet8-dualband/v001/layers.csv")
    assert table["layer"].str.startswith("layer2.0").all()
    assert table["gradient_image_low"].isna().all()
    swept = fsens("layers", "-m", "--weights", "packaged:lsf,packaged:hsf", "layers=layer1.0", *TINY)
    assert swept.exit_code == 0, swept.output
    assert fsens("compare", "sweep:layers").exit_code == 0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("layers=quite*", "layers=quite* matches no module of resnet8. It has conv"),
        ("layers=layr2", "layers=layr2 matches no module of resnet8. Closest: layer2,"),
        ("layers=fc", "fc gives no map of the image"),
        ("layers=layer1.0.relu", "layer1.0.relu is called 2 times an image"),
        ("procedure=other", "procedure=other is not known"),
    ],
)
def test_what_is_no_layer_leaves_nothing(fsens: Type, wrong: str, words: str) -> None:
    result = fsens("layers", wrong, *TINY)
    assert result.exit_code == 2, result.output
    # A layer is looked for in the network, after it was said how images are normalised.
    assert result.stderr.splitlines()[-1].startswith("error: ")
    assert words in result.stderr
    assert not list(Path("outputs").rglob("results.json"))
