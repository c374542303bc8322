"""A figure as an SVG picture of a page: small, and in the colours of the reader's screen."""

import re
from collections.abc import Iterator
from urllib.parse import quote
from xml.etree import ElementTree

from matplotlib.figure import Figure

from fsens_cli.runs.figures.style import BLACK, svg_of

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
# What is black on white paper is light on a dark screen.
COLOURS = (
    ":root{--ink:#000;--paper:#fff;fill:var(--ink)}"
    "@media (prefers-color-scheme:dark){:root{--ink:#e4e4e4;--paper:#16181b}}"
)
INK_AND_PAPER = {BLACK: "var(--ink)", "#ffffff": "var(--paper)"}
# matplotlib lists all fonts it knows; Verdana is as wide as its own.
FAMILIES = re.compile(r"'DejaVu Sans'[^;]*")
SHORT_FAMILIES = "'DejaVu Sans',Verdana,sans-serif"
DRAWN = ("d", "x", "y", "width", "height", "transform")
NUMBER = re.compile(r"-?\d+\.\d+")
DIGITS = 2  # hundredths of a point: less than a pixel of any screen
# Signs that may stand in an address between quotation marks, beside letters and digits.
PLAIN = " !$&'()*+,-./:;=?@_|~"


def address(figure: Figure) -> str:
    """Return a figure as the address of an SVG picture; black and white follow the reader's screen."""
    # The page has a sheet of its own.
    for patch in (figure.patch, *(axes.patch for axes in figure.axes)):
        patch.set_visible(False)
    return f"data:image/svg+xml,{quote(compact(svg_of(figure)), safe=PLAIN)}"


def compact(svg: str) -> str:
    """Return matplotlib's SVG without what no reader sees, with fewer digits, and with the colours of the screen."""
    for prefix, space in (("", SVG), ("xlink", XLINK)):
        ElementTree.register_namespace(prefix, space)
    root = ElementTree.fromstring(svg)
    for about in root.findall(f"{{{SVG}}}metadata"):
        root.remove(about)
    named = set(_names(root))
    for element in root.iter():
        _make_short(element, named)
    style = ElementTree.Element(f"{{{SVG}}}style")
    style.text = COLOURS
    root.insert(0, style)
    return ElementTree.tostring(root, encoding="unicode")


def _names(root: ElementTree.Element) -> Iterator[str]:
    """Give the names by which one part of the picture mentions another."""
    for element in root.iter():
        for value in element.attrib.values():
            yield from re.findall(r"#([\w-]+)", value)


def _make_short(element: ElementTree.Element, named: set[str]) -> None:
    if not (element.text or "").strip():
        element.text = None
    element.tail = None  # text stands inside of elements alone
    if element.get("id", "") not in named:
        element.attrib.pop("id", None)
    for key, value in element.attrib.items():
        if key in DRAWN:
            element.set(key, " ".join(NUMBER.sub(_rounded, value).split()))
    if "style" in element.attrib:
        style = FAMILIES.sub(SHORT_FAMILIES, element.attrib["style"])
        for colour, name in INK_AND_PAPER.items():
            style = style.replace(colour, name)
        element.set("style", style.replace(": ", ":").replace("; ", ";"))


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number.group()):.{DIGITS}f}".rstrip("0").rstrip(".")
