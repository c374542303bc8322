"""The public names of Python and their signatures, frozen in public_names.txt.

Whoever changes one on purpose renews the file, and says so in CHANGELOG.md: python tests/python/test_public_names.py
"""

import dataclasses
import doctest
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fsens_cli as fsens

FROZEN = Path(__file__).with_name("public_names.txt")
RENEW = "python tests/python/test_public_names.py renews the file"
INSTRUMENTS = ("attack", "band_filter", "corrupt", "hybrid", "minimal_perturbation", "sensitivity", "spectrum")
# Those of the release before instruments were functions.
EARLIER = (
    "Classifier", "EvaluateConfig", "EvaluateResult", "FsensError", "HybridConfig", "HybridResult", "ImageSet",
    "MeasureConfig", "MeasureResult", "SuiteConfig", "evaluate", "hybrid_probe", "measure",
)  # fmt: skip


def signature_of(name: str, made: object) -> list[str]:
    """One parameter a line, without quotes around types."""
    try:
        signature = inspect.signature(made)
    except (TypeError, ValueError):
        return [name]
    lines, star = [], False
    for parameter in signature.parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            lines.append("*")
            star = True
        kind = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        typed = "" if parameter.annotation is parameter.empty else f": {parameter.annotation}"
        default = "" if parameter.default is parameter.empty else f" = {default_of(made, parameter)}"
        lines.append(f"{kind}{parameter.name}{typed}{default}")
    returned = signature.return_annotation
    result = "" if returned in (None, "None", signature.empty) else f" -> {returned}"
    if not lines:
        return [f"{name}(){result}"]
    return [f"{name}(", *(f"    {line}" for line in lines), f"){result}"]


def default_of(made: object, parameter: inspect.Parameter) -> str:
    """What a parameter is without an argument; for fields that are made anew, what is made."""
    if repr(parameter.default) != "<factory>":
        return repr(parameter.default)
    (field,) = (f for f in dataclasses.fields(made) if f.name == parameter.name)
    fresh = field.default_factory()
    return f"{type(fresh).__name__}()" if dataclasses.is_dataclass(fresh) else repr(fresh)


def members_of(kind: type) -> list[str]:
    """Methods and properties that a class defines itself or has from another class of fsens."""
    found = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith("fsens_cli"):
            found |= {n: m for n, m in vars(base).items() if not n.startswith("_") or n in ("__call__", "__getitem__")}
    lines = []
    for name, member in sorted(found.items()):
        if isinstance(member, property):
            returned = inspect.signature(member.fget).return_annotation
            lines.append(f"    .{name} -> {returned}")
        elif inspect.isfunction(member):
            lines += [f"    {line}" for line in signature_of(f".{name}", member)]
    return lines


def surface() -> str:
    blocks = []
    for name in fsens.__all__:
        made = getattr(fsens, name)
        if not callable(made):
            blocks.append([name])
        elif isinstance(made, type):
            blocks.append([*signature_of(f"class {name}", made), *members_of(made)])
        else:
            blocks.append(signature_of(name, made))
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def test_public_names_and_signatures_are_those_of_the_file() -> None:
    assert surface() == FROZEN.read_text(), RENEW


def test_signatures_can_be_read() -> None:
    said = surface()
    for unreadable in ("<function", "<lambda", "<class", " at 0x", "fsens_cli.", "torch.nn.modules", "collections.abc"):
        assert unreadable not in said, unreadable
    assert max(len(line) for line in said.splitlines()) <= 120


def test_the_three_lists_of_names_agree_and_completion_shows_them() -> None:
    source = Path(fsens.__file__).read_text()
    typed = set(re.findall(r"import (\w+) as \1", source))
    assert typed == set(fsens._PUBLIC) == set(fsens.__all__) - {"__version__"}
    assert dir(fsens) == fsens.__all__ == sorted(fsens.__all__)
    assert set(EARLIER) <= set(fsens.__all__)
    for name in fsens.__all__:
        assert name in dir(fsens)
        assert inspect.getdoc(getattr(fsens, name)), name
    with pytest.raises(AttributeError, match="mesure"):
        _ = fsens.mesure


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_an_instrument_says_shapes_errors_source_and_an_example(name: str) -> None:
    said = inspect.getdoc(getattr(fsens, name))
    for part in ("Args:", "Returns:", "Raises:", "Source", "(N,"):
        assert part in said, part
    module = importlib.import_module(fsens._PUBLIC[name])
    examples = doctest.DocTestFinder(recurse=False).find(getattr(fsens, name), name, module=module)
    assert examples[0].examples


def test_importing_fsens_imports_no_heavy_library() -> None:
    heavy = "('torch', 'numpy', 'pandas', 'hydra', 'matplotlib')"
    code = f"import sys, fsens_cli; dir(fsens_cli); print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_types_are_published() -> None:
    assert Path(fsens.__file__).with_name("py.typed").read_text() == ""


if __name__ == "__main__":
    FROZEN.write_text(surface())
