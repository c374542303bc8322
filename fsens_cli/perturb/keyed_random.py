"""Random numbers of (seed, purpose, image), whatever else is in the batch.

A counter-based generator: number i of an image is a hash of its key and i, so nothing has a state that batches could
share, and all devices compute the same integers. Not for cryptography.

Shape letters: N images; further axes belong to one image.
"""

import hashlib
import math

import torch
from torch import Tensor

LOW_32_BITS = 0xFFFFFFFF
# Blocks of this many numbers stay in a processor's cache.
BLOCK = 1 << 17


def scramble(value: Tensor) -> Tensor:
    """Hash whole numbers of 32 bits (in int64) in place: multiply and shift, constants of C. Wellons' hash prospector.

    >>> int(scramble(torch.tensor([1])))
    2261973619
    """
    # Both factors are below 2^31, so no product leaves int64.
    value.bitwise_xor_(value >> 16).mul_(0x21F0AAAD).bitwise_and_(LOW_32_BITS)
    value.bitwise_xor_(value >> 15).mul_(0x735A2D97).bitwise_and_(LOW_32_BITS)
    return value.bitwise_xor_(value >> 15)


class ImageDraws:
    """Random numbers for N images; every call goes on where the last one stopped.

    Args:
        purpose: what the numbers are for, such as a name and a severity; other purposes get unrelated numbers.
        seed: any whole number.
        index_N: what names each image, int64; the numbers of an image depend on its own entry alone.
        device: of the results.
    """

    def __init__(self, purpose: str, seed: int, index_N: Tensor, device: torch.device) -> None:
        digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
        first, second, third = (int.from_bytes(digest[i : i + 4], "big") for i in (0, 4, 8))
        index = index_N.to(device=device, dtype=torch.int64)
        image = scramble((index & LOW_32_BITS) ^ first)
        image = scramble(image ^ ((index >> 32) & LOW_32_BITS) ^ second)
        self._first_N = image
        self._second_N = scramble(image ^ third)
        self._position = 0

    def whole(self, *shape: int) -> Tensor:
        """Return whole numbers from 0 to 2^32 - 1 as int64, shape (N, *shape)."""
        each = math.prod(shape)
        first, second = self._first_N, self._second_N
        counter = torch.arange(self._position, self._position + each, device=first.device)
        self._position += each
        value = torch.empty(len(first), each, dtype=torch.int64, device=first.device)
        rows = max(1, BLOCK // max(each, 1)) if first.device.type == "cpu" else len(first)
        for start in range(0, len(first), rows):
            block = value[start : start + rows]
            torch.bitwise_xor(counter, first[start : start + rows, None], out=block)
            scramble(block).add_(second[start : start + rows, None]).bitwise_and_(LOW_32_BITS)
            scramble(block)
        return value.reshape(len(first), *shape)

    def uniform(self, *shape: int) -> Tensor:
        """Return numbers uniform in [0, 1), multiples of 2^-24, float32, shape (N, *shape)."""
        return (self.whole(*shape) >> 8).float().mul_(2.0**-24)

    def normal(self, *shape: int) -> Tensor:
        """Return standard normal numbers, float32, shape (N, *shape); Box and Muller's transform, two a pair."""
        each = math.prod(shape)
        pairs = (each + 1) // 2
        radius_u, angle_u = self.uniform(2, pairs).unbind(1)
        # 1 - u lies in (0, 1], so that the logarithm is finite.
        radius = torch.rsub(radius_u, 1.0).log_().mul_(-2.0).sqrt_()
        angle = angle_u.mul_(2.0 * math.pi)
        both = torch.cat([radius * torch.cos(angle), radius.mul_(angle.sin_())], dim=1)
        return both[:, :each].reshape(-1, *shape)

    def sign(self, *shape: int) -> Tensor:
        """Return -1 or 1 with equal chance, float32, shape (N, *shape)."""
        return (self.whole(*shape) >> 31).float().mul_(2.0).sub_(1.0)

    def below(self, limit: int, *shape: int) -> Tensor:
        """Return whole numbers from 0 to ``limit`` - 1, int64, shape (N, *shape); ``limit`` far below 2^32."""
        return (self.whole(*shape) * limit) >> 32

    def permutation(self, size: int) -> Tensor:
        """Return one random order of 0 .. size - 1 an image, int64, shape (N, size)."""
        return self.whole(size).argsort(dim=1, stable=True)
