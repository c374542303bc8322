"""What the README shows is what is printed, to the digit."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.mark.slow
def test_the_output_in_the_readme(fsens: Callable[..., Result]) -> None:
    shown = README.read_text().split("$ fsens measure\n", 1)[1].split("```", 1)[0]
    result = fsens("measure")
    assert result.exit_code == 0, result.output
    assert result.stdout == shown


def test_show_alone_is_the_latest_run_and_of_a_verb_its_latest(fsens: Callable[..., Result]) -> None:
    for seed in (0, 1):
        assert fsens("measure", "num_images=8", f"seed={seed}").exit_code == 0
    newest = str(Path("outputs/measure/resnet8-dualband/v002"))
    for arguments in (["show"], ["show", "measure"]):
        assert fsens(*arguments).stdout.splitlines()[-1] == newest
    assert fsens("runs").stdout.splitlines()[1].startswith(newest)
    assert "evaluate" in fsens("show", "evaluate").stderr
