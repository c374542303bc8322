"""What each verb says at three widths of a terminal, kept as text; digits are nines: processors differ in the last one.

``FSENS_RENEW_CAPTURES=1 pytest tests/commands/test_captures.py`` writes the texts again: look at the difference.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from fsens_cli.commands.tables import laid_out

Type = Callable[..., Result]
pytestmark = pytest.mark.xdist_group("family")

CAPTURES = Path(__file__).with_name("captures")
# What is rounding alone has another number of digits elsewhere.
ROUNDING = re.compile(r"(?<=error )\S+ %")
WIDTHS = (120, 80, 40)
# The others are in the family that several tests share.
TINY = {
    "layers": ["num_images=16", "data.test_size=20"],
    "critical-band": ["num_images=16", "data.test_size=20", "num_resamples=100"],
    "train": ["epochs=1", "data.train_size=256", "data.test_size=20", "measure_images=16", "probe_size=16"],
}
FAMILY = ("measure", "hybrid-probe", "evaluate", "blur-defense")


def compare(verb: str, folder: Path) -> None:
    lines = (folder / "summary.txt").read_text().splitlines()
    shown = []
    for width in WIDTHS:
        screen = [re.sub(r"\d", "9", ROUNDING.sub("9.9e-99 %", line)) for line in laid_out(lines, width)]
        assert max(map(len, screen)) <= width
        shown.append("\n".join([f"=== {width} columns", *screen, ""]))
    kept = CAPTURES / f"{verb}.txt"
    if os.environ.get("FSENS_RENEW_CAPTURES"):
        kept.write_text("".join(shown))
    assert "".join(shown) == kept.read_text()


@pytest.mark.parametrize("verb", FAMILY)
def test_the_screen_of_the_family(verb: str, family: Path) -> None:
    compare(verb, family / verb / "resnet8-dualband" / "v001")


@pytest.mark.parametrize("verb", TINY)
def test_the_screen(verb: str, fsens: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("critical_band_files.draw_critical_band", "layers_files.draw_layers", "train_files.draw_training"):
        monkeypatch.setattr(f"fsens_cli.runs.{name}", lambda *_: [])
    monkeypatch.setattr("fsens_cli.runs.measure_files.draw_measure", lambda *_: [])
    result = fsens(verb, *TINY[verb])
    assert result.exit_code == 0, result.output
    compare(verb, Path("outputs") / verb / "resnet8-dualband" / "v001")
