"""How did one job end?"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fsens_cli.commands.options import Flags
from fsens_cli.config.jobs import JobFields


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one job ended.

    Attributes:
        status: ``done`` or ``failed``; in a sweep's records also ``running``.
        folder: of the run; None where a job was refused.
        results: headline numbers.
        settings: what distinguishes the job in a sweep.
        error: why it failed.
        said: warnings of a job in another process, where nobody could read them.
    """

    status: str
    folder: Path | None = None
    results: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    said: str = ""


Task = Callable[[JobFields, str, Flags], Outcome]
