"""Tensors that show one place in memory several times."""

import torch

from fsens_cli.fourier.layout import unrepeated


def test_repeated_channels_get_places_of_their_own_and_others_are_left_alone() -> None:
    gray = torch.rand(2, 1, 4, 5)
    repeated = gray.expand(2, 3, 4, 5)
    assert 0 not in unrepeated(repeated).stride()
    assert torch.equal(unrepeated(repeated), repeated)
    last = torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last)
    assert unrepeated(last) is last
    assert unrepeated(gray) is gray
