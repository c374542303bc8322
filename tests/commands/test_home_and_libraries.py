"""Nobody's home folder, and libraries that talk: one line or none, never a traceback, never a file of a library."""

import pwd
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import Result

from fsens_cli.app import main
from fsens_cli.commands.library_words import libraries_unheard

Type = Callable[..., Result]
Say = Callable[[Result], str]
NOBODY = "there is no user nobody-here on this machine"


@pytest.mark.parametrize(
    "typed",
    [
        ("measure", "weights=~nobody-here/x.pt"),
        ("measure", "--weights", "~nobody-here/x.pt"),
        ("measure", "--model", "~nobody-here/net.py:make"),
        ("measure", "--data", "~nobody-here/x"),
        ("measure", "--config-dir", "~nobody-here/x"),
        ("measure", "--out", "~nobody-here/x", "num_images=4", "data.test_size=20"),
        ("measure", "--weights", "random", "--data", "cifar10", "data.root=~nobody-here/x"),
        ("measure", "--weights", "random", "--data", "arrays", "data.root=~nobody-here/x.npz"),
        ("measure", "--weights", "random", "--data", "folder", "data.root=~nobody-here/x"),
        ("evaluate", "corruption.root=~nobody-here/x", "data.test_size=20", "num_images=4"),
        ("blur-defense", "mode=trained", "runs=[~nobody-here/x,y]", "sigmas=[0,1]"),
        ("train", "--resume", "~nobody-here/x"),
        ("show", "~nobody-here/x"),
        ("runs", "--out", "~nobody-here/x"),
        ("compare", "~nobody-here/x", "y"),
        ("report", "~nobody-here/x"),
    ],
)
def test_no_such_user(typed: tuple[str, ...], fsens: Type, error_of: Say) -> None:
    assert NOBODY in error_of(fsens(*typed))


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number of a user whom nobody knows, as in many containers."""

    def unknown(number: int) -> object:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "FSENS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


def pictures() -> None:
    for name in ("cat", "dog"):
        for i in range(2):
            Path("pictures", name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((32, 32, 3), 90 * i, dtype=np.uint8)).save(f"pictures/{name}/{i}.png")


@pytest.mark.usefixtures("homeless", "no_figures")
def test_without_a_home_nothing_is_kept(fsens: Type) -> None:
    pictures()
    done = fsens("measure", "--model", "net.py:make", "--weights", "random", "--data", "./pictures", "--quiet")
    assert done.exit_code == 0, done.output
    assert sorted(p.name for p in Path.cwd().iterdir() if p.is_dir()) == ["outputs", "pictures"]
    assert fsens("data").exit_code == 0


@pytest.mark.usefixtures("homeless")
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("measure", "--weights", "random", "--data", "cifar10"), "set FSENS_CACHE=FOLDER."),
        (("measure", "--weights", "~/x.pt"), "no home folder is known"),
        (("runs", "--out", "~"), "no home folder is known"),
    ],
)
def test_without_a_home_one_line(typed: tuple[str, ...], said: str, fsens: Type, error_of: Say) -> None:
    assert said in error_of(fsens(*typed))


def typed(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr(sys, "argv", ["fsens", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.mark.usefixtures("no_figures")
@pytest.mark.filterwarnings("always")
def test_libraries_warn_in_vain_and_the_user_s_code_does_not(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pictures()
    Path("net.py").write_text(f"import warnings\nwarnings.warn('mind the gap')\n{Path('net.py').read_text()}")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 32 * 32 - 1)  # Pillow warns of such pictures as of possible bombs
    network = ["--model", "net.py:make", "--weights", "random", "--data", "./pictures"]
    assert typed(monkeypatch, "measure", *network, "--quiet") == 0
    said = capfd.readouterr().err
    assert "warning: mind the gap (UserWarning in net.py, line 2).\n" in said
    assert "bomb" not in said
    assert "site-packages" not in said


def test_too_many_pixels_are_refused_in_words(fsens: Type, error_of: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 16 * 16)
    line = error_of(fsens("measure", "--model", "net.py:make", "--weights", "random", "--data", "./pictures"))
    assert "0.png has more pixels than Pillow opens" in line


def test_a_gpu_that_cannot_be_used_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    with libraries_unheard(), warnings.catch_warnings():
        warnings.simplefilter("always")
        said = "CUDA initialization: The NVIDIA driver on your system is too old (found version 1).\nSee elsewhere."
        warnings.warn_explicit(said, UserWarning, np.__file__, 3)
        warnings.warn_explicit("old", DeprecationWarning, np.__file__, 3)
    assert capsys.readouterr().err == (
        "warning: CUDA initialization: The NVIDIA driver on your system is too old (found version 1).\n"
    )


def test_every_path_is_expanded_in_one_place() -> None:
    """`Path.expanduser` raises what nobody catches; `home.expanded` says it in one line."""
    package = Path(sys.modules["fsens_cli"].__path__[0])
    using = {file.name for file in package.rglob("*.py") if "expanduser" in file.read_text()}
    assert using == {"home.py"}
