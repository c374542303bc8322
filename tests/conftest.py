"""What all tests share: one thread (small tensors gain nothing from two), seeds, and toy networks."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from loopback import Web, serving
from torch import Tensor, nn

torch.set_num_threads(1)

# A shell that starts the tests in the background makes them ignore Ctrl-C, and with them every process that they start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests say themselves when they are offline, and the Hub's client reads its switch once, when it is imported.
for switch in ("FSENS_OFFLINE", "HF_HUB_OFFLINE"):
    os.environ.pop(switch, None)


class Linear(nn.Module):
    """Two classes with logits (<w, x>, -<w, x>): the input gradient of either is known on paper."""

    def __init__(self, weight_CHW: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight_CHW)

    def forward(self, images: Tensor) -> Tensor:
        score = (images * self.weight).flatten(1).sum(dim=1)
        return torch.stack([score, -score], dim=1)


class Smooth(nn.Module):
    """A small network of tanh units without batch norm, for sizes of any kind."""

    def __init__(self, channels: int = 3, num_classes: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, 6, 3, padding=1, stride=2)
        self.head = nn.Linear(6, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        hidden = torch.tanh(3 * self.conv2(torch.tanh(3 * self.conv1(images))))
        return 5 * self.head(hidden.mean(dim=(2, 3)))


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tests keep fetched and decoded files to themselves, and reach no network unless they say so."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("FSENS_CACHE", str(folder / "fsens"))
    monkeypatch.setenv("FSENS_OFFLINE", "1")
    return folder


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A web server on this machine; downloading is allowed, and broken connections are tried again at once."""
    for name in ("FSENS_OFFLINE", "HF_HUB_OFFLINE", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("fsens_cli.cache.download.FIRST_PAUSE_SECONDS", 0.0)
    with serving() as server:
        yield server


@pytest.fixture
def linear() -> Callable[[Tensor], nn.Module]:
    return Linear


@pytest.fixture
def smooth() -> Callable[..., nn.Module]:
    def build(channels: int = 3, num_classes: int = 4) -> nn.Module:
        torch.manual_seed(3)
        return Smooth(channels, num_classes)

    return build


@pytest.fixture
def random() -> torch.Generator:
    """A generator with a fixed seed."""
    return torch.Generator().manual_seed(20)
