"""Random lines typed into a process of their own: accepted, run, or refused in one line."""

import random
import re
from functools import cache
from pathlib import Path

from commands import BAD_INPUT, DONE, run
from random_lines import Lines, settings_of
from settings import VERBS
from table import Clock, Part

# One line in so many is run, on the little data of `settings`; of the others the settings are composed.
RUN_EVERY = 4
LONGEST_RUN = 60


def try_lines(count: int, seed: int, folder: Path, clock: Clock) -> Part:
    """Type lines of one to three random arguments."""
    part = Part("override lines")
    known = {verb: settings_of(run([verb, "--print-config"], folder).out) for verb in VERBS}

    @cache
    def options(verb: str, key: str) -> list[str]:
        """Return what a setting may be, as the refusal of any other word names it."""
        said = run([verb, f"{key}=no-such-word", "--print-config"], folder).err
        found = re.search(r" can be ([^.;]*)", said)
        return found[1].split(", ") if found else []

    composed = Lines(settings=known)
    short = Lines(settings=known, options=options, odd=0.1, to_run=True)
    chance = random.Random(seed)
    ran = 0
    for number in range(count):
        if clock.is_over(part):
            break
        is_run = number % RUN_EVERY == 0
        verb, words = (short if is_run else composed).draw(chance)
        line = [verb, *VERBS[verb], *words] if is_run else [verb, *words, "--print-config"]
        ended = run(line, folder, LONGEST_RUN, home=folder)
        ran += is_run and ended.code == DONE
        shown = " ".join(repr(word[:80]) if len(word) > 80 or not word.isprintable() else word for word in line)
        part.add(f"`fsens {shown}`", ended.fault(DONE, BAD_INPUT))
    part.note = f"{ran} of them ran to the end{f'; {part.note}' if part.note else ''}"
    return part
