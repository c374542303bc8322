"""Formulas of the manual as MathML, which browsers set themselves: no script, no font, no request."""

import html
import re

FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


def with_mathml(page: str) -> str:
    r"""Return a page whose formulas, as arithmatex marks them, are MathML.

    Raises:
        ValueError: something was marked that is no formula.
    """

    def formula(found: re.Match[str]) -> str:
        from latex2mathml.converter import convert

        display = "block" if found[2] == "[" else "inline"
        return str(convert(html.unescape(found[3]), display=display))

    done = FORMULA.sub(formula, page)
    if 'class="arithmatex"' in done:
        raise ValueError("a formula was marked that could not be read")
    return done
