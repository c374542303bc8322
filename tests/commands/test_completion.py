"""Tab completion: what may stand next, how the shells are told, and that asking imports nothing heavy."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import Result

from fsens_cli.app import _flags
from fsens_cli.commands.completion import _known, answer, following, names_file
from fsens_cli.commands.completion_scripts import SCRIPTS
from fsens_cli.commands.known_names import groups, packaged, settings_of
from fsens_cli.commands.verbs.registry import VERBS
from fsens_cli.data.catalog import CATALOG
from fsens_cli.fourier.catalog import MASKS
from fsens_cli.runs.shell_files import keep_names

Type = Callable[..., Result]

KNOWN = {
    "settings": {
        "measure": {
            "num_images": ["1000"],
            "basis": ["fourier", "dct", "haar"],
            "weights": [],
            "model": [],
            "data": [],
        },
        "hybrid-probe": {"num_images": ["500"]},
        "train": {"optim.nesterov": ["true", "false"], "regularizer": []},
        "blur-defense": {},
        "layers": {},
    },
    "groups": {
        "model": ["resnet8", "timm/vit_base_patch16_224"],
        "data": ["dualband", "cifar10"],
        "regularizer": ["lsf", "msf"],
    },
    "packaged": {"resnet8": {"dualband": ["lsf", "standard"]}},
}
# What `fsens` is on the path of a shell, where it has to tell what was imported.
FSENS = f"""#!{sys.executable}
import sys
from fsens_cli.app import main
main()
heavy = {{"torch", "numpy", "hydra", "matplotlib", "rich"}} & set(sys.modules)
print(*heavy, file=sys.stderr)
"""


@pytest.fixture(autouse=True)
def known(somewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let these names be all that there are."""
    monkeypatch.setenv("FSENS_CACHE", str(somewhere / "cache"))
    monkeypatch.setattr("fsens_cli.commands.completion.gather", lambda **_: None)
    keep_names(names_file(), KNOWN)
    _known.cache_clear()
    yield
    _known.cache_clear()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("fsens me", {"measure"}),
        ("fsens measure num_im", {"num_images="}),
        ("fsens measure num_images=", {"num_images=1000"}),
        ("fsens hybrid-probe num_images=", {"num_images=500"}),
        ("fsens measure basis=", {"basis=fourier", "basis=dct", "basis=haar"}),
        ("fsens train optim.nes", {"optim.nesterov="}),
        ("fsens train optim.nesterov=", {"optim.nesterov=true", "optim.nesterov=false"}),
        ("fsens train regularizer=ls", {"regularizer=lsf"}),
        ("fsens train -m regularizer=lsf,ms", {"regularizer=lsf,msf"}),
        ("fsens measure --data du", {"dualband"}),
        ("fsens measure --data=du", {"--data=dualband"}),
        ("fsens measure --model timm/vit_base_patch16_22", {"timm/vit_base_patch16_224"}),
        ("fsens measure --weights packaged:s", {"packaged:standard"}),
        ("fsens measure --data cifar10 --weights packaged:s", set()),
        ("fsens measure weights=run:", {"weights=run:outputs/train/resnet8-dualband/v002"}),
        ("fsens train --resume ", {"outputs/train/resnet8-dualband/v003"}),
        ("fsens show la", {"latest", "layers"}),
        ("fsens compare outputs/t", {f"outputs/train/resnet8-dualband/v00{v}" for v in (2, 3)}),
        ("fsens runs bl", {"blur-defense"}),
        ("fsens export --to mo", {"model-card"}),
        ("fsens export lat", {"latest"}),
        ("fsens measure --quie", {"--quiet"}),
        ("fsens measure --quiet --see", {"--seed"}),
        ("fsens measure --out ", set()),
        ("fsens 'mea", set()),
        ("", set()),
    ],
)
def test_what_may_stand_next(typed: str, offered: set[str], somewhere: Path) -> None:
    for version, status in ((2, "done"), (3, "interrupted")):
        run = somewhere / f"outputs/train/resnet8-dualband/v00{version}"
        run.mkdir(parents=True)
        (run / "run.json").write_text(json.dumps({"status": status}, indent=2))
    found = set(following(typed, _flags())) if typed else set()
    assert found >= offered
    if offered:
        assert all(word.startswith(next(iter(offered))[:2]) for word in found)
    else:
        assert found <= set(_flags())


def test_bash_is_told_what_stands_behind_its_last_break(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FSENS_LINE", "fsens measure weights=packaged:st")
    for breaks, said in ((" =:", "standard"), (" =", "packaged:standard"), ("", "weights=packaged:standard")):
        monkeypatch.setenv("FSENS_BREAKS", breaks)
        assert answer(_flags()) == [said]


def test_bash_asks_and_nothing_heavy_is_imported(somewhere: Path) -> None:
    (somewhere / "fsens").write_text(FSENS)
    (somewhere / "fsens").chmod(0o755)
    (somewhere / "script.bash").write_text(SCRIPTS["bash"].replace("2>/dev/null", "2>heavy.txt"))
    line = "fsens measure num_im"
    typed = (
        f"source script.bash; COMP_LINE={shlex.quote(line)}; COMP_POINT=${{#COMP_LINE}}; "
        '_fsens_completion ./fsens; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "--norc", "-c", typed], capture_output=True, text=True, check=False)
    assert done.stdout == "num_images=\n", done.stderr
    assert Path("heavy.txt").read_text() == "\n"


@pytest.mark.parametrize(("shell", "start"), [("bash", ".bashrc"), ("zsh", ".zshrc")])
def test_installing_twice_is_installing_once(
    shell: str, start: str, fsens: Type, somewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(somewhere))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("ZDOTDIR", raising=False)
    (somewhere / start).write_text("alias ll='ls -l'")
    for _ in range(2):
        result = fsens("--install-completion", shell)
        assert result.exit_code == 0, result.output
    file = somewhere / f".config/fsens/completion.{shell}"
    assert file.read_text() == SCRIPTS[shell] == fsens("--show-completion", shell).stdout
    lines = (somewhere / start).read_text().splitlines()
    assert lines == ["alias ll='ls -l'", f"[ -f '{file}' ] && source '{file}'"]


def test_another_shell_is_answered(fsens: Type) -> None:
    result = fsens("--install-completion", "tcsh")
    assert (result.exit_code, result.stderr) == (2, "error: 'tcsh' has no completion: give bash or zsh.\n")


def test_names_are_gathered_from_what_there_is() -> None:
    settings = settings_of(VERBS["hybrid-probe"])
    assert settings["num_images"] == ["500"]
    assert settings["mask"] == list(MASKS)
    assert settings["clip"] == ["true", "false"]
    assert {"data", "model", "probe", "data.low_cue", "data.root"} <= settings.keys()
    assert not {"model.name", "regularizer", "epochs"} & settings.keys()
    assert set(groups()["data"]) == set(CATALOG)
    assert set(packaged()["resnet8"]["dualband"]) == {"standard", "lsf", "hsf", "asf", "blur"}


def test_what_is_missing_or_old_is_gathered_in_the_background(somewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FSENS_CACHE", str(somewhere / "cache"))
    started: list[int] = []
    monkeypatch.setattr("fsens_cli.commands.completion.gather", lambda: started.append(1))
    names_file().unlink()
    _known.cache_clear()
    assert "measure" in following("fsens me", _flags())
    assert following("fsens measure num_im", _flags()) == []
    assert len(started) == 1
    keep_names(names_file(), KNOWN)
    _known.cache_clear()
    assert following("fsens measure num_im", _flags()) == ["num_images="]
    assert len(started) == 1
    os.utime(names_file(), (1, 1))
    _known.cache_clear()
    assert following("fsens measure num_im", _flags()) == ["num_images="]
    assert len(started) == 2
    names_file().write_text("{")
    _known.cache_clear()
    assert following("fsens measure num_im", _flags()) == []


def test_many_tabs_start_one_gathering(somewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("FSENS_CACHE", str(somewhere / "another cache"))
    started: list[object] = []
    monkeypatch.setattr("fsens_cli.commands.completion.subprocess.Popen", lambda *call, **_: started.append(call))
    for _ in range(3):
        _known.cache_clear()
        following("fsens measure num_im", _flags())
    assert len(started) == 1
    os.utime(names_file().with_suffix(".started"), (1, 1))
    _known.cache_clear()
    following("fsens measure num_im", _flags())
    assert len(started) == 2
