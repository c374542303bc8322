"""Activations that take the place of ReLU in the packaged networks."""

from torch import nn

from fsens_cli.errors import ModelError

ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU, "gelu": nn.GELU}


def with_activation(network: nn.Module, name: str) -> nn.Module:
    """Return the network with every ReLU replaced in place; names and shapes of its parameters stay.

    Raises:
        ModelError: another name.
    """
    if name not in ACTIVATIONS:
        raise ModelError(f"model.kwargs.activation={name}: it can be {', '.join(ACTIVATIONS)}.")
    if name == "relu":
        return network
    for parent in list(network.modules()):
        for key, child in parent.named_children():
            if isinstance(child, nn.ReLU):
                setattr(parent, key, ACTIVATIONS[name]())
    return network
