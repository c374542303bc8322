"""Text of any origin is safe to show: nothing in it moves a cursor, reorders letters or gives a secret away."""

import sys
import unicodedata

import pytest

from fsens_cli.text import masked, masked_values, safe, shown


def test_no_control_character_of_unicode_is_left_but_the_line_feed() -> None:
    left = safe("".join(map(chr, range(sys.maxunicode + 1))))
    bad = {c for c in left if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") and c != "\n"}
    assert bad == set()
    directions = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    assert not {c for c in left if unicodedata.bidirectional(c) in directions}


@pytest.mark.parametrize("text", ["naïve café", "日本語", "مرحبا", "👩‍🔬", "a\nb", "50 % [49.1, 50.9]"])
def test_ordinary_text_of_any_language_is_unchanged(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\rb", r"a\rb"),
        ("\x9b31m", r"\x9b31m"),
        ("a\tb", "a b"),
    ],
)
def test_escape_sequences_become_text(text: str, expected: str) -> None:
    assert safe(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://h/x", "http://h/x"),
        ("http://h:80/a@2x.png", "http://h:80/a@2x.png"),
        ("http://u:p@h/x", "http://***@h/x"),
        ("http://u:p@ss@h/x?a=b&c=d#e", "http://***@h/x?***"),
        ("two http://u@h and https://h?k, too", "two http://***@h and https://h?*** too"),
        ("mail me@host? no", "mail me@host? no"),
        ("is it at http://h/x? No", "is it at http://h/x? No"),
    ],
)
def test_users_and_queries_are_masked(text: str, expected: str) -> None:
    assert masked(text) == expected
    assert masked(expected) == expected, "what was masked stays as it is"


def test_data_is_masked_throughout() -> None:
    assert masked_values({"a": [("http://u@h",), 1, None]}) == {"a": [("http://***@h",), 1, None]}
