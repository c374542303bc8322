"""Counts of the package: lines, plumbing, ``Any``, long functions, tables of verbs.

``python scripts/count_code.py [FOLDER]``: of the package in FOLDER, this repository where none is given.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

PLUMBING = ("runs", "commands", "config", "cache", "app.py")
VERBS = {"measure", "train", "evaluate", "hybrid-probe", "blur-defense", "critical-band", "layers"}
LONG = 60


def main() -> None:
    """Print the counts of one package, and where the long functions and the tables are."""
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    package = given / "fsens_cli"
    texts = {path.relative_to(package): path.read_text() for path in sorted(package.rglob("*.py"))}
    if not texts:
        sys.exit(f"{package} holds no Python file: give the folder that fsens_cli lies in.")
    trees = {path: ast.parse(text) for path, text in texts.items()}
    lines = {path: len(text.splitlines()) for path, text in texts.items()}
    total, plumbing = sum(lines.values()), sum(n for path, n in lines.items() if path.parts[0] in PLUMBING)
    long = [f"{path}: {name}, {length} lines" for path, tree in trees.items() for name, length in long_functions(tree)]
    tables = [f"{path}:{line}" for path, tree in trees.items() for line in verb_tables(tree)]
    print(f"lines {total:,}, of which plumbing {plumbing:,} ({100 * plumbing / total:.1f} %), in {len(texts)} files")
    print(f"Any in annotations {sum(map(count_any, trees.values()))}")
    print("\n  ".join([f"functions over {LONG} lines {len(long)}", *long]))
    print("\n  ".join([f"tables with two or more verbs as keys {len(tables)}", *tables]))


def count_any(tree: ast.Module) -> int:
    """Return how often the name ``Any`` is used, imports left out: annotations, aliases of types and casts."""
    return sum(isinstance(node, ast.Name) and node.id == "Any" for node in ast.walk(tree))


def long_functions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Give the name and length of each function of more than 60 lines, signature and docstring included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            if length > LONG:
                yield node.name, length


def verb_tables(tree: ast.Module) -> Iterator[int]:
    """Give the line of each dictionary that has two or more verbs among its keys."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
            if len(keys & VERBS) > 1:
                yield node.lineno


if __name__ == "__main__":
    main()
