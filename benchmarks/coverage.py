"""How often intervals hold the truth, by method and number of images: the table of docs/statistics.md."""

from collections.abc import Callable

import torch
from torch import Tensor

from fsens_cli.statistics.intervals import mean_bounds, wilson

SIZES = (1, 2, 3, 5, 10, 30, 100)
Bounds = Callable[[Tensor], tuple[Tensor, Tensor]]


def uniform(size: tuple[int, int], random: torch.Generator) -> Tensor:
    """Return values that are uniform on [0, 1]."""
    return torch.rand(size, generator=random, dtype=torch.float64)


def bootstrap(values_NK: Tensor) -> tuple[Tensor, Tensor]:
    """Return the percentile bootstrap's bounds (400 resamples), for comparison."""
    n = len(values_NK)
    random = torch.Generator().manual_seed(0)
    means = torch.stack([values_NK[torch.randint(n, (n,), generator=random)].mean(dim=0) for _ in range(400)])
    low, high = torch.quantile(means, torch.tensor([0.025, 0.975], dtype=means.dtype), dim=0)
    return low, high


def wilsons(values_NK: Tensor) -> tuple[Tensor, Tensor]:
    """Return Wilson's bounds of proportions."""
    n = len(values_NK)
    table = [wilson(k, n) for k in range(n + 1)]
    count_K = values_NK.sum(dim=0).long()
    low, high = (torch.tensor([getattr(i, end) for i in table], dtype=torch.float64) for end in ("low", "high"))
    return low[count_K], high[count_K]


def student(values_NK: Tensor) -> tuple[Tensor, Tensor]:
    """Return Student's bounds."""
    return mean_bounds(values_NK, None)


KINDS: dict[str, Callable[[tuple[int, int], torch.Generator], Tensor]] = {
    "uniform": uniform,
    "skewed": lambda size, random: uniform(size, random) ** 6,
    "heavy tail": lambda size, random: (
        0.03 * torch.randn(size, generator=random, dtype=torch.float64).exp()
    ).clamp_max(1),
    "mostly right": lambda size, random: (uniform(size, random) / 0.3).clamp_max(1),
    "proportion .9": lambda size, random: (uniform(size, random) < 0.9).double(),
    "proportion .98": lambda size, random: (uniform(size, random) < 0.98).double(),
}


def methods_of(kind: str) -> dict[str, tuple[Bounds, int]]:
    """Return the methods that a kind is tried with, and how many samples."""
    own: dict[str, tuple[Bounds, int]] = (
        {"Wilson": (wilsons, 20_000)} if kind.startswith("proportion") else {"score, Student": (mean_bounds, 20_000)}
    )
    return own | {"Student": (student, 20_000), "bootstrap": (bootstrap, 2000)}


def cell(kind: str, bounds: Bounds, n: int, num_samples: int, truth: float) -> str:
    """Return coverage and median width of one method."""
    low, high = bounds(KINDS[kind]((n, num_samples), torch.Generator().manual_seed(n)))
    if bool(low.isnan().all()):
        return "none"
    covered = ((low <= truth + 1e-12) & (high >= truth - 1e-12)).double().mean()
    return f"{100 * float(covered):.1f} ({float((high - low).nanmedian()):.3f})"


def main() -> None:
    """Print the table."""
    print("| values | method |", " | ".join(f"n = {n}" for n in SIZES), "|")
    print("|", " | ".join(["---"] * (len(SIZES) + 2)), "|")
    for kind, draw in KINDS.items():
        truth = float(draw((1, 4_000_000), torch.Generator().manual_seed(99)).mean())
        if kind.startswith("proportion"):
            truth = float(kind.split()[1])
        for name, (bounds, num_samples) in methods_of(kind).items():
            print(f"| {kind} | {name} |", " | ".join(cell(kind, bounds, n, num_samples, truth) for n in SIZES), "|")


if __name__ == "__main__":
    main()
