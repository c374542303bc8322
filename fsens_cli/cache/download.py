"""Files from the web, whole or not at all.

A download goes to ``NAME.part`` beside its target, is checked, and then takes the target's name in one step. A broken
connection is resumed where it broke, also by a later process; of two processes that want the same file one fetches
and the other waits. An HTML page is never taken for the file, a file never becomes larger than it may be, and a
server that drips is left.
"""

import contextlib
import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO

from fsens_cli.cache.address import Address, parse_address
from fsens_cli.cache.places import Meter, offline_switch, silent
from fsens_cli.errors import FetchError
from fsens_cli.home import shown

CHUNK = 1 << 16
TIMEOUT_SECONDS = 30.0
# Nothing that fsens fetches is larger, where its size is not published.
LARGEST = 8 << 30
# A server that sends fewer bytes a second than this over so many seconds is given up.
SLOWEST, SLOW_SECONDS = 1000, 60.0
# Attempts in a row that bring no byte; one that brings some starts the count anew.
MAX_IDLE_ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    """What a file must hash to: the whole digest or its beginning, in hexadecimal."""

    algorithm: str
    digest: str

    def matches(self, path: Path) -> bool:
        """Return whether the file is the expected one."""
        with path.open("rb") as file:
            return hashlib.file_digest(file, self.algorithm).hexdigest().startswith(self.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What is fetched: from where, at most how many bytes, and what the meter calls it."""

    address: Address
    largest: int
    meter: Meter
    label: str


def download(url: str, target: Path, checksum: Checksum, *, largest: int = LARGEST, meter: Meter = silent) -> None:
    """Fetch ``url``, which may hold ``user:password@``, to ``target`` unless it is there already.

    Args:
        largest: the most bytes that the file can have.

    Raises:
        FetchError: forbidden, unreachable, not the expected file, or the folder cannot be written; nothing is left
            but the part of a broken connection, which the next attempt continues.
    """
    if target.is_file():
        return
    switch = offline_switch()
    if switch:
        raise FetchError(f"{switch} forbids downloading")
    request = _Request(address=parse_address(url), largest=largest, meter=meter, label=target.name)
    part = target.with_name(f"{target.name}.part")
    with _made(target.parent), _held(part, target) as file:
        if file is None:
            return
        try:
            resumed = file.seek(0, os.SEEK_END) > 0
            _fetch(request, file)
            if resumed and not checksum.matches(part):
                file.truncate(0)  # what an earlier attempt left was of another file
                _fetch(request, file)
            if not checksum.matches(part):
                differs = f"{checksum.algorithm.upper()} differs"
                raise FetchError(f"{request.address.shown} is not the published file ({differs})")
        except FetchError as error:
            # What arrived of the right file is kept; a page of words or the wrong file is not.
            if not error.resumable:
                part.unlink(missing_ok=True)
            raise
        except OSError:  # a full disk, which must not stay full
            part.unlink(missing_ok=True)
            raise
        part.replace(target)


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make the folder; take it away again where it stayed empty. Say so where it cannot be written."""
    missing = [f for f in (folder, *folder.parents) if not f.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise FetchError(f"{shown(folder)} cannot be written: {error.strerror}") from error
    finally:
        for made in missing:
            with contextlib.suppress(OSError):
                made.rmdir()


@contextlib.contextmanager
def _held(part: Path, target: Path) -> Iterator[IO[bytes] | None]:
    """Open the partial file for this process alone; None where another process has meanwhile finished the target."""
    while True:
        file = part.open("ab")
        try:
            _lock(file)
            # The process that had it may have moved or removed the file we opened.
            if part.exists() and os.fstat(file.fileno()).st_ino == part.stat().st_ino and not target.is_file():
                yield file
                return
            if target.is_file():
                if part.exists() and part.stat().st_size == 0:
                    part.unlink()
                yield None
                return
        finally:
            file.close()


def _lock(file: IO[bytes]) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: no such lock; two processes at once would fail on the checksum, not mix files
        return
    fcntl.flock(file, fcntl.LOCK_EX)


def _fetch(request: _Request, file: IO[bytes]) -> None:
    """Append to ``file`` until it is as long as the server says."""
    url = request.address.shown
    idle, pause = 0, FIRST_PAUSE_SECONDS
    while True:
        before = file.seek(0, os.SEEK_END)
        try:
            if _fetch_once(request, file):
                return
            reason = "the connection broke"
        except urllib.error.HTTPError as error:
            with error:
                if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and before:
                    file.truncate(0)
                    continue
                if error.code < 500 and error.code != HTTPStatus.TOO_MANY_REQUESTS:
                    raise FetchError(f"{url} answers {error.code} {error.reason}") from error
                reason = f"{url} answers {error.code} {error.reason}"
        except (http.client.InvalidURL, UnicodeError) as error:
            raise FetchError(f"{url} is no address") from error
        except (http.client.HTTPException, TimeoutError, ConnectionError) as error:
            reason = f"the connection to {url} broke ({_words(error)})"
        except urllib.error.URLError as error:
            cause = error.reason if isinstance(error.reason, Exception) else error
            if not isinstance(cause, ConnectionResetError):
                raise FetchError(f"no network: {url} cannot be reached ({_words(cause)})") from error
            reason = f"the connection to {url} broke ({_words(cause)})"
        idle = idle + 1 if file.seek(0, os.SEEK_END) == before else 1
        if idle >= MAX_IDLE_ATTEMPTS:
            done = file.tell()
            kept = f"; {done:,} bytes are kept, the next start continues there" if done else ""
            raise FetchError(f"{reason}{kept}", resumable=done > 0)
        time.sleep(pause)
        pause = min(2 * pause, 8.0)


def _fetch_once(request: _Request, file: IO[bytes]) -> bool:
    """Ask for what is missing and append it; return whether the file is complete now."""
    url, start = request.address.shown, file.tell()
    headers = {"User-Agent": "fsens"} | ({"Range": f"bytes={start}-"} if start else {})
    asked = urllib.request.Request(request.address.url, headers=headers)
    if request.address.authorization:  # which is nobody else's business, should the server send us elsewhere
        asked.add_unredirected_header("Authorization", request.address.authorization)
    with urllib.request.urlopen(asked, timeout=TIMEOUT_SECONDS) as response:
        if start and response.status != HTTPStatus.PARTIAL_CONTENT:
            file.truncate(0)
            start = 0
        total = _total(response.headers.get("Content-Length", ""), start)
        _require_small(request, total)
        if response.headers.get_content_type() == "text/html":
            raise FetchError(f"{url} is an HTML page, not the file")
        # Servers also send pages under the file's own type.
        chunk = _read(response)
        if start == 0 and is_page(chunk):
            raise FetchError(f"{url} is an HTML page, not the file")
        speed = _Speed(url)
        with request.meter(request.label, total) as advance:
            while chunk:
                _require_small(request, start + len(chunk))
                file.write(chunk)
                start += len(chunk)
                advance(start)
                speed.check(start)
                chunk = _read(response)
    file.flush()
    return not total or file.tell() >= total


def _read(response: http.client.HTTPResponse) -> bytes:
    """Return what has arrived; whatever ends the connection is a broken connection, no trouble of the disk."""
    try:
        return response.read1(CHUNK)
    except TimeoutError:
        raise
    except OSError as error:
        raise ConnectionError(*error.args) from error


def _total(length: str, start: int) -> int:
    """Return how long the file will be by its header; 0 where that says nothing, or nonsense.

    >>> _total("20", 5), _total("abc", 5)
    (25, 0)
    """
    return start + int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0


def _require_small(request: _Request, size: int) -> None:
    if size > request.largest:
        raise FetchError(
            f"{request.address.shown} is larger than the file can be ({request.largest:,} bytes): it is another one"
        )


class _Speed:
    """Watches how fast bytes come, in windows of ``SLOW_SECONDS``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.since, self.had = time.monotonic(), 0

    def check(self, have: int) -> None:
        """Raise FetchError if a window has ended in which too few bytes came."""
        seconds = time.monotonic() - self.since
        if seconds < SLOW_SECONDS:
            return
        if have - self.had < SLOWEST * seconds:
            raise FetchError(
                f"{self.url} sends fewer than {SLOWEST:,} bytes a second; {have:,} bytes are kept, the next start "
                "continues there",
                resumable=True,
            )
        self.since, self.had = time.monotonic(), have


def is_page(start: bytes) -> bool:
    """Return whether a file that begins so is a page for people.

    >>> is_page(b"  <!DOCTYPE html><p>Sorry"), is_page(bytes([31, 139, 8]))
    (True, False)
    """
    return start.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html", b"<head", b"<?xml"))


def _words(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
