"""Networks of torchvision for images of any number of channels, and its ResNets for small ones."""

from torch import nn

from fsens_cli.models.catalog import ImageShape


def torchvision_network(name: str, *, num_classes: int, shape: ImageShape, **kwargs: object) -> nn.Module:
    """Build torchvision's network; its first convolution takes as many channels as the images have."""
    import torchvision

    if name in ("googlenet", "inception_v3"):
        kwargs.setdefault("init_weights", True)  # its default, asked for by name, is without a warning
    network: nn.Module = torchvision.models.get_model(name, weights=None, num_classes=num_classes, **kwargs)
    stem = next(((n, m) for n, m in network.named_modules() if isinstance(m, nn.Conv2d)), None)
    if stem is not None and stem[1].in_channels == 3 and shape.channels != 3:
        path, _, last = stem[0].rpartition(".")
        setattr(network.get_submodule(path), last, _with_channels(stem[1], shape.channels))
    return network


def _with_channels(stem: nn.Conv2d, channels: int) -> nn.Conv2d:
    assert stem.padding_mode == "zeros", "no stem of torchvision's pads otherwise"
    own = nn.Conv2d(
        channels,
        stem.out_channels,
        stem.kernel_size,  # type: ignore[arg-type]
        stem.stride,  # type: ignore[arg-type]
        stem.padding,  # type: ignore[arg-type]
        bias=stem.bias is not None,
    )
    nn.init.kaiming_normal_(own.weight, mode="fan_out", nonlinearity="relu")
    return own


def resnet(name: str, *, num_classes: int, shape: ImageShape, small_below: int, **kwargs: object) -> nn.Module:
    """Build a ResNet; images below ``small_below`` pixels get a 3x3 stride-1 stem and no max-pool."""
    network = torchvision_network(name, num_classes=num_classes, shape=shape, **kwargs)
    if min(shape.height, shape.width) < small_below:
        network.conv1 = nn.Conv2d(shape.channels, 64, 3, 1, padding=1, bias=False)
        nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
        network.maxpool = nn.Identity()
    return network
