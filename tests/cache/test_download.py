"""Downloads against a real server on this machine: whole or not at all, resumed, checked, alone."""

import base64
import errno
import hashlib
import http.client
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from loopback import Web

from fsens_cli.cache.address import has_mask, parse_address
from fsens_cli.cache.download import Checksum, download
from fsens_cli.cache.places import Advance, cache_folder, offline_switch
from fsens_cli.errors import FetchError

CONTENT = bytes(range(256)) * 2000
RIGHT = Checksum(algorithm="md5", digest=hashlib.md5(CONTENT).hexdigest())
PATH = "/file.bin"


@pytest.fixture
def served(web: Web) -> Web:
    web.files[PATH] = CONTENT
    return web


def fetch(web: Web, target: Path, **options: object) -> None:
    download(web.address + PATH, target, RIGHT, **options)  # type: ignore[arg-type]


def test_a_file_arrives_with_its_folder_and_nothing_beside_it(served: Web, tmp_path: Path) -> None:
    fetch(served, tmp_path / "new" / "deep" / "file.bin")
    assert [p.name for p in (tmp_path / "new" / "deep").iterdir()] == ["file.bin"]
    assert (tmp_path / "new" / "deep" / "file.bin").read_bytes() == CONTENT


def test_what_is_there_is_not_asked_for(served: Web, tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(b"mine")
    fetch(served, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == b"mine"
    assert served.requests == []


def test_the_meter_hears_of_every_byte(served: Web, tmp_path: Path) -> None:
    heard: list[tuple[str, int, list[int]]] = []

    @contextmanager
    def meter(label: str, total: int) -> Iterator[Advance]:
        heard.append((label, total, []))
        yield heard[-1][2].append

    fetch(served, tmp_path / "file.bin", meter=meter)
    ((label, total, steps),) = heard
    assert (label, total, steps[-1]) == ("file.bin", len(CONTENT), len(CONTENT))
    assert steps == sorted(steps)


def test_a_broken_connection_is_resumed_where_it_broke(served: Web, tmp_path: Path) -> None:
    served.break_after[PATH] = [100_000, 50_000]
    fetch(served, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert served.gets(PATH) == ["", "bytes=100000-", "bytes=150000-"]


def test_a_later_start_continues(served: Web, tmp_path: Path) -> None:
    served.break_after[PATH] = [1000, 0, 0, 0, 0]
    with pytest.raises(FetchError, match=r"the connection broke; 1,000 bytes are kept, the next start continues there"):
        fetch(served, tmp_path / "new" / "file.bin")
    assert (tmp_path / "new" / "file.bin.part").stat().st_size == 1000
    served.break_after.clear()
    fetch(served, tmp_path / "new" / "file.bin")
    assert served.gets(PATH)[-1] == "bytes=1000-"
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["file.bin"]


def test_a_server_that_cannot_resume_sends_all_again(served: Web, tmp_path: Path) -> None:
    served.break_after[PATH] = [1000]
    served.ranges = False
    fetch(served, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("left", [b"another file", CONTENT + b"more"], ids=["shorter", "longer"])
def test_a_part_of_another_file_is_started_again(left: bytes, served: Web, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(left)
    fetch(served, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_the_wrong_file(served: Web, tmp_path: Path) -> None:
    served.files[PATH] = b"something else"
    with pytest.raises(FetchError, match=r"file\.bin is not the published file \(MD5 differs\)"):
        fetch(served, tmp_path / "new" / "file.bin")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("said", ["text/html", "application/octet-stream"])
def test_a_page_with_status_200_is_not_the_file(said: str, served: Web, tmp_path: Path) -> None:
    served.files[PATH] = b"\n<!DOCTYPE html><html><body>Too many requests</body></html>"
    served.headers[PATH] = {"Content-Type": said}
    with pytest.raises(FetchError, match=r"file\.bin is an HTML page, not the file"):
        fetch(served, tmp_path / "new" / "file.bin")
    assert not (tmp_path / "new").exists()


def test_a_beginning_of_a_checksum_is_checked_too(served: Web, tmp_path: Path) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()[:8]
    download(served.address + PATH, tmp_path / "a", Checksum(algorithm="sha256", digest=digest))
    with pytest.raises(FetchError, match="SHA256 differs"):
        download(served.address + PATH, tmp_path / "b", Checksum(algorithm="sha256", digest="00000000"))


@pytest.mark.parametrize(("status", "asked"), [(404, 1), (403, 1), (503, 4), (429, 4)])
def test_answers_that_are_no_file(status: int, asked: int, served: Web, tmp_path: Path) -> None:
    served.statuses[PATH] = status
    with pytest.raises(FetchError, match=f"answers {status}"):
        fetch(served, tmp_path / "new" / "file.bin")
    assert len(served.requests) == asked
    assert not (tmp_path / "new").exists()


def test_a_busy_server_is_asked_again(served: Web, tmp_path: Path) -> None:
    served.statuses[PATH] = 503
    calls = iter([None])

    def pause(seconds: float) -> None:
        next(calls)
        served.statuses.clear()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fsens_cli.cache.download.time.sleep", pause)
        fetch(served, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


@pytest.mark.usefixtures("web")
def test_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"no network: http://127\.0\.0\.1:9/x cannot be reached \(Connection "):
        download("http://127.0.0.1:9/x", tmp_path / "new" / "x", RIGHT)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("switch", ["FSENS_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_switches_touch_no_network(
    switch: str, served: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(switch, "1")
    with pytest.raises(FetchError, match=f"{switch} forbids downloading"):
        fetch(served, tmp_path / "new" / "file.bin")
    assert served.requests == []
    assert not (tmp_path / "new").exists()
    for off in ("0", "", "false"):
        monkeypatch.setenv(switch, off)
        assert offline_switch() == ""


def test_a_folder_that_cannot_be_made(served: Web, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(FetchError, match=r"taken.* cannot be written: (Not a directory|File exists)"):
        fetch(served, tmp_path / "taken" / "file.bin")
    assert served.requests == []


def test_an_interrupted_download_leaves_no_target(served: Web, tmp_path: Path) -> None:
    @contextmanager
    def meter(label: str, total: int) -> Iterator[Advance]:
        del label, total

        def interrupt(done: int) -> None:
            raise KeyboardInterrupt

        yield interrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(served, tmp_path / "file.bin", meter=meter)
    assert not (tmp_path / "file.bin").exists()
    fetch(served, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


FETCH_ALONE = """
import sys
from pathlib import Path
from fsens_cli.cache.download import Checksum, download
download(sys.argv[1], Path(sys.argv[2]), Checksum(algorithm="md5", digest=sys.argv[3]))
"""


def test_of_two_processes_one_fetches_and_both_have_the_file(served: Web, tmp_path: Path) -> None:
    release = served.hold[PATH] = Event()
    root = str(Path(__file__).resolve().parents[2])
    arguments = [served.address + PATH, str(tmp_path / "new" / "file.bin"), RIGHT.digest]
    command = [sys.executable, "-c", FETCH_ALONE, *arguments]
    both = [subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    # Both are under way before the answer to the first of them ends.
    Thread(target=lambda: (wait_for_request(served), release.wait(1.0), release.set())).start()
    for process in both:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    assert (tmp_path / "new" / "file.bin").read_bytes() == CONTENT
    assert served.gets(PATH) == [""]
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["file.bin"]


def wait_for_request(web: Web) -> None:
    pause = Event()
    for _ in range(600):
        if web.requests:
            return
        pause.wait(0.05)


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"FSENS_CACHE": "/x/y"}, "/x/y/pictures"),
        ({"FSENS_CACHE": "", "XDG_CACHE_HOME": "/c"}, "/c/fsens/pictures"),
        ({"FSENS_CACHE": "", "XDG_CACHE_HOME": "", "HOME": "/home/me"}, "/home/me/.cache/fsens/pictures"),
    ],
)
def test_where_the_cache_is(variables: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder("pictures") == Path(folder)


@pytest.mark.parametrize("length", ["abc", "-5", "", "99999999999999999999999"])
def test_a_length_that_is_none_is_not_believed(length: str, served: Web, tmp_path: Path) -> None:
    served.headers[PATH] = {"Content-Length": length}
    fetch(served, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("length", ["", str(len(CONTENT))], ids=["unsaid", "said"])
def test_a_download_without_end_is_left_and_thrown_away(length: str, served: Web, tmp_path: Path) -> None:
    served.headers[PATH] = {"Content-Length": length}
    with pytest.raises(FetchError, match=r"file\.bin is larger than the file can be \(100,000 bytes\)"):
        fetch(served, tmp_path / "new" / "file.bin", largest=100_000)
    assert not (tmp_path / "new").exists()


def test_a_server_that_drips_is_left(served: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served.hold[PATH] = Event()
    monkeypatch.setattr("fsens_cli.cache.download.SLOW_SECONDS", 0.0)
    monkeypatch.setattr("fsens_cli.cache.download.SLOWEST", 10**15)
    with pytest.raises(FetchError, match=r"sends fewer than .* bytes a second; [\d,]+ bytes are kept, the next start"):
        fetch(served, tmp_path / "file.bin")
    served.hold[PATH].set()
    assert (tmp_path / "file.bin.part").stat().st_size > 0


def test_a_full_disk_does_not_stay_full(served: Web, tmp_path: Path) -> None:
    @contextmanager
    def meter(label: str, total: int) -> Iterator[Advance]:
        del label, total

        def full(done: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        yield full

    with pytest.raises(FetchError, match=r"cannot be written: No space left on device"):
        fetch(served, tmp_path / "new" / "file.bin", meter=meter)
    assert not (tmp_path / "new").exists()


def test_a_network_that_goes_away_is_no_trouble_of_the_disk(
    served: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, calls = http.client.HTTPResponse.read1, iter(range(10**6))

    def unreachable(response: http.client.HTTPResponse, size: int = -1) -> bytes:
        if next(calls) == 2:
            raise OSError(errno.EHOSTUNREACH, "No route to host")
        return read(response, size)

    monkeypatch.setattr(http.client.HTTPResponse, "read1", unreachable)
    fetch(served, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert served.gets(PATH)[1].startswith("bytes=")


def test_user_and_password_reach_the_server_they_are_for_alone(served: Web, tmp_path: Path) -> None:
    served.statuses["/moved.bin"] = 302
    served.files["/moved.bin"] = b""
    served.headers["/moved.bin"] = {"Location": PATH}
    address = served.address.replace("://", "://me:p%40ss%20word@")
    download(f"{address}/moved.bin", tmp_path / "file.bin", RIGHT)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    encoded = base64.b64encode(b"me:p@ss word").decode()
    assert served.authorizations == [("/moved.bin", f"Basic {encoded}"), (PATH, "")]


@pytest.mark.parametrize("status", [403, 503, 200])
def test_secrets_of_an_address_are_in_no_message(status: int, served: Web, tmp_path: Path) -> None:
    served.files[PATH + "?token=TOPSECRET"] = b"no"
    served.statuses[PATH + "?token=TOPSECRET"] = status
    address = served.address.replace("://", "://me:TOPSECRET@")
    with pytest.raises(FetchError) as caught:
        download(f"{address}{PATH}?token=TOPSECRET", tmp_path / "file.bin", RIGHT)
    assert "TOPSECRET" not in str(caught.value)
    assert "***@127.0.0.1" in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "http://[::1/x",
        "http://",
        "http://:80/x",
        "http://host:port/x",
        "http://me:pa/ss@host/x",
        "ftp://host/x",
        "file:///etc/passwd",
        "x",
        "http://host/a b",
        "http://host/\r\nX: y",
    ],
)
def test_what_is_no_address(address: str, served: Web, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="expected https://HOST/PATH or http://HOST/PATH") as caught:
        download(address, tmp_path / "new" / "x", RIGHT)
    assert not (tmp_path / "new").exists()
    assert "pa/ss" not in str(caught.value)
    assert served.requests == []


def test_names_in_other_letters_are_encoded(served: Web, tmp_path: Path) -> None:
    served.files["/donn%C3%A9es.bin"] = CONTENT
    download(f"{served.address}/donn\u00e9es.bin", tmp_path / "x", RIGHT)
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_the_port_is_no_part_of_the_host_s_name() -> None:
    assert (
        parse_address("http://\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444:8080/x").url
        == "http://xn--e1afmkfd.xn--p1ai:8080/x"
    )


@pytest.mark.parametrize(
    ("text", "is_masked"),
    [("https://h/x?***", True), ("https://***@h/x", True), ("https://h/x?a=1", False), ("https://h/***", False)],
)
def test_an_address_of_a_record_is_known(text: str, is_masked: bool) -> None:
    assert has_mask(text) == is_masked
