"""Inline code of the manual's pages: where a line may break inside it, and where it may not."""

import re

BLOCK = re.compile(r"(<pre.*?</pre>)", re.DOTALL)
INLINE = re.compile(r"<code>([^<]*)</code>")
OPTION = re.compile(r"(?<![\w-])--?\w[\w-]*")
# After these a long path, name or list may go on in the next line.
BREAKS = re.compile(r"(/|::|=|,(?! )|(?<=\w)_(?=\w))")
LONG = 24


def with_breaks(page: str) -> str:
    """Return a page on which options stay in one piece and long code breaks at its parts.

    >>> with_breaks("<code>--out</code>")
    '<code><span class="option">--out</span></code>'
    >>> with_breaks("<code>outputs/measure/resnet8-dualband/v001</code>")
    '<code>outputs/<wbr>measure/<wbr>resnet8-dualband/<wbr>v001</code>'
    """

    def inline(found: re.Match[str]) -> str:
        code = BREAKS.sub(r"\1<wbr>", found[1]) if len(found[1]) > LONG else found[1]
        return f"<code>{OPTION.sub(_whole, code)}</code>"

    parts = BLOCK.split(page)
    return "".join(part if part.startswith("<pre") else INLINE.sub(inline, part) for part in parts)


def _whole(option: re.Match[str]) -> str:
    return f'<span class="option">{option[0]}</span>'
