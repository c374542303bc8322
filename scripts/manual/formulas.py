"""Formulas of the manual as MathML, which browsers set themselves: no script, no font, no request."""

import html
import re

FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


def with_mathml(page: str) -> str:
    r"""Return a page whose formulas, as arithmatex marks them, are MathML.

    Raises:
        ValueError: something was marked that is no formula, or a formula has a command that is not known.
    """

    def formula(found: re.Match[str]) -> str:
        from latex2mathml.converter import convert

        display = "block" if found[2] == "[" else "inline"
        set_ = str(convert(html.unescape(found[3]), display=display))
        if "\\" in set_:
            raise ValueError(f"a command of this formula is not known: {found[3]}")
        return set_

    done = FORMULA.sub(formula, page)
    if 'class="arithmatex"' in done:
        raise ValueError("a formula was marked that could not be read")
    return done
