"""The manual's form: short pages for verbs, and for concepts a formula, a picture and units."""

import re
from pathlib import Path

import pytest

from fsens_cli.commands.verbs.registry import VERBS

DOCS = Path(__file__).resolve().parents[2] / "docs"
VERB_PAGES = [*VERBS, "compare-and-report", "models-and-data", "sweeps"]
CONCEPTS = sorted((DOCS / "concepts").glob("*.md"))
CODE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("name", VERB_PAGES)
def test_a_verb_has_one_page_of_at_most_600_words(name: str) -> None:
    assert len(CODE.sub("", (DOCS / f"{name}.md").read_text()).split()) <= 600


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_s_page_leads_to_its_settings_and_files(verb: str) -> None:
    page = (DOCS / f"{verb}.md").read_text()
    assert f"(settings.md#{verb})" in page
    assert f"(files.md#fsens-{verb})" in page


@pytest.mark.parametrize("page", CONCEPTS, ids=[page.stem for page in CONCEPTS])
def test_a_concept_has_a_formula_a_picture_and_units(page: Path) -> None:
    text = page.read_text()
    assert re.search(r"^\$\$.+\$\$$", text, re.MULTILINE)
    assert "**Units.**" in text
    pictures = re.findall(r"!\[.+?\]\((.+?)\)", text)
    assert pictures
    assert all((page.parent / picture).is_file() for picture in pictures)


def test_every_page_is_in_the_manual() -> None:
    text = (DOCS.parent / "mkdocs.yml").read_text()
    written = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    listed = set(re.findall(r"[\w/-]+\.md$", text, re.MULTILINE))
    assert written <= listed, "add it to nav in mkdocs.yml"
    assert listed <= written, "also what is drawn from the code has a page in a clone, which says so"
