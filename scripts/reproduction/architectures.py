"""Networks for small pictures that differ in kind from a ResNet: without skips, with thin convolutions, with attention.

Each is given to fsens as a network of one's own: ``--model scripts/reproduction/architectures.py:vgg``.
"""

from torch import nn
from torchvision.models import MobileNetV2, VisionTransformer

SIDE = 32  # pixels


def vgg(num_classes: int) -> nn.Module:
    """Return a VGG-like network without skips: six 3 x 3 convolutions in three widths, .29 million parameters.

    Simonyan and Zisserman 2015, with batch norm, and an average over places in place of the fully connected layers.
    """
    layers: list[nn.Module] = []
    channels = 3
    for block, width in enumerate((32, 64, 128)):
        if block:
            layers.append(nn.MaxPool2d(2))
        for _ in range(2):
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes))


def mobilenet(num_classes: int) -> nn.Module:
    """Return a MobileNet V2 (Sandler et al. 2018) of half the width that reduces 32 pixels to 4, not to 1.

    Its first convolution keeps the size, and so does the last stage but one.
    """
    settings = [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 1]]
    network = MobileNetV2(num_classes=num_classes, width_mult=0.5, inverted_residual_setting=settings, dropout=0.0)
    first = network.features[0]
    assert isinstance(first, nn.Sequential)
    assert isinstance(first[0], nn.Conv2d)
    first[0].stride = (1, 1)
    return network


def vit(num_classes: int) -> nn.Module:
    """Return a vision transformer (Dosovitskiy et al. 2021): patches of 4 pixels, 6 layers of width 128 and 4 heads."""
    return VisionTransformer(
        image_size=SIDE,
        patch_size=4,
        num_layers=6,
        num_heads=4,
        hidden_dim=128,
        mlp_dim=256,
        num_classes=num_classes,
    )
