"""``fsens report`` as a user types it: one page without network, every word escaped, and in a real browser."""

import json
import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Type = Callable[..., Result]

go = pytest.importorskip("plotly.graph_objects", reason="needs plotly: pip install 'fsens[report]'")
pytestmark = pytest.mark.xdist_group("family")

SWEEPS = ["sweep:measure", "sweep:hybrid-probe", "sweep:evaluate", "sweep:blur-defense"]
NASTY = "<img src=x onerror=alert(1)>\"'&</script><b>"
BROWSER = next((path for name in ("chromium", "google-chrome", "chromium-browser") if (path := shutil.which(name))), "")


def page_of(fsens: Type, *arguments: str) -> str:
    result = fsens("report", *arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout == "report.html\n"
    return Path("report.html").read_text()


def without_plotly(page: str) -> str:
    from plotly.offline import get_plotlyjs

    assert get_plotlyjs() in page
    return page.replace(get_plotlyjs(), "")


def specs(page: str) -> dict[str, Any]:
    found = re.findall(r'class="plot-data" data-target="([^"]+)">(.*?)</script>', page)
    return {name: json.loads(text) for name, text in found}


def test_the_whole_page(fsens: Type, family: Path) -> None:
    page = without_plotly(page_of(fsens, *SWEEPS))
    for name in ("asked", "answer", "measure", "hybrid-probe", "evaluate", "blur-defense", "across", "provenance"):
        assert page.count(f'<section id="{name}">') == 1
    assert page.index('id="asked"') < page.index('id="answer"') < page.index('id="measure"')
    assert page.index('id="provenance"') > page.index('id="across"')
    answer = page[page.index('<section id="answer">') : page.index('<section id="measure">')]
    # The truth is known: the network trained with LSF listens to the low band.
    assert "Sensitivity, centroid of 2 models: smallest for lsf training, 3." in answer
    assert re.search(r"F_rev of 2 models: smallest for lsf training, 0\.2\d\d \[0\.\d+, 0\.\d+\] Nyquist", answer)
    assert re.search(
        r"standard training, median size, L-inf \(1/255\): none .*; blur 1\.5 not told from chance", answer
    )
    assert "blur-defense, standard training: blur 1.5: clean accuracy" in answer  # the warnings of the runs
    # Nothing is fetched, neither by the page nor in secret.
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", page)
    assert "url(" not in page
    assert "default-src 'none'" in page


def test_every_plot_is_one_that_plotly_takes(fsens: Type, family: Path) -> None:
    drawn = specs(page_of(fsens, *SWEEPS))
    expected = {"measure-0", "hybrid-probe-0", "evaluate-0", "evaluate-1", "blur-defense-0", "blur-defense-1"}
    assert expected <= drawn.keys()
    for spec in drawn.values():
        figure = go.Figure(spec)  # refuses what it does not know
        assert len(figure.data) >= 2
    colours = {
        trace["name"]: trace["line"]["color"]
        for trace in drawn["measure-0"]["data"] + drawn["hybrid-probe-0"]["data"]
        if "name" in trace
    }
    assert len(set(colours.values())) == len(colours) == 2


def test_words_of_others_stay_words(fsens: Type, family: Path) -> None:
    for number in (1, 2):
        run = family / "measure" / "resnet8-dualband" / f"v00{number}"
        results = json.loads((run / "results.json").read_text())
        results |= {"model": NASTY, "data": NASTY, "training": f"{NASTY}{number}", "weights": f"{NASTY}{number}"}
        (run / "results.json").write_text(json.dumps(results))
        record = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps(record | {"argv": [NASTY], "seed": NASTY, "machine": {"gpu": NASTY}}))
    page = page_of(fsens, "sweep:measure", "--title", NASTY)
    plain = without_plotly(page)
    assert "<img src=x" not in plain
    assert "alert(1)&gt;" in plain
    assert plain.count("</script>") == plain.count("<script")
    labels = [t.get("name", "") for spec in specs(page).values() for t in spec["data"]]
    assert any("&lt;img" in name for name in labels)
    assert not any("<" in name for name in labels)


def test_damaged_runs_are_named(fsens: Type, family: Path) -> None:
    (family / "measure" / "resnet8-dualband" / "v002" / "lines.csv").unlink()
    result = fsens("report", "sweep:measure")
    assert result.exit_code == 0, result.output
    assert "has no lines.csv" in result.stderr
    assert "Skipped: outputs/measure/resnet8-dualband/v002 is incomplete" in Path("report.html").read_text()


def test_what_is_no_report_is_never_replaced(fsens: Type, family: Path) -> None:
    page_of(fsens, "sweep:measure")
    page_of(fsens, "sweep:measure")  # a report is
    Path("mine.html").write_text("<html>mine</html>")
    result = fsens("report", "sweep:measure", "-o", "mine.html")
    assert result.exit_code == 2
    assert "mine.html is there already and is no fsens report" in result.stderr
    assert Path("mine.html").read_text() == "<html>mine</html>"


def test_without_plotly(fsens: Type, family: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "plotly.offline", None)
    result = fsens("report", "sweep:measure")
    assert result.exit_code == 2
    assert result.stderr == "error: a report needs plotly: pip install 'fsens[report]'.\n"
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
  const found = { complaints, sorted: [], plots: [], wide: document.documentElement.scrollWidth };
  for (const table of document.querySelectorAll("table.sortable")) {
    const column = table.tHead.rows[0].cells.length > 3 ? 2 : 1, head = table.tHead.rows[0].cells[column];
    const shown = (cell) => cell.dataset.value ?? cell.textContent;
    const read = () => [...table.tBodies[0].rows].map((r) => shown(r.cells[column]));
    const before = read();
    head.querySelector("button").click();
    const up = read();
    head.querySelector("button").click();
    found.sorted.push({ before, up, down: read(), state: head.getAttribute("aria-sort") });
  }
  for (const plot of document.querySelectorAll(".plot")) {
    found.plots.push({ name: plot.id, lines: plot.querySelectorAll(".trace").length,
      width: plot.getBoundingClientRect().width });
  }
  const note = document.createElement("pre");
  note.id = "found";
  note.textContent = JSON.stringify(found);
  document.body.append(note);
}, 500));
</script>"""


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="needs chromium or google-chrome on PATH")
@pytest.mark.parametrize("width", [1200, 500])
def test_in_a_browser(fsens: Type, family: Path, width: int) -> None:
    page = page_of(fsens, *SWEEPS)
    tried = Path("tried.html")
    tried.write_text(page.replace("<head>", f"<head>{WATCH}").replace("</body>", f"{TRY}</body>"))
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={width},1000"]
    flags += ["--virtual-time-budget=20000", f"--user-data-dir={Path.cwd() / 'profile'}"]
    url = tried.resolve().as_uri()
    dumped = subprocess.run(
        [BROWSER, *flags, "--dump-dom", url], capture_output=True, text=True, timeout=300, check=True
    )
    match = re.search(r'<pre id="found">(.*?)</pre>', dumped.stdout, re.DOTALL)
    assert match, dumped.stderr[-2000:]
    found = json.loads(match.group(1).replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
    assert found["complaints"] == []
    assert len(found["plots"]) >= 6
    assert all(plot["lines"] >= 1 for plot in found["plots"])
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
def test_a_picture_of_it(fsens: Type, family: Path) -> None:
    page_of(fsens, *SWEEPS)
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1200,900", "--virtual-time-budget=10000"]
    target = [f"--screenshot={Path.cwd() / 'page.png'}", Path("report.html").resolve().as_uri()]
    subprocess.run([BROWSER, *flags, *target], capture_output=True, timeout=300, check=True)
    head = Path("page.png").read_bytes()[:24]
    assert struct.unpack(">II", head[16:24]) == (1200, 900)
    assert Path("page.png").stat().st_size > 20_000
