"""What a claim is, and how intervals decide about it. A verdict is never stronger than its interval."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
from tables import shown

from fsens_cli.runs.evaluate_summary import markdown_table
from fsens_cli.statistics.intervals import Interval

REPRODUCED, PARTLY, NOT, UNDECIDED, UNTESTABLE = (
    "reproduced",
    "partly",
    "not reproduced",
    "not decided",
    "not testable here",
)

NOT_RUN = "not run"
# Decided by interventions of their own, on networks that are no part of either paper's list.
BRAIN_LIKE = "Models regularised toward brain-like representations are more robust and prefer low frequencies"


@dataclass(frozen=True)
class Claim:
    """One claim of a paper beside what was found.

    Attributes:
        text: what the paper says.
        published: its numbers.
        found: ours, with intervals.
        verdict: one of the five words, or "not run".
        why: what the verdict rests on.
    """

    text: str
    published: str
    found: str
    verdict: str
    why: str = ""

    def __post_init__(self) -> None:
        """Tell what was left out from what cannot be tested."""
        if self.found == NOT_RUN:
            object.__setattr__(self, "verdict", NOT_RUN)


def above_zero(intervals: Sequence[Interval | None]) -> str:
    """Return the verdict on "these differences are positive", one interval a seed.

    >>> [above_zero([Interval(value, value - 1, value + 1, 9)]) for value in (2, 0.5, -2)]
    ['reproduced', 'not decided', 'not reproduced']
    """
    known = [i for i in intervals if i is not None]
    if not known:
        return UNTESTABLE
    if all(i.low > 0 for i in known):
        return REPRODUCED
    if all(i.high < 0 for i in known):
        return NOT
    return UNDECIDED


def together(verdicts: Sequence[str]) -> str:
    """Return the verdict on a claim that is made of several. Where no part holds, and one fails, the claim fails.

    >>> together(["reproduced", "reproduced"]), together(["reproduced", "not reproduced"])
    ('reproduced', 'partly')
    >>> together(["not reproduced", "not decided"])
    'not reproduced'
    """
    tested = [v for v in verdicts if v != UNTESTABLE]
    if not tested:
        return UNTESTABLE
    if len(set(tested)) == 1:
        return tested[0]
    return PARTLY if {REPRODUCED, PARTLY} & set(tested) else NOT


def listed(intervals: Sequence[Interval | None], *, scale: float = 1.0, digits: int = 3, sign: bool = False) -> str:
    """Return one number a seed as text."""
    return "; ".join(shown(i, scale=scale, digits=digits, sign=sign) for i in intervals)


def write_claims(claims: Sequence[Claim], path: Path) -> None:
    """Write one row a claim."""
    pd.DataFrame([asdict(claim) for claim in claims]).to_csv(path, index=False)


def read_claims(path: Path) -> list[Claim]:
    """Return the claims that ``write_claims`` wrote; none where there is no such file."""
    if not path.exists():
        return []
    table = pd.read_csv(path, keep_default_na=False)
    return [Claim(*map(str, row)) for row in table[["text", "published", "found", "verdict", "why"]].to_numpy()]


def claims_table(claims: Sequence[Claim]) -> str:
    """Return the claims in Markdown."""
    head = ["claim", "published", "here", "verdict", "because"]
    return markdown_table(head, [[c.text, c.published, c.found, f"**{c.verdict}**", c.why] for c in claims])
