"""Batch norm layers of their own for one kind of images, used in training alone.

Shape letters: N images, C channels, H, W pixels.
"""

import copy

from torch import Tensor, nn
from torch.func import functional_call

from fsens_cli.models.classifier import Classifier

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class OwnNorms(nn.Module):
    """A second set of a classifier's batch norm layers: weights, biases and running averages, all trained beside it.

    Vaish et al., *Fourier-basis functions to bridge augmentation gap*, CVPR 2024, after Xie et al., CVPR 2020: the
    network is later used with its first set alone.
    """

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        found = {name: layer for name, layer in classifier.named_modules() if isinstance(layer, NORMS)}
        self.names = tuple(found)
        self.layers = nn.ModuleList(copy.deepcopy(layer) for layer in found.values())

    def logits_of(self, classifier: Classifier, images_NCHW: Tensor) -> Tensor:
        """Return the classifier's logits with these layers in the place of its own; their running averages move."""
        tensors: dict[str, Tensor] = {}
        for name, layer in zip(self.names, self.layers, strict=True):
            # A layer without weights, or without running averages, has fewer of them.
            tensors |= {f"{name}.{key}": value for key, value in layer.named_parameters()}
            tensors |= {f"{name}.{key}": value for key, value in layer.named_buffers()}
        logits: Tensor = functional_call(classifier, tensors, (images_NCHW,))
        return logits
