"""Text from files, servers and exceptions, made safe to show and to keep; sizes as people write them."""

import re
from typing import TypeVar, cast

Value = TypeVar("Value")

# What moves a terminal's cursor, changes its colours or the order of letters: control characters but the line feed,
# bidirectional controls, separators of lines and paragraphs, halves of pairs, tags, and a mark of byte order.
_UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
# User and password in front of a host; everything behind the question mark.
_USER = re.compile(r"(?<=://)[^\s/?#<>\"]*@")
_QUERY = re.compile(r"(://[^\s?<>\"]*)\?[^\s<>\"]+")
MASK = "***"
# As Python writes numbers that no short decimal is equal to.
_LONG_NUMBER = re.compile(r"(?<![\w.])[01]?\d?\.\d{6,}(?:e-\d+)?(?![\w.])")
_YAML_NUMBER = re.compile(rf"^( *(?:- |[\w.-]+: ))({_LONG_NUMBER.pattern})$", re.MULTILINE)


def safe(text: str) -> str:
    r"""Return text without control characters; each becomes its escape.

    >>> safe("red \x1b[31m, backwards \u202e")
    'red \\x1b[31m, backwards \\u202e'
    """
    return _UNSAFE.sub(lambda found: " " if found[0] == "\t" else ascii(found[0])[1:-1], text)


def masked(text: str) -> str:
    """Return text whose addresses keep their user, password and query to themselves.

    >>> masked("data.mirror=https://me:secret@host/c.tar.gz?token=S is gone")
    'data.mirror=https://***@host/c.tar.gz?*** is gone'
    """
    if "://" not in text:
        return text
    return _QUERY.sub(rf"\1?{MASK}", _USER.sub(f"{MASK}@", text))


def masked_values(content: Value) -> Value:
    """Return plain data with the addresses in its texts masked.

    >>> masked_values({"mirror": ["http://host/?key=1", 2]})
    {'mirror': ['http://host/?***', 2]}
    """
    if isinstance(content, str):
        return cast("Value", masked(content))
    if isinstance(content, dict):
        return cast("Value", {key: masked_values(value) for key, value in content.items()})
    if isinstance(content, list | tuple):
        return cast("Value", type(content)(masked_values(value) for value in content))
    return content


def shown(text: str) -> str:
    """Return text as it may stand on a terminal, in a figure or on a page."""
    return masked(safe(text))


def in_255ths(text: str) -> str:
    """Return text whose sizes are written as steps of 8-bit pixels, where they are exactly that; quarters too.

    >>> in_255ths("eps_linf=[0.03137254901960784, 0.0314, 0.2]")
    'eps_linf=[8/255, 0.0314, 0.2]'
    """

    def in_steps(found: re.Match[str]) -> str:
        steps = round(4 * 255 * float(found[0])) / 4
        return f"{steps:g}/255" if steps / 255 == float(found[0]) else found[0]

    return _LONG_NUMBER.sub(in_steps, text)


def with_255ths(yaml: str) -> str:
    """Return YAML in which such a size is followed by how people write it: ``0.03137254901960784  # 8/255``."""

    def noted(found: re.Match[str]) -> str:
        size = in_255ths(found[2])
        return found[0] if size == found[2] else f"{found[0]}  # {size}"

    return _YAML_NUMBER.sub(noted, yaml)
