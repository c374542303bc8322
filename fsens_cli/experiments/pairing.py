"""Random partners of another class: which image gives the low frequencies and which the high ones.

Shape letters: N images, P pairings.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from fsens_cli.errors import DataError
from fsens_cli.experiments.hybrid_settings import PAIRING_SEEDS


def pairing_seeds(seed: int, num_pairings: int) -> list[int]:
    """Return the seed of each pairing; runs with different seeds share none.

    >>> pairing_seeds(2, 3)
    [2000, 2001, 2002]
    """
    return [PAIRING_SEEDS * seed + p for p in range(num_pairings)]


def require_pairable(label_N: Tensor, class_names: Sequence[str] = ()) -> None:
    """Raise DataError unless every image can have a partner of another class, each image being used once.

    That is possible exactly if no class holds more than half of the images.
    """
    if len(label_N) < 2:
        raise DataError(f"hybrids need two images of different classes, got {len(label_N)}.")
    label, count = torch.unique(label_N, return_counts=True)
    largest = int(count.argmax())
    if 2 * int(count[largest]) > len(label_N):
        number = int(label[largest])
        name = class_names[number] if number < len(class_names) else f"{number}"
        raise DataError(
            f"class {name} holds {int(count[largest])} of {len(label_N)} images, and each needs a partner of another "
            "class, used once: no class may hold more than half. Give other data, or another num_images or seed."
        )


def pair_images(label_N: Tensor, seed: int) -> Tensor:
    """Return the partner of each image, shape (N,), int64: a permutation that never joins two images of one class.

    Image n is used once as low image (with partner[n] as high) and once as high image, so class counts are the same in
    both roles. A random permutation from a CPU generator is repaired where an image met its own class: it exchanges
    partners with a random image such that both end up with another class. If no class holds more than half, such an
    image exists: at most N - 1 of the N have the class themselves or as partner. No exchange makes a new conflict, so
    there are at most N.

    Raises:
        DataError: a class holds more than half of the images.

    >>> pair_images(torch.tensor([0, 0, 1, 1]), seed=0)[:2].sort().values.tolist()
    [2, 3]
    """
    label = label_N.cpu()
    require_pairable(label)
    generator = torch.Generator().manual_seed(seed)
    partner = torch.randperm(len(label), generator=generator)
    for n in torch.nonzero(label[partner] == label).flatten().tolist():
        own = label[n]
        if label[partner[n]] != own:
            continue  # an earlier exchange has mended it
        candidates = torch.nonzero((label != own) & (label[partner] != own)).flatten()
        other = candidates[torch.randint(len(candidates), (1,), generator=generator)].item()
        partner[[n, other]] = partner[[other, n]]
    return partner
