"""The pieces of the page. Everything that comes from outside is escaped here, and nowhere else."""

import base64
import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsens_cli.text import shown


def escape(text: object) -> str:
    """Return text that stands for itself in HTML and in a plot's labels.

    >>> escape("<b> & 'c'")
    '&lt;b&gt; &amp; &#x27;c&#x27;'
    """
    return html.escape(shown(str(text)), quote=True)


@dataclass(frozen=True, slots=True)
class Cell:
    """A table's cell and what it is sorted by; empty sorts last."""

    text: str
    value: float | str | None = None


def table(head: Sequence[str], rows: Iterable[Sequence[Cell | str]], *, kind: str = "sortable") -> str:
    """Return a table whose columns sort on a click on their heads."""
    heads = "".join(f'<th scope="col"><button type="button">{escape(name)}</button></th>' for name in head)
    body = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table class="sortable {kind}"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(cell: Cell | str) -> str:
    if isinstance(cell, str):
        return f"<td>{escape(cell)}</td>"
    value = "" if cell.value is None else escape(cell.value)
    return f'<td class="number" data-value="{value}">{escape(cell.text)}</td>'


def paragraph(text: str, *, kind: str = "") -> str:
    """Return a paragraph."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def bullets(lines: Iterable[str], *, kind: str = "") -> str:
    """Return a list."""
    return f'<ul class="{kind}">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul>'


def section(name: str, title: str, *parts: str) -> str:
    """Return a section that can be linked to."""
    return f'<section id="{escape(name)}"><h2>{escape(title)}</h2>{"".join(parts)}</section>'


def details(title: str, *parts: str) -> str:
    """Return something that opens on a click."""
    return f"<details><summary>{escape(title)}</summary>{''.join(parts)}</details>"


def picture(path: Path, caption: str) -> str:
    """Return a PNG within the page."""
    data = base64.b64encode(path.read_bytes()).decode()
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def plot(name: str, spec: dict[str, Any], label: str) -> str:
    """Return the place of a plot and its data; labels inside must be escaped already."""
    # No tag can end or begin inside of the data.
    data = json.dumps(spec, allow_nan=False).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    target = escape(name)
    return (
        f'<figure class="plotted"><figcaption>{escape(label)}</figcaption>'
        f'<div class="plot" id="{target}" role="img" aria-label="{escape(label)}"></div>'
        f'<script type="application/json" class="plot-data" data-target="{target}">{data}</script></figure>'
    )
