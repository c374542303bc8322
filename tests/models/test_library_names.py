"""The names of both libraries' networks, read from their files, are those that the libraries list."""

import re

import pytest

from fsens_cli.models import library_names


def test_names_read_from_the_files_are_those_that_torchvision_lists() -> None:
    import torchvision

    listed = tuple(torchvision.models.list_models(module=torchvision.models))
    assert library_names.torchvision_names() == listed, "torchvision registers its networks in another way now"


def test_names_read_from_the_files_are_those_that_timm_lists() -> None:
    import timm

    listed = tuple(f"timm/{name}" for name in timm.list_models())
    assert library_names.timm_names() == listed, "timm registers its networks in another way now"


def test_where_the_files_say_nothing_the_library_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    before = library_names.torchvision_names()
    library_names.torchvision_names.cache_clear()
    monkeypatch.setattr(library_names, "REGISTERED", re.compile("^nothing like it$"))
    assert library_names.torchvision_names() == before
    library_names.torchvision_names.cache_clear()
