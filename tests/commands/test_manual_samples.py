"""What README and manual show of the terminal is what is printed, to the digit."""

import re
from pathlib import Path

import captures
import pytest


def test_every_verb_page_shows_what_its_verb_prints() -> None:
    typed = {command.split()[1] for command in captures.commands()}
    assert typed >= {"measure", "hybrid-probe", "evaluate", "blur-defense", "critical-band", "layers", "compare"}


def test_a_sample_is_replaced_and_the_rest_of_the_page_stays() -> None:
    page = "# a\n\n```\n$ fsens measure\nold\n```\n\n```\nfsens runs\n```\n"
    assert captures.retyped(page, {"fsens measure": "new\n"}) == page.replace("old", "new")


def test_the_readme_claims_what_the_sample_shows() -> None:
    shown = re.search(r"changes ([\d.]+) times as large", (captures.ROOT / "docs" / "blur-defense.md").read_text())
    claimed = re.search(r"changes ([\d.]+) times as large", (captures.ROOT / "README.md").read_text())
    assert shown
    assert claimed
    assert float(claimed[1]) == round(float(shown[1]), 1)


@pytest.mark.slow
def test_samples_and_pictures(tmp_path: Path) -> None:
    printed = captures.typed(tmp_path)
    for page in captures.pages():
        assert captures.retyped(page.read_text(), printed) == page.read_text(), page.name
    for picture, figure in captures.figures(tmp_path, printed):
        assert picture.is_file()
        assert figure.is_file()
