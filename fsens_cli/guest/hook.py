"""A function of the user's, imported once, and called without harm."""

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fsens_cli.errors import ModelError, suggestion
from fsens_cli.guest.code import as_guest, naming_the_place
from fsens_cli.guest.hooks import SIGNATURES, short_name, target_of
from fsens_cli.guest.load import import_module, importable
from fsens_cli.guest.names import split_name
from fsens_cli.home import expanded


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A function of the user's.

    Attributes:
        given: the setting with its value, for messages.
        kind: ``corruptions``, ``attacks``, ``regularizers`` or ``metrics``.
        asked: its name as given.
        name: what it is called in tables.
        function: itself.
        sha256: of the file that it stands in; empty where there is none.
    """

    given: str
    kind: str
    asked: str
    name: str
    function: Callable[..., object]
    sha256: str

    def __call__(self, *arguments: object) -> object:
        """Call it.

        Raises:
            ModelError: whatever it raises, in one line with the place.
        """
        with as_guest(), naming_the_place(f"{self.given}: calling {self.name}", f" It {SIGNATURES[self.kind]}."):
            return self.function(*arguments)

    def refuse(self, what: str) -> ModelError:
        """Return the error that says what is wrong with a result, and what is expected."""
        return ModelError(f"{self.given}: {self.name} {what}. It {SIGNATURES[self.kind]}.")


def load_hook(setting: str, name: str, kind: str) -> Hook:
    """Import a function of the user's or of a package; again only where its file has changed.

    Raises:
        ModelError: it cannot be imported, or is not there.
    """
    target = target_of(name, kind)
    where, _ = split_name(setting, target)
    content = expanded(where).read_bytes() if where.endswith(".py") else b""
    return _loaded(setting, name, kind, target, hashlib.sha256(content).hexdigest())


@lru_cache(maxsize=64)
def _loaded(setting: str, name: str, kind: str, target: str, content: str) -> Hook:
    given = f"{setting}={name}"
    where, function = split_name(setting, target)
    with importable(where), as_guest(where):
        module = import_module(where, given)
    found = getattr(module, function, None)
    if not callable(found):
        names = [n for n, value in vars(module).items() if callable(value) and not n.startswith("_")]
        raise ModelError(f"{given}: {where} has no function {function}.{suggestion(function, names)}")
    file = inspect.getsourcefile(module)
    sha256 = content if where.endswith(".py") else _sha256(file)
    return Hook(given=given, kind=kind, asked=name, name=short_name(name), function=found, sha256=sha256)


def _sha256(file: str | None) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""
