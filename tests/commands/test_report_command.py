"""``fsens report`` as a user types it: one page without network, every word escaped, and in a real browser."""

import base64
import html
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from PIL import Image
from typer.testing import Result

from fsens_cli.runs.figures.style import TRAININGS
from fsens_cli.runs.report.pictures import _small

Type = Callable[..., Result]

pytest.importorskip("jinja2", reason="needs jinja2: pip install 'fsens[report]'")
pytestmark = pytest.mark.xdist_group("family")

SWEEPS = ["sweep:measure", "sweep:hybrid-probe", "sweep:evaluate", "sweep:blur-defense"]
NASTY = "<img src=x onerror=alert(1)>\"'&</script><b>"
BROWSER = next((path for name in ("chromium", "google-chrome", "chromium-browser") if (path := shutil.which(name))), "")


def page_of(fsens: Type, *arguments: str) -> str:
    result = fsens("report", *arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout == "report.html\n"
    return Path("report.html").read_text()


def drawn(page: str) -> list[tuple[str, str]]:
    """Return what each plot shows in words, and its SVG."""
    found = re.findall(r'<img class="plot" alt="([^"]+)" src="data:image/svg[+]xml,([^"]+)"', page)
    return [(alt, unquote(html.unescape(data))) for alt, data in found]


def test_the_whole_page(fsens: Type, family: Path) -> None:
    page = page_of(fsens, *SWEEPS)
    assert len(page) < 1_000_000
    for name in ("asked", "answer", "measure", "hybrid-probe", "evaluate", "blur-defense", "provenance"):
        assert page.count(f'<section id="{name}">') == 1
    # One sentence and one picture come before everything else.
    (headline,) = re.findall(r'<p class="headline">(.*?)</p>', page)
    # The truth is known: the network trained with LSF listens to the low band.
    assert re.fullmatch(
        r"Lsf training listens to low frequencies: \d+ % of its sensitivity lies at 5 c/image and below; standard "
        r"training listens to high frequencies: \d+ % of its sensitivity lies above 10 c/image\.",
        headline,
    )
    assert page.index('class="headline"') < page.index("<img") < page.index("<nav") < page.index('id="answer"')
    assert page.index('id="answer"') < page.index('id="asked"') < page.index('id="measure"')
    answer = page[page.index('<section id="answer">') : page.index('<section id="asked">')]
    bullets = re.findall("<li>(.*?)</li>", answer[: answer.index('class="notice"')])
    assert len(bullets) == 4
    assert re.fullmatch(
        r"measure: sensitivity, centroid from 3\.\d\d \(lsf training\) to 1\d\.\d\d c/image \(standard training\); "
        r"compared with standard training: smaller for lsf training\.",
        bullets[0],
    )
    assert re.match(r"hybrid-probe: f_rev from 0\.2\d\d \(lsf training\) to 0\.\d+ Nyquist", bullets[1])
    assert bullets[3].startswith("blur-defense: ")
    assert "[" not in "".join(bullets[:3])
    assert 'class="number clear"' in page
    # Two networks are too few for any word on correlation over networks.
    assert "correlation of" not in page
    assert 'id="across"' not in page
    assert "blur-defense, standard training: blur 1.5: clean accuracy" in answer  # the warnings of the runs
    # Nothing is fetched, neither by the page nor in secret.
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", page)
    assert "url(" not in re.sub(r'src="data:[^"]*"', "", page)
    for svg in map(unquote, map(html.unescape, re.findall(r'src="data:image/svg[+]xml,([^"]+)"', page))):
        assert not re.search(r"""href=["'](?!#)|url\((?!#)""", svg)
    assert "default-src 'none'" in page


def test_plots_say_what_is_seen_and_keep_colours(fsens: Type, family: Path) -> None:
    plots = drawn(page_of(fsens, *SWEEPS))
    titles = [alt.split(":")[0] for alt, _ in plots]
    assert titles[0] == "Where the sensitivity lies"
    assert len(titles) == len(set(titles)) >= 6
    assert re.search(r"standard training is highest, 0\.\d+, at 1\d, and", plots[0][0])
    assert re.search(r"lsf training is highest, 0\.\d+, at [1-5], and", plots[0][0])
    assert "low frequency" in next(alt for alt, _ in plots if alt.startswith("Accuracy under groups"))
    for _, svg in plots[:2]:
        assert "lsf training" in svg  # as text, which a reader can search
        assert TRAININGS["lsf"].lower() in svg.lower()
        assert not re.search("#000000|#ffffff", svg)  # follow the screen


def test_numbers_of_strengths_are_a_matrix(fsens: Type, family: Path) -> None:
    page = page_of(fsens, *SWEEPS)
    part = page[page.index('<section id="blur-defense">') :]
    assert part.count("<h3>") >= 2
    head = re.findall(r'<button type="button">(.*?)</button>', part[: part.index("</thead>")])
    assert head == ["number", "none", "blur 1.5"]
    rows = re.findall(r"<tr><td>(.*?)</td>", part[: part.index("</tbody>")])
    assert {"accuracy (%)", "median size, L-inf (1/255)", "f_rev (Nyquist)"} <= set(rows)


def test_pictures_are_made_small_and_the_page_is_kept_below_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = Image.effect_noise((2000, 1000), 80).convert("RGB")
    written = io.BytesIO()
    noise.save(written, "png")
    with Image.open(io.BytesIO(base64.b64decode(_small(written.getvalue())))) as small:
        assert (small.size, small.mode) == ((480, 240), "P")


def test_words_of_others_stay_words(fsens: Type, family: Path) -> None:
    for number, name in enumerate(("resnet8-dualband", "resnet8-lsf-dualband"), 1):
        run = family / "measure" / name / "v001"
        results = json.loads((run / "results.json").read_text())
        results |= {"model": NASTY, "data": NASTY, "training": f"{NASTY}{number}", "weights": f"{NASTY}{number}"}
        (run / "results.json").write_text(json.dumps(results))
        record = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps(record | {"argv": [NASTY], "seed": NASTY, "machine": {"gpu": NASTY}}))
    page = page_of(fsens, "sweep:measure", "--title", NASTY)
    assert "<img src=x" not in page
    assert "alert(1)&gt;" in page
    assert page.count("</script>") == page.count("<script")
    (svg, *_) = (svg for _, svg in drawn(page))
    assert "&lt;img" in svg
    ElementTree.fromstring(svg)


def test_damaged_runs_are_named(fsens: Type, family: Path) -> None:
    (family / "measure" / "resnet8-lsf-dualband" / "v001" / "lines.csv").unlink()
    result = fsens("report", "sweep:measure")
    assert result.exit_code == 0, result.output
    assert "has no lines.csv" in result.stderr
    assert "Skipped: outputs/measure/resnet8-lsf-dualband/v001 is incomplete" in Path("report.html").read_text()


def test_what_is_no_report_is_never_replaced(fsens: Type, family: Path) -> None:
    page_of(fsens, "sweep:measure")
    page_of(fsens, "sweep:measure")  # a report is
    Path("mine.html").write_text("<html>mine</html>")
    result = fsens("report", "sweep:measure", "-o", "mine.html")
    assert result.exit_code == 2
    assert "mine.html is there already and is no fsens report" in result.stderr
    assert Path("mine.html").read_text() == "<html>mine</html>"


def test_without_jinja(fsens: Type, family: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    result = fsens("report", "sweep:measure")
    assert result.exit_code == 2
    assert result.stderr == "error: a report needs jinja2: pip install 'fsens[report]'.\n"
    assert not Path("report.html").exists()


def test_nothing_to_report(fsens: Type, family: Path) -> None:
    for file in family.glob("measure/*/v*/results.json"):
        file.unlink()
    result = fsens("report", "sweep:measure")
    assert result.exit_code == 2
    assert "there is no finished run among these" in result.stderr


WATCH = """<script>
window.complaints = [];
addEventListener("error", (e) => complaints.push(e.message));
addEventListener("securitypolicyviolation", (e) => complaints.push("blocked " + e.blockedURI));
</script>"""
TRY = """<script>
addEventListener("load", () => setTimeout(() => {
  const found = { complaints, sorted: [], plots: [], wide: document.documentElement.scrollWidth,
    first: document.querySelector(".first img").getBoundingClientRect().bottom, tall: innerHeight,
    requests: performance.getEntriesByType("resource").filter((e) => !e.name.startsWith("data:")).length,
    closed: document.querySelectorAll("details:not([open])").length };
  dispatchEvent(new Event("beforeprint"));
  found.printed = document.querySelectorAll("details:not([open])").length;
  dispatchEvent(new Event("afterprint"));
  found.again = document.querySelectorAll("details:not([open])").length;
  for (const one of document.querySelectorAll("details")) one.open = true;
  for (const table of document.querySelectorAll("table.sortable")) {
    const column = table.tHead.rows[0].cells.length > 3 ? 2 : 1, head = table.tHead.rows[0].cells[column];
    const shown = (cell) => cell.dataset.value ?? cell.textContent;
    const read = () => [...table.tBodies[0].rows].map((r) => shown(r.cells[column]));
    const before = read();
    head.querySelector("button").focus();
    if (document.activeElement !== head.querySelector("button")) complaints.push("not reached by keyboard");
    document.activeElement.click();
    const up = read();
    head.querySelector("button").click();
    found.sorted.push({ before, up, down: read(), state: head.getAttribute("aria-sort") });
  }
  for (const plot of document.querySelectorAll(".plot")) {
    found.plots.push({ drawn: plot.complete && plot.naturalWidth > 0, width: plot.getBoundingClientRect().width });
  }
  parent.postMessage(JSON.stringify(found), "*");
}, 500));
</script>"""
# Headless Chromium has no window narrower than 500 pixels; a frame has any width, and the page's style goes by it.
FRAME = """<!DOCTYPE html><body style="margin:0"><script>
addEventListener("message", (e) => {{ document.body.append(Object.assign(document.createElement("pre"),
  {{ id: "found", textContent: e.data }})); }});
</script><iframe src="tried.html" style="border:0" width="{width}" height="850"></iframe></body>"""


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="needs chromium or google-chrome on PATH")
@pytest.mark.parametrize("width", [1280, 390])
def test_in_a_browser(fsens: Type, family: Path, width: int) -> None:
    page = page_of(fsens, *SWEEPS)
    tried = Path("tried.html")
    tried.write_text(page.replace("<head>", f"<head>{WATCH}").replace("</body>", f"{TRY}</body>"))
    frame = Path("frame.html")
    frame.write_text(FRAME.format(width=width))
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,900"]
    flags += ["--virtual-time-budget=20000", f"--user-data-dir={Path.cwd() / 'profile'}"]
    url = frame.resolve().as_uri()
    dumped = subprocess.run(
        [BROWSER, *flags, "--dump-dom", url], capture_output=True, text=True, timeout=300, check=True
    )
    match = re.search(r'<pre id="found">(.*?)</pre>', dumped.stdout, re.DOTALL)
    assert match, dumped.stderr[-2000:]
    found = json.loads(match.group(1).replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
    assert found["complaints"] == []
    assert len(found["plots"]) >= 6
    assert all(plot["drawn"] for plot in found["plots"])
    assert found["requests"] == 0
    assert found["first"] <= found["tall"]  # the picture stands above the fold
    assert found["closed"] == found["again"] > 0 == found["printed"]
    assert all(100 < plot["width"] <= width for plot in found["plots"])
    # Wide tables scroll in their own box; the page itself never does.
    assert found["wide"] <= width
    assert len(found["sorted"]) >= 6
    for table in found["sorted"]:
        numbers = [v for v in table["up"] if v != ""]
        key: Callable[[str], Any] = float if all(_is_number(v) for v in numbers) else str.casefold
        assert numbers == sorted(numbers, key=key)
        assert [v for v in table["down"] if v != ""] == sorted(numbers, key=key, reverse=True)
        assert sorted(table["before"]) == sorted(table["up"])
        assert table["state"] == "descending"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="needs chromium or google-chrome on PATH")
def test_on_paper(fsens: Type, family: Path) -> None:
    page_of(fsens, *SWEEPS)
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", "--no-pdf-header-footer"]
    target = [f"--print-to-pdf={Path.cwd() / 'page.pdf'}", Path("report.html").resolve().as_uri()]
    subprocess.run([BROWSER, *flags, *target], capture_output=True, timeout=300, check=True)
    pages = len(re.findall(rb"/Type\s*/Page\b", Path("page.pdf").read_bytes()))
    assert 2 <= pages <= 9
