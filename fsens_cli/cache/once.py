"""What is to be started once, however many processes think of it."""

import time
from pathlib import Path


def is_first(mark: Path, seconds: float) -> bool:
    """Return whether nobody has asked this within the last ``seconds``, by the time of a file that asking renews."""
    if mark.is_file() and 0 <= time.time() - mark.stat().st_mtime < seconds:
        return False
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    return True
