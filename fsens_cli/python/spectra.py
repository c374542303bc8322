"""Which frequencies a gradient holds, and which a model is sensitive to, image by image.

Shape letters: N images, C channels, H, W pixels, L classes, K radial bins.
"""

from __future__ import annotations

from torch import Tensor, nn

from fsens_cli.errors import DataError
from fsens_cli.fourier.bases import Basis, fourier_basis
from fsens_cli.fourier.sensitivity import sensitivity_share
from fsens_cli.models.classifier import device_of, in_evaluation
from fsens_cli.objectives.image_sensitivity import image_sensitivity
from fsens_cli.python.given import as_batch, as_labels, as_tensor
from fsens_cli.python.given_model import Numbers, as_given
from fsens_cli.typed import word


def spectrum(gradient: Tensor, *, channels: str = "mean") -> Tensor:
    """Return the share of each frequency in the power of gradients, or of any other planes of numbers.

    Source: Krishnamachari, Ng, Foo, *Fourier Sensitivity and Regularization of Computer Vision Models*, TMLR 2022: the
    sum of |DFT|^2 over each radius, the constant left out, divided by the image's total. Differentiable.

    Args:
        gradient: (N, C, H, W), floating point, of any scale.
        channels: ``mean`` transforms the mean over C (published; opposite signs in different channels cancel),
            ``power`` adds up the power of the channels.

    Returns:
        (N, K): column r holds radius r in cycles per image (per the shorter side), 0 to round(N / sqrt 2) for N pixels;
        rows sum to 1. Column 0, the constant, is 0. A gradient that is the same in all pixels gives a row of 0.

    Raises:
        ConfigError: ``channels`` is something else.
        DataError: not (N, C, H, W), not floating point, or not finite.

    >>> import torch
    >>> x = torch.arange(32.0)
    >>> wave = torch.cos(2 * torch.pi * (3 * x[:, None] + 4 * x[None, :]) / 32)
    >>> share = spectrum(wave.expand(1, 3, 32, 32))
    >>> tuple(share.shape), round(float(share[0, 5]), 4)
    ((1, 24), 1.0)
    """
    planes = as_tensor(gradient, "gradient")
    if planes.ndim != 4 or not planes.is_floating_point() or 0 in planes.shape[1:]:
        shape = tuple(planes.shape)
        raise DataError(f"a gradient must be floating point (N, C, H, W), got {planes.dtype} of shape {shape}.")
    bad_N = ~planes.detach().flatten(1).isfinite().all(dim=1)
    if bool(bad_N.any()):
        raise DataError(f"the gradient of image {int(bad_N.nonzero()[0])} is not finite.")
    wide = planes if planes.element_size() >= 4 else planes.float()
    return sensitivity_share(wide, _basis_for(planes), word(channels, "channels"))


def sensitivity(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    target: str = "loss",
    channels: str = "mean",
    mean: Numbers = None,
    std: Numbers = None,
) -> Tensor:
    """Return the spatial-frequency sensitivity of ``model`` on each image: the `spectrum` of its input gradient.

    Source: Krishnamachari, Ng, Foo, TMLR 2022. The same shares as ``measure(...).per_image.share_NK``, but with a graph
    to the model's parameters, by exact double backpropagation, and to images that require a gradient. Under
    ``torch.no_grad()`` there is none, and it costs one backward pass.

    The model is asked in evaluation mode, because batch statistics would mix the images' gradients, and left in the
    mode it was found in. `FourierPenalty` is what trains with the batch's own statistics.

    Args:
        model: any module from [0, 1] images (N, C, H, W) to logits (N, L).
        images: floating point in [0, 1] or 8 bits, a tensor or an array.
        labels: class numbers (N,).
        target: what is differentiated: the ``loss`` (cross-entropy), the label's ``logit`` or its ``margin``.
        channels: ``mean`` or ``power``, as in `spectrum`.
        mean, std: of the images, where the model expects normalised ones.

    Returns:
        (N, K) as `spectrum` returns it; a row of 0 where the gradient is zero.

    Raises:
        ConfigError, DataError, ModelError: what was given cannot be used; says what is allowed.

    >>> import torch
    >>> model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14 * 14, 10))
    >>> share = sensitivity(model, torch.rand(8, 3, 16, 16), torch.arange(8))
    >>> tuple(share.shape), round(share.sum().item(), 4)
    ((8, 12), 8.0)
    >>> share[:, 3:].sum().backward()  # ask for less than 3 cycles per image
    >>> model[0].weight.grad is not None
    True
    """
    classifier = as_given(model, mean, std)
    batch = as_batch(images).to(device_of(classifier))
    label_N = as_labels(as_tensor(labels, "labels"), len(batch)).to(batch.device)
    if not len(batch):
        raise DataError("there are no images.")
    with in_evaluation(classifier):
        return image_sensitivity(
            classifier,
            batch,
            label_N,
            _basis_for(batch),
            target=word(target, "target"),
            channels=word(channels, "channels"),
        )


def _basis_for(planes: Tensor) -> Basis:
    """Return the Fourier basis for planes of this size, with its bins on their device."""
    basis = fourier_basis(planes.shape[-2], planes.shape[-1])
    return Basis(name=basis.name, power=basis.power, bins=basis.bins.to(planes.device))
