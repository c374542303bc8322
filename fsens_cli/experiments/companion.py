"""What is trained beside a classifier and left behind with the training: other batch norm, weights of taps."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fsens_cli.data.policies import POLICIES
from fsens_cli.errors import CheckpointError
from fsens_cli.experiments.own_norms import OwnNorms
from fsens_cli.experiments.train_settings import StepConfig
from fsens_cli.objectives.similarity import TapSimilarity


class Companion(nn.Module):
    """Modules beside a classifier, all of them None where the training needs none.

    Attributes:
        norms: batch norm layers of the last version of each image.
        similarity: weights and running means of the taps whose representations are compared.
    """

    def __init__(self, *, norms: OwnNorms | None = None, similarity: TapSimilarity | None = None) -> None:
        super().__init__()
        self.norms = norms
        self.similarity = similarity


NOTHING_BESIDE = Companion()


def companion_of(classifier: nn.Module, config: StepConfig, similarity: TapSimilarity | None = None) -> Companion:
    """Return what these settings train beside the classifier, as it is at the first step."""
    policy = config.augment.policy
    own = policy != "none" and POLICIES[policy].own_norms
    return Companion(norms=OwnNorms(classifier) if own else None, similarity=similarity)


def restore_companion(companion: Companion, tensors: Mapping[str, Tensor]) -> None:
    """Put back what a checkpoint kept.

    Raises:
        CheckpointError: the tensors are not those of this training.
    """
    own = companion.state_dict()
    if own.keys() != tensors.keys():
        odd = sorted(own.keys() ^ tensors.keys())
        raise CheckpointError(f"the checkpoint's modules beside the network do not fit this training ({odd[0]}).")
    for name, value in tensors.items():
        if value.shape != own[name].shape or not bool(torch.isfinite(value).all()):
            raise CheckpointError(
                f"the checkpoint's tensor {name} beside the network has shape {tuple(value.shape)} instead of "
                f"{tuple(own[name].shape)}, or is not finite."
            )
    companion.load_state_dict(dict(tensors))
