"""The manual's generated pages say everything, and its formulas are set."""

import re

import pytest
from formulas import with_mathml
from hooks import LIST_IN_TEXT
from inline_code import with_breaks
from python_page import python_page
from settings_page import settings_page

import fsens_cli
from fsens_cli.commands.verbs.registry import VERBS
from fsens_cli.config.compose import Request, compose_job, flat_settings


def test_settings_has_a_row_for_every_key_of_every_verb() -> None:
    page = settings_page()
    rows = set(re.findall(r"^\| `([\w.]+)` \|", page, flags=re.MULTILINE))
    for verb in VERBS.values():
        _, yaml = compose_job(Request(verb=verb.config, job=verb.job_type(), overrides=()))
        keys = flat_settings(yaml)
        assert set(keys) - {"data.name"} <= rows, verb.name
    # The suite, not the dataclass, says how many images an evaluation looks at.
    assert "| `num_images` | `320` |" in page.partition("## fsens evaluate")[2].partition("\n## ")[0]


def test_python_has_every_public_name() -> None:
    named = re.findall(r"^::: [\w.]+\.(\w+)$", python_page(), flags=re.MULTILINE)
    assert sorted(named) == sorted(set(fsens_cli.__all__) - {"__version__"})


def test_formulas_become_mathml() -> None:
    pytest.importorskip("latex2mathml")
    page = r'<p>of <span class="arithmatex">\(f_{0.5} &lt; 1\)</span></p><div class="arithmatex">\[\frac{a}{b}\]</div>'
    set_ = with_mathml(page)
    assert "arithmatex" not in set_
    assert 'display="inline"' in set_
    assert re.search(r'display="block".*<mfrac>', set_)


@pytest.mark.parametrize("formula", [r"\min\Big\{a\Big\}", r"\text{with } \arg\max f"])
def test_a_command_that_is_not_known_stops_the_build(formula: str) -> None:
    pytest.importorskip("latex2mathml")
    with pytest.raises(ValueError, match="not known"):
        with_mathml(rf'<div class="arithmatex">\[{formula}\]</div>')


def test_a_list_in_the_middle_of_a_paragraph_is_found() -> None:
    assert LIST_IN_TEXT.search("<p>one</p>\n<p>text\n- item</p>")
    assert not LIST_IN_TEXT.search("<p>text</p>\n<ul>\n<li>3\n- 2</li></ul>")


def test_long_code_breaks_at_its_parts_and_options_do_not() -> None:
    assert with_breaks("<p><code>tests/a_b.py::test_of_something</code></p>").count("<wbr>") == 5
    assert with_breaks("<code>--no-bar --out=x</code>").count('<span class="option">--') == 2
    block = "<pre><code>outputs/measure/resnet8-dualband/v001 --out</code></pre>"
    assert with_breaks(block) == block


def test_a_formula_that_cannot_be_read_stops_the_build() -> None:
    with pytest.raises(ValueError, match="could not be read"):
        with_mathml('<span class="arithmatex">$x$</span>')
