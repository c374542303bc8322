"""What was tried, what was right and what was wrong."""

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Part:
    """A kind of trial.

    Attributes:
        wrong: one line a wrong trial, with what shows it again.
        note: why fewer were tried than asked for.
    """

    name: str
    tried: int = 0
    wrong: list[str] = field(default_factory=list)
    note: str = ""

    def add(self, trial: str, fault: str) -> None:
        """Count a trial; one without a fault is right."""
        self.tried += 1
        if fault:
            self.wrong.append(f"{trial}: {fault}")


@dataclass(frozen=True, slots=True)
class Clock:
    """How long a campaign may go on."""

    end: float

    @classmethod
    def of(cls, minutes: float) -> "Clock":
        """Start a clock of so many minutes."""
        return cls(time.monotonic() + 60 * minutes)

    def is_over(self, part: Part) -> bool:
        """Return whether the time is up, and note that in the part."""
        if time.monotonic() < self.end:
            return False
        part.note = "stopped: the time was up"
        return True


def as_markdown(parts: list[Part]) -> str:
    """Return the table, and below it every wrong trial."""
    rows = ["| part | tried | right | wrong | |", "| --- | ---: | ---: | ---: | --- |"]
    rows += [f"| {p.name} | {p.tried} | {p.tried - len(p.wrong)} | {len(p.wrong)} | {p.note} |" for p in parts]
    wrong = [f"- {p.name}, {line.replace(chr(10), ' ')[:600]}" for p in parts for line in p.wrong]
    return "\n".join(rows) + ("\n\nWrong:\n\n" + "\n".join(wrong) if wrong else "") + "\n"
