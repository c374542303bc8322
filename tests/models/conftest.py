"""A Hub on this machine, for all that is fetched from it."""

from pathlib import Path

import pytest
from huggingface_hub import constants
from loopback import Hub, Web

from fsens_cli.models.hub_network import hub_network


@pytest.fixture
def hub(web: Web, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """The client of the Hub is pointed at this machine, as HF_ENDPOINT and HF_HUB_CACHE would in a new process."""
    monkeypatch.setattr(constants, "ENDPOINT", web.address)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", web.address + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(own_cache / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(own_cache / "torch"))
    hub_network.cache_clear()
    return Hub(web)
