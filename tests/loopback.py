"""A web server on this machine whose files, headers and misbehaviour a test decides."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


@dataclass
class Web:
    """What is served, and what was asked for.

    Attributes:
        files: content by path.
        headers: further headers by path.
        statuses: a status instead of 200 by path, with the file as its page.
        reasons: the words behind a status by path.
        break_after: by path, after how many bytes of an answer the connection breaks, one entry an answer.
        hold: by path, an event that an answer waits for before its last byte.
        requests: (method, path, Range header) in order.
        authorizations: (path, Authorization header) in order.
    """

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    break_after: dict[str, list[int]] = field(default_factory=dict)
    hold: dict[str, Event] = field(default_factory=dict)
    ranges: bool = True
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    authorizations: list[tuple[str, str]] = field(default_factory=list)

    def gets(self, path: str) -> list[str]:
        """Return the Range headers of all GET requests of a path."""
        return [r for method, p, r in self.requests if (method, p) == ("GET", path)]


@contextmanager
def serving() -> Iterator[Web]:
    """Serve on a free port of the loopback address."""
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer(body=True)

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def answer(self, *, body: bool) -> None:
            asked = self.headers.get("Range", "")
            web.requests.append((self.command, self.path, asked))
            web.authorizations.append((self.path, self.headers.get("Authorization", "")))
            content = web.files.get(self.path)
            status = web.statuses.get(self.path, 200)
            if content is None:
                status, content = web.statuses.get(self.path, 404), b""
            start = 0
            if (found := re.fullmatch(r"bytes=(\d+)-", asked)) and web.ranges and status == 200:
                start, status = int(found.group(1)), 206
                if start >= len(content):
                    start, status, content = 0, 416, b""
            self.send_response(status, web.reasons.get(self.path))
            own = web.headers.get(self.path, {})
            self.send_header("Content-Type", own.get("Content-Type", "application/octet-stream"))
            length = own.get("Content-Length", str(len(content) - start))
            if length:
                self.send_header("Content-Length", length)
            self.close_connection = "Content-Length" in own
            if status == 206:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            for name, value in own.items():
                if name not in ("Content-Type", "Content-Length"):
                    self.send_header(name, value)
            self.end_headers()
            if not body:
                return
            breaks = web.break_after.get(self.path, [])
            if breaks:
                self.wfile.write(content[start : start + breaks.pop(0)])
                self.close_connection = True
                return
            if event := web.hold.get(self.path):
                self.wfile.write(content[start:-1])
                self.wfile.flush()
                event.wait(30)
                self.wfile.write(content[-1:])
                return
            self.wfile.write(content[start:])

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None: ...  # clients that go away are what is tested

    with Server(("127.0.0.1", 0), Handler) as http:
        web.address = f"http://127.0.0.1:{http.server_port}"
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield web
        http.shutdown()
        thread.join()


COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """A Hub on this machine, as far as downloads need one."""

    def __init__(self, web: Web) -> None:
        self.web = web

    def add(self, repo: str, file: str, content: bytes, **headers: str) -> str:
        digest = hashlib.sha256(content).hexdigest()
        for revision in (COMMIT, "main"):
            path = f"/{repo}/resolve/{revision}/{file}"
            self.web.files[path] = content
            self.web.headers[path] = {"X-Repo-Commit": COMMIT, "ETag": f'"{digest}"', **headers}
        return path

    def add_repo(self, repo: str) -> None:
        """Say of files that are not there that the repository is."""
        for file in ("config.json", "model.safetensors", "pytorch_model.bin"):
            path = f"/{repo}/resolve/main/{file}"
            if path not in self.web.files:
                self.web.statuses[path] = 404
                self.web.headers[path] = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}
