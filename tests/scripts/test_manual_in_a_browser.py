"""The manual in a real browser: pages load, formulas and search work, nothing is too wide, no other host is asked."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread

import pytest

pytest.importorskip("material", reason="needs fsens[docs]")
pytest.importorskip("mkdocstrings", reason="needs fsens[docs]")
ROOT = Path(__file__).resolve().parents[2]
BROWSER = next((path for name in ("chromium", "google-chrome", "chromium-browser") if (path := shutil.which(name))), "")
PAGES = ["index.html", "measure.html", "concepts/f-rev.html", "settings.html", "files.html", "python-reference.html"]
# A page of the same server opens each page of the manual in a frame, searches in the first, and tells what it saw.
TRY = """<!doctype html><iframe id="frame" width="{width}" height="900"></iframe><script>
const frame = document.getElementById("frame");
const page = () => frame.contentDocument;
const open = url => new Promise(done => {{ frame.onload = done; frame.src = url; }});
const wait = milliseconds => new Promise(done => setTimeout(done, milliseconds));
const until = async what => {{
  for (let i = 0; i < 200; i++) {{ const got = what(); if (got) return got; await wait(50); }}
  throw new Error("waited in vain: " + what);
}};
(async () => {{
  const found = {{pages: {{}}}};
  try {{
    for (const url of {pages}) {{
      await open(url);
      await until(() => page().querySelector("h1"));
      found.pages[url] = {{title: page().querySelector("h1").textContent, wide: page().documentElement.scrollWidth,
        formulas: page().querySelectorAll("math").length, raw: page().querySelectorAll(".arithmatex").length,
        broken: [...page().images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)}};
    }}
    await open("index.html?q=reversal+frequency");
    const hit = await until(() => page().querySelector(".md-search-result__link"));
    found.hit = hit.getAttribute("href");
  }} catch (error) {{ found.error = String(error); }}
  await fetch("/found", {{method: "POST", body: JSON.stringify(found)}});
}})();
</script>"""
POLICY = "default-src 'self' 'unsafe-inline' data: blob:; report-uri /violation"


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder under a policy that forbids all other hosts, and passes on what pages post."""

    posted: "Queue[tuple[str, str]]"

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def do_POST(self) -> None:
        self.posted.put((self.path, self.rfile.read(int(self.headers["Content-Length"])).decode()))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def served(site: Path) -> Iterator[tuple[str, "Queue[tuple[str, str]]"]]:
    posted: Queue[tuple[str, str]] = Queue()
    handler = type("Posting", (Handler,), {"posted": posted})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(site))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", posted
        server.shutdown()


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="needs chromium or google-chrome on PATH")
@pytest.mark.parametrize("width", [1280, 390])
def test_in_a_browser(site: Path, served: tuple[str, "Queue[tuple[str, str]]"], tmp_path: Path, width: int) -> None:
    address, posted = served
    (site / "tried.html").write_text(TRY.format(width=width, pages=json.dumps(PAGES)))
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000", "--remote-debugging-port=0"]
    command = [BROWSER, *flags, f"--user-data-dir={tmp_path}", f"{address}/tried.html"]
    browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        path, text = posted.get(timeout=120)
    finally:
        browser.terminate()
        browser.wait(timeout=30)
    assert path == "/found", text  # else something asked another host
    found = json.loads(text)
    assert "error" not in found, found
    assert "concepts/f-rev.html" in found["hit"]
    assert list(found["pages"]) == PAGES
    for url, page in found["pages"].items():
        assert page["title"], url
        assert page["wide"] <= width, url
        assert page["raw"] == 0, url
        assert page["broken"] == [], url
    assert found["pages"]["concepts/f-rev.html"]["formulas"] > 3
