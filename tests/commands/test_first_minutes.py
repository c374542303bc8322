"""The first minutes: what was just run is a word away."""

from collections.abc import Callable
from pathlib import Path

from typer.testing import Result


def test_show_alone_is_the_latest_run_and_of_a_verb_its_latest(fsens: Callable[..., Result]) -> None:
    for seed in (0, 1):
        assert fsens("measure", "num_images=8", f"seed={seed}").exit_code == 0
    newest = str(Path("outputs/measure/resnet8-dualband/v002"))
    for arguments in (["show"], ["show", "measure"]):
        assert fsens(*arguments).stdout.splitlines()[-1] == newest
    assert fsens("runs").stdout.splitlines()[1].startswith(newest)
    assert "evaluate" in fsens("show", "evaluate").stderr
