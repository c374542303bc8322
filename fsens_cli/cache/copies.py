"""Copies of text files that are needed for a moment."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def copies(texts: Mapping[Path, str]) -> Iterator[Path]:
    """Yield a folder that holds these texts under these relative names, and remove it."""
    with tempfile.TemporaryDirectory(prefix="fsens-") as name:
        for file, text in texts.items():
            (Path(name) / file).parent.mkdir(parents=True, exist_ok=True)
            (Path(name) / file).write_text(text, encoding="utf-8")
        yield Path(name)
