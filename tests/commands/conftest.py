"""A tiny network of one's own, little data, and a way to type commands."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fsens_cli.app import app

NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, 3, stride=2)
        self.fc = nn.Linear(4, num_classes)
    def forward(self, x):
        return self.fc(self.conv(x).tanh().mean((2, 3)))

def make(num_classes=10):
    return Net(num_classes, 3)

def make_gray(num_classes=10):
    return Net(num_classes, 1)

def make_three():
    return Net(3, 3)

class Infinite(Net):
    def forward(self, x):
        return super().forward(x) + (x[:, :1, 0, 0] - x[:, :1, 0, 0]).sqrt()

def make_infinite(num_classes=10):
    return Infinite(num_classes, 3)
"""

Type = Callable[..., Result]


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands run in an empty folder that holds nothing but net.py."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    return tmp_path


def leave_figures_out(patch: pytest.MonkeyPatch) -> None:
    """Let every verb draw nothing."""
    for place in (
        "measure_files.draw_measure",
        "train_files.draw_training",
        "hybrid_files.draw_hybrid",
        "evaluate_files.draw_evaluate",
        "defense_files.draw_defense",
        "critical_band_files.draw_critical_band",
        "layers_files.draw_layers",
    ):
        patch.setattr(f"fsens_cli.runs.{place}", lambda *_: [])


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the pictures out where nobody looks at them."""
    leave_figures_out(monkeypatch)


@pytest.fixture
def fsens() -> Type:
    """Type a command as a user would."""

    def type_(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return type_


@pytest.fixture
def measure(fsens: Type) -> Type:
    """Measure the tiny network on a few pictures, or what the arguments say."""

    def type_(*arguments: str) -> Result:
        given = {a.split("=")[0] for a in arguments}
        defaults = {"--model": "net.py:make", "--weights": "random"}
        flags = [part for flag, value in defaults.items() if flag not in given for part in (flag, value)]
        settings = [] if "data.test_size" in given else ["data.test_size=20"]
        if "--data" in given or any(a.startswith("data=") for a in arguments):
            settings = settings[1:]
        return fsens("measure", *flags, *settings, *arguments)

    return type_


@pytest.fixture
def error_of() -> Callable[[Result], str]:
    """Return the one error line of a refused command, after checking that it is one and that nothing else happened."""

    def check(result: Result) -> str:
        assert result.exit_code == 2, result.output
        assert result.stdout == ""
        assert "Traceback" not in result.stderr
        lines = result.stderr.rstrip("\n").split("\n")
        # Before an error that only the network or the pictures can tell, the run has said how it normalises.
        while ": normalised by " in lines[0]:
            lines = lines[1:]
        assert lines[0].startswith("error: "), result.stderr
        assert all(line.startswith("       ") for line in lines[1:]), result.stderr
        assert not re.search(r"\x1b\[", result.stderr)
        assert list(Path.cwd().rglob("run.json")) == []
        return "\n".join(lines).removeprefix("error: ")

    return check


# Two packaged networks through all four verbs, as small as they go.
FAMILY = {
    "measure": ["num_images=40"],
    "hybrid-probe": ["num_images=40", "pairings=1"],
    "evaluate": [
        "num_images=40", "suite.corruptions=[shot_noise,contrast]", "suite.severities=[5]", "suite.filters=[]",
        "suite.shuffles=[]", "suite.noises=[]", "suite.norms=[linf]", "suite.eps_linf=[8/255]",
        "suite.attack_images=12", "suite.heat_map=false", "attack.steps=5", "attack.minimal_steps=8",
    ],
    "blur-defense": [
        "num_images=40", "sigmas=[0,1.5]", "suite.corruptions=[contrast]", "suite.severities=[3]",
        "suite.eps_l2=[0.5]", "suite.eps_linf=[0.01,0.02]", "suite.attack_images=10", "attack.steps=3",
        "attack.minimal_steps=6", "checks.images=6", "checks.steps=2", "checks.queries=5", "checks.starts=2",
        "pairings=1",
    ],
}  # fmt: skip


@pytest.fixture(scope="session")
def family_outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with a sweep of two networks for each verb; made once, without figures."""
    folder = tmp_path_factory.mktemp("family")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        leave_figures_out(patch)
        patch.setattr("fsens_cli.commands.sweeps.draw_overlay", lambda *_: None)
        for verb, settings in FAMILY.items():
            models = ["-m", "--weights", "packaged:standard,packaged:lsf", "data.test_size=60"]
            result = CliRunner().invoke(app, [verb, *models, *settings])
            assert result.exit_code == 0, result.output
    return folder / "outputs"


@pytest.fixture
def family(family_outputs: Path, somewhere: Path) -> Path:
    """A copy of these runs, as ./outputs."""
    shutil.copytree(family_outputs, somewhere / "outputs", symlinks=True)
    return somewhere / "outputs"
