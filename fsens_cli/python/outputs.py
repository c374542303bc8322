"""What a model's outputs say against it, seen while a verb works: probabilities in the place of logits."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from fsens_cli.models.classifier import Classifier
from fsens_cli.perturb.attacks.inspection import LIKE_PROBABILITIES, look_like_probabilities

# Images whose outputs are looked at.
NUM_LOOKED_AT = 8


@contextmanager
def doubts_about(classifier: Classifier) -> Iterator[list[str]]:
    """Give a list that holds, in the end, what the first outputs of the classifier say against it, in sentences.

    Images may be readable once alone, so the outputs are looked at in passing.
    """
    rows: list[Tensor] = []
    said: list[str] = []

    def look(module: object, inputs: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 2 and sum(map(len, rows)) < NUM_LOOKED_AT:
            rows.append(output.detach()[:NUM_LOOKED_AT].cpu())

    hook = classifier.register_forward_hook(look)
    try:
        yield said
    finally:
        hook.remove()
    if rows and look_like_probabilities(torch.cat(rows)):
        said.append(LIKE_PROBABILITIES)
