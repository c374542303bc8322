"""Independent streams of random numbers for independent purposes."""

import hashlib

import torch


def seeded(*parts: int | str) -> torch.Generator:
    """Return a generator whose seed is a hash of ``parts``: independent streams for independent purposes."""
    digest = hashlib.sha256("/".join(str(p) for p in parts).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
