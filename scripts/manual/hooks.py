"""What mkdocs asks of fsens while it builds the manual: pages drawn from the code, and formulas as MathML."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

from files_page import files_page
from formulas import with_mathml
from python_page import python_page
from settings_page import settings_page

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

PAGES = {"settings.md": settings_page, "files.md": files_page, "python-reference.md": python_page}


def on_files(files: "Files", config: "MkDocsConfig") -> "Files":
    """Add the pages that are drawn from the code."""
    from mkdocs.structure.files import File

    for name, draw in PAGES.items():
        files.append(File.generated(config, name, content=draw()))
    return files


def on_page_content(html: str, page: "Page", config: "MkDocsConfig", files: "Files") -> str:
    """Set formulas."""
    return with_mathml(html)
