"""The page opens with a card of each network: numbers as the runs have them, and what was not run."""

import csv
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from typer.testing import Result

from fsens_cli.runs.report.card import ENTRIES

Type = Callable[..., Result]
FEW = ("num_images=6", "data.test_size=20", "plot.formats=[png]")


def card_rows(page: str, number: int = 0) -> dict[str, list[str]]:
    card = page.split('<details class="card"')[number + 1].split("</details>")[0]
    rows = re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', card)
    return {unescape(name): [unescape(c) for c in re.findall(r"<td[^>]*>(.*?)</td>", cells)] for name, cells in rows}


@pytest.fixture
def page(fsens: Type) -> str:
    for weights in ("packaged:standard", "packaged:lsf"):
        assert fsens("measure", *FEW, "--weights", weights).exit_code == 0
    attacked = fsens("evaluate", *FEW, "suite.corruptions=[]", "suite.filters=[]", "suite.noises=[]",
                     "suite.attacks=[]",
                     "suite.shuffles=[]", "suite.heat_map=false", "attack.minimal_steps=3")  # fmt: skip
    assert attacked.exit_code == 0, attacked.output
    done = fsens("report", "outputs/*/*/v*", "-o", "page.html")
    assert done.exit_code == 0, done.output
    return Path("page.html").read_text()


def test_cards_open_the_page(page: str) -> None:
    assert page.index('<section id="card">') < page.index('<section id="asked">')
    assert page.count('<details class="card"') == 2
    assert page.count('<details class="card" open>') == 1
    rows = card_rows(page)
    assert list(rows) == [entry.label for entry in ENTRIES]
    numbers = {}
    for file in sorted(Path("outputs").glob("*/resnet8-dualband/v001/quantities.csv")):
        numbers |= {row["key"]: row for row in csv.DictReader(file.read_text().splitlines())}
    centroid = float(numbers["centroid"]["value"])
    assert rows["sensitivity, centroid"][0].startswith(f"{centroid:.{numbers['centroid']['digits']}f} [")
    assert rows["sensitivity, centroid"][1] == "6"
    assert rows["sensitivity, centroid"][2].startswith("measure; ")
    assert "minimal steps 3" in rows["smallest change, L-inf"][2]
    assert rows["AutoAttack"] == ["not run", "", "fsens evaluate suite=robustbench-linf"]
    assert rows["critical band, width"][0] == "not run"
    # The other network was only measured.
    assert card_rows(page, 1)["smallest change, L-inf"][0] == "not run"
    (first, second) = re.findall(
        r'<div class="card-body"><figure class="plotted">.*?<img alt="([^"]+)" src="data:image', page
    )
    assert first.startswith("Where the sensitivity lies: ")
    assert "standard training is highest" in first
    assert "lsf training is highest" in second
