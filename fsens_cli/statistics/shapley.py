"""Shapley values: what each player of a coalition game adds, on average over all orders of joining.

A coalition is a whole number whose bit b says whether player b is in it. Shape letters: M players, S coalitions.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.errors import require

MOST_EXACT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CoalitionPlan:
    """Which coalitions are asked for, and how their values become Shapley values.

    Shapley values are linear in the values of the game: phi = v @ ``weight_SM``.

    Attributes:
        coalition_S: int64; the empty one first, the full one last.
        weight_SM: float64.
        pairs_PSM: the same for each pair of orders, where orders were drawn; empty for exact values.
    """

    coalition_S: Tensor
    weight_SM: Tensor
    pairs_PSM: Tensor

    @property
    def num_players(self) -> int:
        """M."""
        return self.weight_SM.shape[1]

    @property
    def is_exact(self) -> bool:
        """Whether all coalitions are asked for."""
        return not len(self.pairs_PSM)

    def members(self) -> Tensor:
        """Return 1 where a player is in a coalition, shape (S, M), float32."""
        return (self.coalition_S[:, None] >> torch.arange(self.num_players) & 1).float()

    def standard_error(self, value_S: Tensor) -> Tensor:
        """Return the standard error that comes from drawing orders, shape (M,); 0 for exact values."""
        if self.is_exact:
            return torch.zeros(self.num_players, dtype=torch.float64)
        each_PM = torch.einsum("s,psm->pm", value_S.double(), self.pairs_PSM)
        return each_PM.std(dim=0) / math.sqrt(len(each_PM))


def exact_plan(num_players: int) -> CoalitionPlan:
    """Return all 2^M coalitions with the exact weights (Shapley 1953): +-1 / (M C(M-1, members of the other players)).

    >>> value = torch.tensor([0.0, 0.0, 0.0, 1.0])  # both of two players are needed
    >>> (value.double() @ exact_plan(2).weight_SM).tolist()
    [0.5, 0.5]
    """
    require(1 <= num_players <= 16, f"{num_players} players: exact Shapley values need 1 to 16.")
    coalition_S = torch.arange(2**num_players)
    member = (coalition_S[:, None] >> torch.arange(num_players) & 1).bool()
    size = member.sum(dim=1)
    each = [1 / (num_players * math.comb(num_players - 1, s)) for s in range(num_players)]
    chance = torch.tensor(each, dtype=torch.float64)
    inside = chance[(size - 1).clamp_min(0)][:, None]
    outside = chance[size.clamp_max(num_players - 1)][:, None]
    return CoalitionPlan(
        coalition_S=coalition_S,
        weight_SM=torch.where(member, inside, -outside),
        pairs_PSM=torch.zeros(0, 0, 0, dtype=torch.float64),
    )


def sampled_plan(num_players: int, *, num_pairs: int, seed: int) -> CoalitionPlan:
    """Return the coalitions along random orders, each taken forwards and backwards (antithetic pairs).

    The values still add up to v(all) - v(none), exactly. First-in and last-in need no extra coalition: all single
    players and all but one are asked for too.
    """
    generator = torch.Generator().manual_seed(seed)
    everyone = 2**num_players - 1
    singles = [1 << b for b in range(num_players)]
    asked = {0, everyone, *singles, *(everyone - s for s in singles)}
    orders = []
    for _ in range(num_pairs):
        order = torch.randperm(num_players, generator=generator).tolist()
        orders.append((order, order[::-1]))
    walks = [[_along(order) for order in pair] for pair in orders]
    asked |= {c for pair in walks for walk in pair for c in walk}
    coalitions = sorted(asked)
    place = {c: row for row, c in enumerate(coalitions)}
    pairs = torch.zeros(num_pairs, len(coalitions), num_players, dtype=torch.float64)
    for p, (both, steps) in enumerate(zip(orders, walks, strict=True)):
        for order, walk in zip(both, steps, strict=True):
            for player, before, after in zip(order, walk[:-1], walk[1:], strict=True):
                pairs[p, place[after], player] += 0.5
                pairs[p, place[before], player] -= 0.5
    return CoalitionPlan(coalition_S=torch.tensor(coalitions), weight_SM=pairs.mean(dim=0), pairs_PSM=pairs)


def _along(order: list[int]) -> list[int]:
    """Return the coalitions from nobody to everybody as players join in this order."""
    walk = [0]
    for player in order:
        walk.append(walk[-1] | 1 << player)
    return walk


def first_and_last(plan: CoalitionPlan, value_NS: Tensor) -> tuple[Tensor, Tensor]:
    """Return what each player adds to nobody, and what it adds to all others, shapes (N, M), float64.

    First above last: others do the same (redundancy); below: it needs them (synergy).
    """
    place = {int(c): row for row, c in enumerate(plan.coalition_S)}
    everyone = 2**plan.num_players - 1
    value = value_NS.double()
    alone = [place[1 << b] for b in range(plan.num_players)]
    without = [place[everyone - (1 << b)] for b in range(plan.num_players)]
    return value[:, alone] - value[:, [0]], value[:, [len(place) - 1]] - value[:, without]


def low_frequency_score(phi_M: Tensor, *, base: float = 0.75) -> float:
    """Return the published score of I-ASIDE for players in ascending order of frequency (Lin et al., 2408.01139).

    psi = (phi - min phi) / its sum; score = |sum b_k psi_k / ||b||_2 - D| / |1 - D| with b_k = base^k and
    D = ||b||_1 / (||b||_2 M). It is not monotone: 0 for equal players, and small again for a player in the middle.

    >>> round(low_frequency_score(torch.eye(16)[0]), 3), round(low_frequency_score(torch.eye(16)[15]), 3)
    (0.595, 0.185)
    """
    phi = phi_M.double()
    weight = base ** torch.arange(len(phi), dtype=torch.float64)
    uniform = float(weight.sum() / (weight.norm() * len(phi)))
    psi = shifted_shares(phi)
    return abs(float((weight * psi).sum() / weight.norm()) - uniform) / abs(1 - uniform)


def shifted_shares(phi_M: Tensor) -> Tensor:
    """Return I-ASIDE's psi = (phi - min phi) / its sum: the weakest player gets 0; equal players get equal shares."""
    above = phi_M.double() - phi_M.double().min()
    total = above.sum()
    return above / total if total > 0 else torch.full_like(above, 1 / len(above))
