"""What comes from files, servers and settings neither runs on the terminal nor gives a secret away."""

import gzip
import io
import json
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from loopback import Web
from PIL import Image
from typer.testing import Result

from fsens_cli.commands import console
from fsens_cli.commands.resuming import job_to_resume
from fsens_cli.config.compose import Request, compose_job, flat_settings
from fsens_cli.config.jobs import TrainJob
from fsens_cli.runs.folder import SCHEMA

Type = Callable[..., Result]
ErrorOf = Callable[[Result], str]
SECRET = "TOPSECRET"
ADDRESSES = ("data=cifar10", "data.mirror='https://me:S@h/x?k=S'")
HOSTILE = "evil\x1b[31m\x1b]0;owned\x07\u202e$x$"


@pytest.fixture
def fashion(somewhere: Path) -> Path:
    """Twenty gray pictures in the files of Fashion-MNIST."""
    folder = somewhere / "fashion"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)
    labels = (np.arange(20) % 10).astype(np.uint8)
    for name, kind, array in (("images-idx3", 3, pixels), ("labels-idx1", 1, labels)):
        head = bytes([0, 0, 8, kind]) + struct.pack(f">{kind}I", *array.shape)
        (folder / f"t10k-{name}-ubyte.gz").write_bytes(gzip.compress(head + array.tobytes()))
    return folder


@pytest.mark.usefixtures("no_figures")
def test_secrets_of_a_mirror_are_written_nowhere(
    fashion: Path, measure: Type, fsens: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = f"data.mirror='https://me:{SECRET}@host.example/fm/?token={SECRET}'"
    given = ("--data", "fashion-mnist", f"data.root={fashion}", "data.channels=3", mirror)
    monkeypatch.setattr(sys, "argv", ["fsens", "measure", *given])
    result = measure(*given)
    assert result.exit_code == 0, result.output
    page = fsens("report", str(next(Path("outputs").glob("measure/*/v001"))))
    assert page.exit_code == 0, page.output
    shown = measure(*given, "--print-config")
    assert "mirror: https://***@host.example/fm/?***" in shown.stdout
    written = [f for f in Path("outputs").rglob("*") if f.is_file()]
    assert any("***@host.example" in f.read_text() for f in written if f.name == "run.json")
    assert [f for f in written if SECRET.encode() in f.read_bytes()] == []
    assert SECRET not in result.output + shown.output


@pytest.mark.usefixtures("no_figures")
def test_secrets_of_a_mirror_are_in_no_error(web: Web, measure: Type, error_of: ErrorOf) -> None:
    address = web.address.replace("://", f"://me:{SECRET}@")
    for mirror in (f"{address}/c.tar.gz?token={SECRET}", f"{address}/d/?token={SECRET}", f"http://[::1/?t={SECRET}"):
        error = error_of(measure("--data", "cifar10", f"data.mirror='{mirror}'"))
        assert SECRET not in error
        assert "***@127.0.0.1" in error or "what was given is no address" in error
    assert [path for path, _ in web.authorizations] == [
        f"/c.tar.gz?token={SECRET}",
        f"/d/cifar-10-python.tar.gz?token={SECRET}",
    ]
    assert all(header.startswith("Basic ") for _, header in web.authorizations)


def test_titles_and_class_names_run_nothing_on_the_terminal(somewhere: Path, measure: Type) -> None:
    for i, name in enumerate(("a\x1b[2J", "b\u202e")):
        (somewhere / "pictures" / name).mkdir(parents=True)
        Image.new("RGB", (12, 12), 40 + i).save(somewhere / "pictures" / name / "x.png")
    result = measure("--data", "folder", "data.root=pictures", "data.channels=3", f"data.title='{HOSTILE}'")
    assert result.exit_code == 0, result.output
    for text in (result.stdout, result.stderr):
        assert not set(text) & set("\x1b\x07\u202e")
    assert r"evil\x1b[31m" in result.stdout
    (figure,) = Path("outputs").rglob("spectrum.png")
    assert figure.stat().st_size > 10_000


def test_a_server_s_words_run_nothing_on_the_terminal(web: Web, measure: Type, error_of: ErrorOf) -> None:
    web.statuses["/x"] = 404
    web.reasons["/x"] = "no\x1b[31m\x9b"
    error = error_of(measure("--data", "cifar10", f"data.mirror={web.address}/x"))
    assert r"answers 404 no\x1b[31m\x9b" in error


def test_a_terminal_without_the_letters_shows_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", written)
    console.stdout().print("[bold]\u65e5\u672c[/] 50 %")
    written.flush()
    assert written.buffer.getvalue().decode() == "\\u65e5\\u672c 50 %\n"  # type: ignore[attr-defined]


def test_records_of_others_run_nothing_on_the_terminal(fsens: Type) -> None:
    run = Path("outputs/measure/x/v001")
    run.mkdir(parents=True)
    record = {"verb": "measure", "status": "done", "model": HOSTILE, "data": HOSTILE, "started": HOSTILE}
    (run / "run.json").write_text(json.dumps(record))
    result = fsens("runs")
    assert result.exit_code == 0, result.output
    assert not set(result.output) & set("\x1b\x07\u202e")


def test_a_resumed_run_gets_its_secrets_again(somewhere: Path) -> None:
    _, text = compose_job(
        Request(verb="train", job=TrainJob, overrides=(*ADDRESSES, "tracker=mlflow", "tracker.uri='http://u:S@h'"))
    )
    run = somewhere / "outputs" / "train" / "x" / "v001"
    run.mkdir(parents=True)
    (run / "config.yaml").write_text(text)
    record = {"schema": SCHEMA, "verb": "train", "status": "interrupted", "config": flat_settings(text)}
    (run / "run.json").write_text(json.dumps(record))
    _, job = job_to_resume(TrainJob, str(run), Request(verb="train", job=TrainJob, overrides=()))
    assert (job.data.mirror, job.tracker.uri) == ("https://***@h/x?***", "")
    _, job = job_to_resume(TrainJob, str(run), Request(verb="train", job=TrainJob, overrides=ADDRESSES[1:]))
    assert job.data.mirror == "https://me:S@h/x?k=S"
