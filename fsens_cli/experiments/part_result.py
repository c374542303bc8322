"""What one part of an evaluation found, image by image.

Shape letters: N images, K conditions or exact radii, M frequencies, metrics or marks, R radial bins, H, W pixels, F
half-plane columns.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from fsens_cli.experiments.suite import Condition, Part
from fsens_cli.short_repr import ShortRepr


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRow:
    """One stage of an attack.

    Attributes:
        name: of the stage; ``clean`` is the unchanged image.
        num_standing: images that stand after it.
        steps: of one start (for ``square``, the most queries); 0 for ``clean``.
        queries: forward passes over single images.
        gradients: those among them that were differentiated.
        seconds: of wall time.
    """

    name: str
    num_standing: int
    steps: int
    queries: int
    gradients: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PartResult(ShortRepr):
    """What one part found; on the CPU.

    Attributes:
        part: what was asked.
        index_N, label_N: the images, int64.
        correct_NK: whether the model was right, one column a condition (or a frequency, for the heat map), bool.
        confidence_NK, loss_NK, brier_NK: probability of the likeliest class, negative log-likelihood and Brier score of
            each answer, float64; empty unless calibration was asked.
        metric_MNK: the user's numbers of each answer, float64; empty unless such were asked.
        size_N: smallest adversarial perturbation found (0 where the model is wrong anyway, infinite where none was
            found), float64; empty unless that was asked.
        frequency_M2: (v, u) in cycles per image side, one row a column of the heat map or of ``power_NM``.
        power_NM: share of the input gradient's power at each frequency, rows sum to 1; empty unless that was asked.
        energy_NK: power of the smallest perturbation at each exact radius, zeros where none was found or needed, and
            where it changes brightness alone, up to rounding; empty unless that was asked.
        power_2HF: the mean power of these perturbations, as they are and each normalised to 1; empty as above.
        margin_N: the label's logit less the largest other one, float64; empty unless a prediction was asked.
        move_NK, flat_move_NK: how far each corruption should move the margin by the two spectra, and by the two norms
            alone, root mean square, float64; empty as above.
        change_energy_KR: mean energy of each corruption's change in each radial bin, float64; empty as above.
        value_NSV: log-probability, accuracy and margin of the label in every coalition of bands, float64; empty unless
            that was asked.
        mark_NM: what the next stage of a cascade has to know of each image, bool; empty but of a stage.
        seed: of the coalitions, where they were drawn.
        num_rejected: adversarial images that an attack claimed and that failed the check by a fresh forward pass.
        notes: what a reader should know of this part.
        stages: of an attack, what each stage left and took, in order.
    """

    part: Part
    index_N: Tensor
    label_N: Tensor
    correct_NK: Tensor = field(default_factory=lambda: torch.zeros(0, 0, dtype=torch.bool))
    confidence_NK: Tensor = field(default_factory=lambda: torch.zeros(0, 0))
    loss_NK: Tensor = field(default_factory=lambda: torch.zeros(0, 0))
    brier_NK: Tensor = field(default_factory=lambda: torch.zeros(0, 0))
    metric_MNK: Tensor = field(default_factory=lambda: torch.zeros(0, 0, 0, dtype=torch.float64))
    size_N: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.float64))
    frequency_M2: Tensor = field(default_factory=lambda: torch.zeros(0, 2, dtype=torch.int64))
    power_NM: Tensor = field(default_factory=lambda: torch.zeros(0, 0, dtype=torch.float64))
    energy_NK: Tensor = field(default_factory=lambda: torch.zeros(0, 0))
    power_2HF: Tensor = field(default_factory=lambda: torch.zeros(2, 0, 0))
    margin_N: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.float64))
    move_NK: Tensor = field(default_factory=lambda: torch.zeros(0, 0, dtype=torch.float64))
    flat_move_NK: Tensor = field(default_factory=lambda: torch.zeros(0, 0, dtype=torch.float64))
    change_energy_KR: Tensor = field(default_factory=lambda: torch.zeros(0, 0, dtype=torch.float64))
    value_NSV: Tensor = field(default_factory=lambda: torch.zeros(0, 0, 0, dtype=torch.float64))
    mark_NM: Tensor = field(default_factory=lambda: torch.zeros(0, 0, dtype=torch.bool))
    seed: int = 0
    num_rejected: int = 0
    notes: tuple[str, ...] = ()
    stages: tuple[StageRow, ...] = ()

    @property
    def by_condition(self) -> list[tuple[Condition, Tensor]]:
        """Each condition with the images that were right under it, bool (N,); none where something else was asked."""
        if not (self.part.conditions and self.correct_NK.numel()):
            return []
        return list(zip(self.part.conditions, self.correct_NK.T, strict=True))
