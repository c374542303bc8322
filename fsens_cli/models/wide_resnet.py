"""Wide residual networks for small images: Zagoruyko and Komodakis 2016, WRN-``depth``-``width``.

Parameter names are those of the widely used public checkpoints (``block1.layer.0.conv1``, ``convShortcut``).
"""

from typing import Any

from torch import Tensor, nn

from fsens_cli.errors import ModelError
from fsens_cli.models.catalog import ImageShape

STAGES = (16, 32, 64)


class WideBlock(nn.Module):
    """Batch norm, ReLU and convolution, twice, around a shortcut that is taken after the first of them."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.relu2 = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, padding=1, bias=False)
        same = channels_in == channels_out
        self.convShortcut = None if same else nn.Conv2d(channels_in, channels_out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C_in, H, W) to (N, C_out, H / stride, W / stride)."""
        activated = self.relu1(self.bn1(x))
        residual = self.conv2(self.dropout(self.relu2(self.bn2(self.conv1(activated)))))
        return residual + (x if self.convShortcut is None else self.convShortcut(activated))


class _Stage(nn.Module):
    def __init__(self, count: int, channels_in: int, channels_out: int, stride: int, dropout: float) -> None:
        super().__init__()
        rest = (WideBlock(channels_out, channels_out, 1, dropout) for _ in range(count - 1))
        self.layer = nn.Sequential(WideBlock(channels_in, channels_out, stride, dropout), *rest)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class WideResNet(nn.Module):
    """Three stages of (depth - 4) / 6 blocks with 16, 32 and 64 times ``width`` channels, then global averaging."""

    def __init__(
        self, *, num_classes: int, channels: int = 3, depth: int = 28, width: int = 10, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if depth < 10 or (depth - 4) % 6:
            raise ModelError(f"model.kwargs.depth={depth}: a wide_resnet has 10, 16, 22, 28, ... layers (6 n + 4).")
        count = (depth - 4) // 6
        sizes = [width * s for s in STAGES]
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.block1 = _Stage(count, 16, sizes[0], 1, dropout)
        self.block2 = _Stage(count, sizes[0], sizes[1], 2, dropout)
        self.block3 = _Stage(count, sizes[1], sizes[2], 2, dropout)
        self.bn1 = nn.BatchNorm2d(sizes[2])
        self.relu = nn.ReLU()
        self.fc = nn.Linear(sizes[2], num_classes)
        for child in self.modules():
            if isinstance(child, nn.Conv2d):
                nn.init.kaiming_normal_(child.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, num_classes) of normalised images (N, C, H, W), any H and W from 4 up."""
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(self.relu(self.bn1(x)).mean(dim=(2, 3)))


def wide_resnet(*, num_classes: int, shape: ImageShape, **kwargs: Any) -> WideResNet:
    """Build the network for images of a shape; further arguments are the constructor's."""
    return WideResNet(num_classes=num_classes, channels=shape.channels, **kwargs)
