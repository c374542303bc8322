"""Names of torchvision's and timm's networks, read from the text of their files.

Both libraries can list their networks, but importing them takes seconds, and a mistyped setting is to be answered at
once. That a network is registered by the decorator ``register_model`` is theirs to change: where reading finds nothing,
they are asked after all, and a test compares both ways.
"""

import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

REGISTERED = re.compile(r"^@register_model(?:\(\))?\n(?:@[^\n]*(?:\n[ )][^\n]*)*\n)*def (\w+)\(", re.MULTILINE)


def _registered(package: str) -> tuple[str, ...]:
    """Return the registered names below ``package/models``, sorted; empty where the files say none."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return ()
    files = sorted((Path(spec.origin).parent / "models").glob("*.py"))
    names = {name for file in files for name in REGISTERED.findall(file.read_text(encoding="utf-8"))}
    return tuple(sorted(names))


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that puts ``vit_9`` in front of ``vit_10``, as timm lists its networks."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


@lru_cache(maxsize=1)
def torchvision_names() -> tuple[str, ...]:
    """Return torchvision's classification models."""
    names = _registered("torchvision")
    if names:
        return names
    import torchvision

    return tuple(torchvision.models.list_models(module=torchvision.models))


@lru_cache(maxsize=1)
def timm_names() -> tuple[str, ...]:
    """Return timm's models as the user types them, ``timm/NAME``."""
    names = _registered("timm")
    if not names:
        import timm

        names = tuple(timm.list_models())
    return tuple(f"timm/{name}" for name in sorted(names, key=_natural))
