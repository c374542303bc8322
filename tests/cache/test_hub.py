"""The Hub as a new process meets it: through its client's own variables, two processes at once."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from loopback import Web

from fsens_cli.cache import hub
from fsens_cli.cache.hub import HubPlace, fetch_from_hub
from fsens_cli.errors import FetchError

ROOT = str(Path(__file__).resolve().parents[2])
CONTENT = bytes(range(256)) * 5000
FILE = "/someone/net/resolve/main/model.safetensors"
FETCH = """
from fsens_cli.cache.hub import HubPlace, fetch_from_hub
from fsens_cli.errors import FetchError
try:
    print(fetch_from_hub(HubPlace.parse("someone/net/model.safetensors")))
except FetchError as error:
    print(error)
"""


def start(web: Web, cache: Path, **variables: str) -> subprocess.Popen[str]:
    environment = os.environ | {"HF_ENDPOINT": web.address, "HF_HUB_CACHE": str(cache)} | variables
    return subprocess.Popen([sys.executable, "-c", FETCH], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return out.strip()


def test_two_new_processes_fetch_one_file(web: Web, tmp_path: Path) -> None:
    web.files[FILE] = CONTENT
    web.headers[FILE] = {"X-Repo-Commit": "a" * 40, "ETag": f'"{hashlib.sha256(CONTENT).hexdigest()}"'}
    both = [start(web, tmp_path) for _ in range(2)]
    for path in [said(process) for process in both]:
        assert Path(path).is_relative_to(tmp_path)
        assert Path(path).read_bytes() == CONTENT
    assert len(web.gets(FILE)) == 1
    web.requests.clear()
    assert Path(said(start(web, tmp_path, HF_HUB_OFFLINE="1"))).read_bytes() == CONTENT
    assert "is not in the Hub's cache and FSENS_OFFLINE forbids" in said(start(web, tmp_path / "b", FSENS_OFFLINE="1"))
    assert web.requests == []


@pytest.mark.parametrize("text", ["", "net", "/net", "a/", "a/b c", "../x", "a@b/c"])
def test_what_is_no_place_on_the_hub(text: str) -> None:
    with pytest.raises(FetchError, match="is not of the form OWNER/NAME"):
        HubPlace.parse(text)


@pytest.mark.parametrize(
    ("text", "revision", "file"),
    [("a/b", "main", ""), ("a/b@v1", "v1", ""), ("a/b/c/d.pt", "main", "c/d.pt"), ("a/b@v1/d.pt", "v1", "d.pt")],
)
def test_places_on_the_hub(text: str, revision: str, file: str) -> None:
    assert HubPlace.parse(text) == HubPlace("a/b", revision, file)


@pytest.mark.parametrize(
    ("kind", "told"),
    [("OSError", True), ("ValueError", True), ("RuntimeError", True), ("http", True), ("TypeError", False)],
)
def test_what_a_download_raises_is_one_line_and_a_mistake_of_ours_is_none(
    kind: str, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import builtins

    import huggingface_hub
    from huggingface_hub import errors

    # What a broken connection raises is no OSError: it comes from the HTTP library, which differs between versions.
    of_http = errors.HfHubHTTPError.__bases__[0]
    assert not issubclass(of_http, OSError)
    error = of_http if kind == "http" else getattr(builtins, kind)

    def broken(*_: object, **__: object) -> None:
        raise error("the peer closed the connection")

    monkeypatch.delenv("FSENS_OFFLINE")
    monkeypatch.setattr(hub, "find_in_hub_cache", lambda place: None)
    monkeypatch.setattr(hub, "_require_reachable", lambda place: None)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", broken)
    words = "someone/net/w.pt could not be fetched (the peer closed the connection)" if told else "the peer closed"
    with pytest.raises(FetchError if told else error, match=re.escape(words)):
        fetch_from_hub(HubPlace.parse("someone/net/w.pt"))
