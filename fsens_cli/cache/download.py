"""How does a file come from the web, whole or not at all?

A download goes to ``NAME.part`` beside its target, is checked, and then takes the target's name in one step. A broken
connection is resumed where it broke, also by a later process; of two processes that want the same file one fetches
and the other waits. An HTML page is never taken for the file.
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

from fsens_cli.cache.places import Meter, offline_switch, shown, silent
from fsens_cli.errors import FetchError

CHUNK = 1 << 16
TIMEOUT_SECONDS = 30.0
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


def download(url: str, target: Path, checksum: Checksum, *, meter: Meter = silent) -> None:
    """Fetch ``url`` to ``target`` unless it is there already.

    Raises:
        FetchError: forbidden, unreachable, not the expected file, or the folder cannot be written; nothing is left
            but the part of a broken connection, which the next attempt continues.
    """
    if target.is_file():
        return
    switch = offline_switch()
    if switch:
        raise FetchError(f"{switch} forbids downloading")
    part = target.with_name(f"{target.name}.part")
    with _made(target.parent), _held(part, target) as file:
        if file is None:
            return
        try:
            resumed = file.seek(0, os.SEEK_END) > 0
            _fetch(url, file, meter, target.name)
            if resumed and not checksum.matches(part):
                file.truncate(0)  # what an earlier attempt left was of another file
                _fetch(url, file, meter, target.name)
            if not checksum.matches(part):
                raise FetchError(f"{url} is not the published file ({checksum.algorithm.upper()} differs)")
        except FetchError as error:
            # What arrived of the right file is kept; a page of words or the wrong file is not.
            if not error.resumable:
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


def _fetch(url: str, file: IO[bytes], meter: Meter, label: str) -> None:
    """Append to ``file`` until it is as long as the server says."""
    idle, pause = 0, FIRST_PAUSE_SECONDS
    while True:
        before = file.seek(0, os.SEEK_END)
        try:
            if _fetch_once(url, file, meter, label):
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


def _fetch_once(url: str, file: IO[bytes], meter: Meter, label: str) -> bool:
    """Ask for what is missing and append it; return whether the file is complete now."""
    start = file.tell()
    headers = {"User-Agent": "fsens"} | ({"Range": f"bytes={start}-"} if start else {})
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
        if start and response.status != HTTPStatus.PARTIAL_CONTENT:
            file.truncate(0)
            start = 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length is not None else 0
        if response.headers.get_content_type() == "text/html":
            raise FetchError(f"{url} is an HTML page, not the file")
        # Servers also send pages under the file's own type.
        chunk = response.read1(CHUNK)
        if start == 0 and is_page(chunk):
            raise FetchError(f"{url} is an HTML page, not the file")
        with meter(label, total) as advance:
            while chunk:
                file.write(chunk)
                start += len(chunk)
                advance(start)
                chunk = response.read1(CHUNK)
    file.flush()
    return not total or file.tell() >= total


def is_page(start: bytes) -> bool:
    """Return whether a file that begins so is a page for people.

    >>> is_page(b"  <!DOCTYPE html><p>Sorry"), is_page(bytes([31, 139, 8]))
    (True, False)
    """
    return start.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html", b"<head", b"<?xml"))


def _words(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
