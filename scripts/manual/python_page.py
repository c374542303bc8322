"""The manual's page on every public name of Python, which mkdocstrings fills from signatures and docstrings."""

import fsens_cli

HEAD = """# Every public name

`import fsens_cli as fsens`. [How they work together](python.md).
"""


def python_page() -> str:
    """Return the page: one section a public name, functions first."""
    names = sorted(fsens_cli._PUBLIC, key=lambda name: (name[0].isupper(), name))
    return "\n".join([HEAD, *(_section(name) for name in names)])


def _section(name: str) -> str:
    target = f"{fsens_cli._PUBLIC[name]}.{name}"
    return f"::: {target}\n    options:\n      heading: fsens.{name}\n      toc_label: fsens.{name}\n"
