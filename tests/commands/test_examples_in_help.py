"""Examples in help, README and docs can be typed as they stand, in bash and zsh, survive rendering, and run."""

import dataclasses
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from fsens_cli.app import app
from fsens_cli.commands import help_text
from fsens_cli.commands.verbs.registry import VERBS
from fsens_cli.data import catalog
from fsens_cli.data.images import ImageSet
from fsens_cli.models import weights
from fsens_cli.models.catalog import ImageShape
from fsens_cli.models.construct import build_network
from fsens_cli.models.settings import ModelConfig
from fsens_cli.models.weights import Weights

Type = Callable[..., Result]
ROOT = Path(__file__).resolve().parents[2]
# zsh takes an unquoted bracket for a pattern, and refuses what matches no file.
BARE = re.compile(r"(?<=\s)(?!['\"])[^\s'\"`]*=\[")
OTHERS = re.findall(r'^ +"(fsens .*)",$', Path(help_text.__file__).read_text(), re.MULTILINE)


def typed(example: str) -> list[str]:
    """Return the words behind ``fsens`` of an example, without the remark that may stand beside it."""
    return shlex.split(re.split(r" {3,}", example)[0])[1:]


@pytest.mark.parametrize("verb", VERBS)
def test_examples_of_a_verb_survive_rendering(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = CliRunner().invoke(app, [verb, "--help"]).output
    for example in VERBS[verb].examples:
        assert " ".join(example.split()) in " ".join(shown.split())
        assert not BARE.search(example), example


def documented() -> list[str]:
    """Return every line of help, README and docs that begins with a command of ours."""
    pages = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    lines = [line.strip().removeprefix("$ ") for page in pages for line in page.read_text().splitlines()]
    examples = [example for verb in VERBS.values() for example in verb.examples] + OTHERS
    return [re.split(r" {3,}| #", line)[0] for line in [*examples, *lines] if line.startswith("fsens ")]


def test_documented_commands_have_no_bare_brackets() -> None:
    assert [line for line in documented() if BARE.search(line)] == []


@pytest.mark.parametrize("shell", [["bash", "--norc", "-O", "failglob"], ["zsh", "-f"]], ids=["bash", "zsh"])
def test_shells_hand_documented_commands_over_as_they_are_written(shell: list[str], tmp_path: Path) -> None:
    """Both refuse a pattern that matches no file, bash where it is told to."""
    if shutil.which(shell[0]) is None:
        pytest.skip(f"there is no {shell[0]} here")
    lines = [line for line in documented() if not re.search(r"[`<>|]|\.\.\.$|\\$", line) and "fsens " not in line[6:]]
    assert len(lines) > 60
    script = "fsens() { printf '%s\\n' \"$@\"; echo; }\n" + "\n".join(lines)
    done = subprocess.run([*shell, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.split("\n\n")[:-1] == ["\n".join(shlex.split(line)[1:]) for line in lines]


def stand_ins(patch: pytest.MonkeyPatch) -> None:
    """Put a few pictures in the place of CIFAR-10 and ImageNet, and untrained weights in that of published ones."""
    random = np.random.default_rng(0)

    def few(config: object, split: str, wanted: object) -> ImageSet:
        del config, wanted
        label = torch.arange(60) % 10
        images = torch.from_numpy(random.integers(0, 256, (60, 3, 32, 32), dtype=np.uint8))
        names = tuple(f"kind{i}" for i in range(10))
        return ImageSet(images_NCHW=images, label_N=label, index_N=torch.arange(60), class_names=names,
                        title="CIFAR-10", split=split)  # fmt: skip

    patch.setitem(catalog.CATALOG, "cifar10", dataclasses.replace(catalog.CATALOG["cifar10"], load=few))
    described = {"num_classes": 1000, "classes": "imagenet-1k", "model": {"mean": [0.5] * 3, "std": [0.5] * 3}}
    patch.setitem(weights.SOURCES, "timm", lambda _: Weights(label="timm", description=described))
    for name in ("n01440764", "n01443537"):
        Path("FOLDER/val", name).mkdir(parents=True)
        for i in range(4):
            pixels = random.integers(0, 256, (224, 224, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(f"FOLDER/val/{name}/{i}.png")
    network = build_network(ModelConfig(name="resnet20"), num_classes=10, shape=ImageShape(3, 32, 32), seed=0)
    torch.save(network.state_dict(), "net.pt")
    Path("net.py").write_text(
        "from fsens_cli.models.catalog import ImageShape\nfrom fsens_cli.models.construct import build_network\n"
        "from fsens_cli.models.settings import ModelConfig\n\ndef make():\n"
        "    return build_network(ModelConfig(name='resnet20'), num_classes=10, shape=ImageShape(3, 32, 32), seed=0)\n"
    )


# What makes an example short, and changes nothing else of it.
SHORT = {
    "measure": ["num_images=6"],
    "hybrid-probe": ["num_images=20", "pairings=1"],
    "evaluate": ["num_images=8", "suite.attack_images=2", "suite.heat_map_images=2", "attack.steps=2",
                 "attack.minimal_steps=3", "suite.band_images=2"],
    "blur-defense": ["num_images=20", "suite.attack_images=6", "attack.minimal_steps=5", "checks.images=5",
                     "suite.corruptions=[contrast]", "train.batch_size=16"],
    "critical-band": ["num_images=8", "num_resamples=100"],
    "layers": ["num_images=6"],
    "train": ["measure_images=10", "batch_size=16", "val_fraction=0.2"],
}  # fmt: skip
# What a user has done before that is no example itself.
BEFORE = {
    "fsens export latest --to robustbench": ["evaluate", "suite=robustbench-linf", "num_images=4"],
    "fsens report sweep:measure": ["evaluate", "-m", "--weights", "packaged:standard,packaged:lsf"],
}
LITTLE = ["data.train_size=400", "data.test_size=40"]


@pytest.mark.slow
@pytest.mark.usefixtures("no_figures")
def test_examples_run(fsens: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_ins(monkeypatch)
    wrong = []
    for example in [*(e for verb in VERBS.values() for e in verb.examples if e.startswith("fsens ")), *OTHERS]:
        words = typed(example)
        for before in (line for start, line in BEFORE.items() if example.startswith(start)):
            fsens(*before, *SHORT["evaluate"], *LITTLE)
        if words[0] in VERBS and "--resume" not in words:
            words += SHORT[words[0]] + ([] if "--data" in words else LITTLE)
        result = fsens(*words)
        # Those before it have finished what this one would go on with.
        done = result.stderr.endswith(" is finished: there is nothing to resume.\n") and "--resume" in words
        if "Traceback" in result.output or not (result.exit_code == 0 or done):
            wrong.append(f"{example}\n{result.stderr[-600:]}")
    assert wrong == []
