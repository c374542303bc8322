"""Randomness of each image's own for attacks.

The draws of an image are a function of its own seed and of what they are for. They depend neither on the size of the
batch nor on which other images still stand.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from fsens_cli.perturb.ball import steepest

_WORD = 2**64 - 1


def _mixed(seed: int, key: int) -> int:
    """Return the finaliser of splitmix64 (Steele et al., 2014), so that near seeds give unrelated streams."""
    z = (seed + (key + 1) * 0x9E3779B97F4A7C15) & _WORD
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _WORD
    return z ^ (z >> 31)


class Streams:
    """One seed an image. A draw changes nothing: drawing twice gives the same numbers, `child` gives others."""

    def __init__(self, seed_N: Sequence[int]) -> None:
        self.seed_N = list(seed_N)

    @classmethod
    def drawn(cls, generator: torch.Generator | int, num_images: int) -> "Streams":
        """Take one number an image from the generator, so batches of any size leave it at the same place."""
        if isinstance(generator, int):
            generator = torch.Generator().manual_seed(generator)
        drawn = torch.randint(2**62, (num_images,), generator=generator, device=generator.device)
        return cls(drawn.tolist())

    def child(self, key: int) -> "Streams":
        """Return the streams of one purpose, such as a restart."""
        return Streams([_mixed(seed, key) for seed in self.seed_N])

    def __getitem__(self, row_S: Tensor) -> "Streams":
        """Return the streams of the images at ``row_S``."""
        return Streams([self.seed_N[i] for i in row_S.tolist()])

    def uniform(self, *shape: int) -> Tensor:
        """Return numbers in [0, 1) of shape (N, *shape), on the CPU."""
        return torch.stack([torch.rand(shape, generator=g) for g in self._generators()])

    def normal(self, *shape: int) -> Tensor:
        """Return standard normal numbers of shape (N, *shape), on the CPU."""
        return torch.stack([torch.randn(shape, generator=g) for g in self._generators()])

    def _generators(self) -> list[torch.Generator]:
        # The CPU generator keeps the low 32 bits of a seed; the finaliser spreads all 64 over them.
        return [torch.Generator().manual_seed(_mixed(seed, -1) & 0xFFFFFFFF) for seed in self.seed_N]


def start_inside(images_NCHW: Tensor, norm: str, eps: float | Tensor, streams: Streams) -> Tensor:
    """Return a random perturbation of each image inside the ball: uniform, or random direction and length (``l2``)."""
    shape = images_NCHW.shape[1:]
    radius = torch.as_tensor(eps).to(images_NCHW).expand(len(images_NCHW))[:, None, None, None]
    if norm == "linf":
        return (2 * streams.uniform(*shape).to(images_NCHW) - 1) * radius
    direction = steepest(streams.child(0).normal(*shape).to(images_NCHW), norm)
    length = streams.child(1).uniform(1, 1, 1).to(images_NCHW)
    return direction * (radius * length)


def start_at_edge(images_NCHW: Tensor, norm: str, eps: float, streams: Streams) -> Tensor:
    """Return a random perturbation of size ``eps`` exactly, as APGD's released code begins with."""
    shape = images_NCHW.shape[1:]
    if norm == "linf":
        uniform = 2 * streams.uniform(*shape).to(images_NCHW) - 1
        return eps * uniform / uniform.abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min(1e-30)
    return eps * steepest(streams.normal(*shape).to(images_NCHW), norm)
