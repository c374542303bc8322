"""A forward pass whose input gradient can be differentiated again, whatever the model is wrapped in."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.parallel import DataParallel, DistributedDataParallel

from fsens_cli.errors import ModelError
from fsens_cli.objectives.double_backward import cheap_double_backward

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


@contextmanager
def twice_differentiable(device: torch.device) -> Iterator[None]:
    """While active, autocast is off, and layers and attention have second derivatives.

    Raises:
        ModelError: gradients are switched off around the call.
    """
    if not torch.is_grad_enabled():
        raise ModelError("a penalty needs gradients: call it outside torch.no_grad() and torch.inference_mode().")
    # The fast kernels of attention have no second derivative; the plain one has.
    with torch.autocast(device.type, enabled=False), sdpa_kernel(SDPBackend.MATH), cheap_double_backward():
        yield


@contextmanager
def averages_untouched(model: nn.Module) -> Iterator[None]:
    """While active, batch norm in training mode uses the batch's statistics and leaves its running averages alone."""
    tracking = [m for m in model.modules() if isinstance(m, BATCH_NORMS) and m.training and m.track_running_stats]
    try:
        for layer in tracking:
            layer.track_running_stats = False
        yield
    finally:
        for layer in tracking:
            layer.track_running_stats = True


def uncompiled(model: nn.Module) -> nn.Module:
    """Return the module behind ``torch.compile``, which has no double backward; others as they are."""
    return dict(model.named_children()).get("_orig_mod", model)


def bare(model: nn.Module) -> nn.Module:
    """Return the network without wrappers: a second pass through DistributedDataParallel would confuse its hooks."""
    model = uncompiled(model)
    return bare(model.module) if isinstance(model, (DistributedDataParallel, DataParallel)) else model


def logits_of(model: nn.Module, images_NCHW: Tensor) -> Tensor:
    """Return the model's logits, refusing anything else.

    Raises:
        ModelError: the output is no tensor of shape (N, classes).
    """
    logits = model(images_NCHW)
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(images_NCHW):
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ModelError(f"the model must return logits of shape ({len(images_NCHW)}, classes), got {got}.")
    return logits
