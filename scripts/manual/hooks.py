"""What mkdocs asks of fsens while it builds the manual: pages drawn from the code, formulas, breaks of inline code."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

from files_page import files_page
from formulas import with_mathml
from inline_code import with_breaks
from python_page import python_page
from settings_page import settings_page

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

LIST_IN_TEXT = re.compile(r"<p>(?:(?!</p>).)*\n- ", re.DOTALL)
PAGES = {"settings.md": settings_page, "files.md": files_page, "python-reference.md": python_page}


def on_files(files: "Files", config: "MkDocsConfig") -> "Files":
    """Add the pages that are drawn from the code, in the places of those that say so to readers of a clone."""
    from mkdocs.structure.files import File

    for name, draw in PAGES.items():
        if said := files.get_file_from_path(name):
            files.remove(said)
        files.append(File.generated(config, name, content=draw()))
    return files


def on_page_content(html: str, page: "Page", config: "MkDocsConfig", files: "Files") -> str:
    """Set formulas and inline code.

    Raises:
        ValueError: a formula, or a list, that Markdown did not take for one.
    """
    if LIST_IN_TEXT.search(html):
        raise ValueError(f"{page.file.src_uri}: a list begins in the middle of a paragraph; leave a line free above it")
    return with_breaks(with_mathml(html))
