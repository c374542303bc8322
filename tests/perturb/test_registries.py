"""Attacks, corruptions, filters and noises: every record has a function, constants and a row in the documents."""

import re
from pathlib import Path

import pytest

from fsens_cli.experiments.evaluate_settings import SuiteConfig
from fsens_cli.perturb.attacks.attack import SINGLE
from fsens_cli.perturb.attacks.cascades import stages_of
from fsens_cli.perturb.attacks.config import ATTACKS, FIXED_BUDGET_ATTACKS, AttackConfig
from fsens_cli.perturb.attacks.minimal import MEMBERS, SEARCHES
from fsens_cli.perturb.catalog import FILTERS, NOISES
from fsens_cli.perturb.corruptions.catalog import CORRUPTIONS
from fsens_cli.perturb.corruptions.constants import TABLES

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("name", [name for name in ATTACKS if name != "none"])
def test_every_attack_runs_something_and_is_documented(name: str) -> None:
    norm = "l2" if name == "ddn" else "linf"
    stages = {stage.name for stage in stages_of(AttackConfig(name=name, norm=norm), 10)}
    if name != "minimal":
        assert stages <= SINGLE.keys() | SEARCHES.keys()
    # A row may name several.
    assert re.search(rf"^\| [^|]*`{name}`", (DOCS / "attacks.md").read_text(), re.MULTILINE)


def test_what_has_a_function_has_a_record() -> None:
    assert SINGLE.keys() | SEARCHES.keys() <= ATTACKS.keys()
    assert {name for members in MEMBERS.values() for name in members} <= SEARCHES.keys()
    assert SEARCHES.keys() | {"minimal"} == {name for name, record in ATTACKS.items() if record.is_minimal}
    assert set(FIXED_BUDGET_ATTACKS) - SINGLE.keys() == {"cascade", "autoattack", "autoattack-rand"}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_corruption_is_documented(name: str) -> None:
    assert re.search(rf"^\|.*\b{name}\b", (DOCS / "corruptions.md").read_text(), re.MULTILINE)


def test_every_corruption_has_constants_of_five_severities() -> None:
    for table in TABLES.values():
        assert table.keys() == CORRUPTIONS.keys()
        assert {len(constants) for constants in table.values()} == {5}


def test_the_lists_of_filters_and_noises_are_those_of_the_records() -> None:
    evaluate = " ".join((DOCS / "evaluate-definitions.md").read_text().split())
    for names in (FILTERS, NOISES):
        listed = ", ".join(f"`{name}`" for name in names)
        assert listed in evaluate
        assert all(f"``{name}``" in (SuiteConfig.__doc__ or "") for name in names)
    assert tuple(SuiteConfig().filters) == tuple(FILTERS)
    assert tuple(SuiteConfig().noises) == tuple(NOISES)


def test_the_paragraphs_on_adding_them_name_what_is_touched() -> None:
    page = " ".join((DOCS / "architecture.md").read_text().split())
    for place in ("`ATTACKS` of `perturb/attacks/config.py`", "`SINGLE` of `attack.py`", "`SEARCHES` of `minimal.py`"):
        assert place in page
    assert "`FILTERS` or `NOISES` of `perturb/catalog.py`" in page
    assert "A corruption: its function in a file of `perturb/corruptions/`, its record in `catalog.py` there" in page
