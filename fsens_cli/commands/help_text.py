"""What stands below the flags in each command's help: settings with defaults, examples, where results land."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fsens_cli.commands.tables import NARROW, wrapped
from fsens_cli.commands.verbs.registry import VERBS
from fsens_cli.commands.verbs.verb import Rows

# What comes behind so many spaces explains an example, and is not to be typed.
REMARK = re.compile(r"\s{3,}")
CONTINUED = " \\"


@dataclass(frozen=True, slots=True)
class Page:
    """What stands below the flags.

    Attributes:
        settings: names with defaults, and what else they can be.
        examples: command lines, with a remark behind three spaces.
        results: what is left where.
    """

    settings: Rows
    examples: Sequence[str]
    results: str

    def lines(self, width: int, *, headed: str = "{}", typed: str = "{}") -> list[str]:
        """Return its lines for a terminal of ``width`` columns; commands that are broken can be copied whole.

        Args:
            width: columns.
            headed: how headings are written.
            typed: how a command is written.
        """
        found = []
        if self.settings:
            heads = wrapped("Settings people change most, with their defaults", width, hanging=0)
            found += [*map(headed.format, heads), *self._rows(width), ""]
        found.append(headed.format("Examples"))
        for example in self.examples:
            command, *remark = REMARK.split(example, maxsplit=1)
            whole = len(example) + 2 <= width
            found += [f"  {typed.format(part)}" for part in ([example] if whole else broken(command, width - 2))]
            found += [] if whole else [line for said in remark for line in wrapped(f"      {said}", width)]
        return [*found, "", *wrapped(self.results, width, hanging=0)] if self.results else found

    def _rows(self, width: int) -> list[str]:
        if width < NARROW:
            return [
                part
                for name, text in self.settings
                for part in (f"  {name}", *wrapped(f"      {text}", width, hanging=0))
            ]
        longest = max(len(name) for name, _ in self.settings)
        return [
            part
            for name, text in self.settings
            for part in wrapped(f"  {name.ljust(longest)}  {text}", width, hanging=longest + 2)
        ]


def broken(command: str, width: int) -> list[str]:
    r"""Return a command in lines that a shell takes as one; a word that is longer than a line stays whole.

    >>> broken("fsens train epochs=3 'a=[1, 2]'", 22)
    ['fsens train epochs=3 \\', "  'a=[1, 2]'"]
    """
    lines = [""]
    for word in re.findall(r"(?:'[^']*'|\S)+", command):
        longer = f"{lines[-1]} {word}" if lines[-1].strip() else f"{lines[-1]}{word}"
        if len(longer) + len(CONTINUED) <= width or not lines[-1].strip():
            lines[-1] = longer
        else:
            lines[-1] += CONTINUED
            lines.append(f"  {word}")
    return lines


FSENS = Page(
    [],
    [
        "fsens measure                    the embedded demonstration, in seconds",
        "fsens measure --model net.py:make --weights net.pt --data cifar10",
        "fsens train regularizer=lsf      a network that listens to low frequencies",
    ],
    "Settings are KEY=VALUE; comma lists with -m make a sweep. `fsens VERB --help` names the main ones.",
)
OTHERS = {
    "compare": Page(
        [],
        [
            "fsens compare outputs/measure/resnet8-dualband/v001 outputs/measure/resnet8-lsf-dualband/v001",
            "fsens compare sweep:hybrid-probe",
            "fsens compare 'outputs/evaluate/*/v*' --allow-different",
        ],
        "Differences are from the first run, image by image. Results: outputs/compare/v001 with comparison.csv, "
        "comparison.md, comparison.tex and overlay.png.",
    ),
    "export": Page(
        [],
        [
            "fsens export latest --to model-card -o README.md",
            "fsens export latest --to robustbench      after fsens evaluate suite=robustbench-linf",
            "fsens export 'outputs/*/resnet8-dualband/v*' --to csv",
        ],
        "What a run cannot know, such as a paper's number, is left empty.",
    ),
    "report": Page(
        [],
        [
            "fsens report sweep:measure sweep:hybrid-probe sweep:evaluate -o report.html",
            "fsens report 'outputs/*/resnet8-dualband/v*' --title 'Five trainings'",
        ],
        "The page carries all that it needs: no network, works from file://. Needs `pip install 'fsens[report]'`.",
    ),
    "runs": Page(
        [],
        [
            "fsens runs measure",
            "fsens runs --json",
        ],
        "",
    ),
    "show": Page(
        [],
        [
            "fsens show                       the latest run",
            "fsens show evaluate --plot       the latest of a verb, its figures drawn again",
            "fsens show outputs/measure/resnet8-dualband/v001 --json",
        ],
        "",
    ),
    "models": Page(
        [],
        [
            "fsens models resnet",
            "fsens models timm/vit",
        ],
        "",
    ),
}


def page_of(command: str) -> Page | None:
    """Return what stands below the flags of a command, ``fsens`` for all of them; None where nothing does."""
    if command in VERBS:
        verb = VERBS[command]
        return Page(verb.settings, verb.examples, " ".join(verb.results.split()))
    return FSENS if command == "fsens" else OTHERS.get(command)
