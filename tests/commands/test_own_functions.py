"""The page on extending fsens: its examples through the command line, and what a function of one's own may not do."""

import json
import re
from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import Result

from fsens_cli.guest.hooks import packaged

Type = Callable[..., Result]
ErrorOf = Callable[[Result], str]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "extending.md"
EXAMPLES = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE.read_text(), flags=re.DOTALL))
SMALL = ("num_images=10", "data.test_size=40", "suite.severities=[1,5]", "suite.eps_linf=[0.03]", "suite.eps_l2=[0.5]",
         "suite.filters=[]", "suite.shuffles=[]", "suite.noises=[]", "suite.heat_map=false", "suite.minimal=false",
         "suite.attack_images=6", "plot.formats=[]")  # fmt: skip
QUIET = ("suite.corruptions=[]", "suite.attacks=[]")


@pytest.fixture(autouse=True)
def files(somewhere: Path) -> None:
    for name, text in EXAMPLES.items():
        (somewhere / name).write_text(text)


def only_folder(verb: str = "evaluate") -> Path:
    (found,) = Path("outputs", verb).glob("*/v001")
    return found


def test_there_is_one_short_example_of_each() -> None:
    assert set(EXAMPLES) == {"gloom.py", "nudge.py", "centroid.py", "lead.py"}
    assert all(len(text.strip().splitlines()) <= 15 for text in EXAMPLES.values())


def test_corruption_attack_and_metric_beside_built_in_ones(fsens: Type) -> None:
    own = (
        "suite.corruptions=[fog,gloom.py:gloom]",
        "suite.attacks=[fgsm,nudge.py:nudge]",
        "suite.metrics=[lead.py:lead]",
    )
    done = fsens("evaluate", *SMALL, *own)
    assert done.exit_code == 0, done.output
    folder = only_folder()
    accuracy = pd.read_csv(folder / "accuracy.csv").set_index(["probe", "group", "severity", "parameter"])["accuracy"]
    # One step of the sign is FGSM, whoever takes it.
    assert accuracy["nudge"].tolist() == accuracy["fgsm"].tolist()
    assert accuracy["gloom"]["other"].index.get_level_values("severity").tolist() == [1, 5]
    means = pd.read_csv(folder / "metrics.csv")
    assert means["severity"].tolist() == [0, 1, 5]
    assert (means["mean_ci_low"] < means["mean"]).all()
    names = set(pd.read_csv(folder / "quantities.csv")["key"])
    assert {"metric-lead", "metric-lead-5", "corruptions-other", "attack-nudge-linf-0.03"} <= names
    # The batch size changes nothing of one's own corruption either, and a second run can be compared image by image.
    other = fsens("evaluate", *SMALL, *own, "batch_size=3", "tag=other")
    assert other.exit_code == 0, other.output
    compared = fsens("compare", str(folder), str(next(Path("outputs/evaluate").glob("*other/v001"))), "--json")
    assert compared.exit_code == 0, compared.output
    per_image = [pd.read_csv(path / "per_image.csv")["gloom-5"] for path in Path("outputs/evaluate").glob("*/v001")]
    assert per_image[0].equals(per_image[1])
    assert fsens("report", str(folder), "-o", "page.html").exit_code == 0
    assert "lead" in Path("page.html").read_text()


def test_a_run_is_not_continued_with_other_code(fsens: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    from fsens_cli.experiments import evaluate_parts

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setitem(evaluate_parts.RUNNERS, "prediction", killed)
        assert fsens("evaluate", *SMALL, "suite.corruptions=[gloom.py:gloom]", "suite.attacks=[]").exit_code == 130
    folder = only_folder()
    kept = EXAMPLES["gloom.py"]
    Path("gloom.py").write_text(kept + "\n# changed\n")
    refused = fsens("evaluate", "--resume", str(folder))
    assert refused.exit_code == 2
    assert "another corruptions.gloom" in refused.stderr
    Path("gloom.py").write_text(kept)
    resumed = fsens("evaluate", "--resume", str(folder))
    assert resumed.exit_code == 0, resumed.output
    assert set(json.loads((folder / "run.json").read_text())["own_code"]) == {"corruptions.gloom"}


def test_regularizer_trains_and_sweeps(fsens: Type, no_figures: None) -> None:
    short = (
        "epochs=1",
        "batch_size=32",
        "val_fraction=0.2",
        "data.train_size=64",
        "data.test_size=40",
        "measure_images=4",
        "--quiet",
    )
    done = fsens("train", "-m", "regularizer=lsf,centroid.py:centroid", *short)
    assert done.exit_code == 0, done.output
    rows = [pd.read_csv(path) for path in Path("outputs/train").glob("*/v00?/training.csv")]
    assert len(rows) == 2
    assert all(0 < float(row["penalty"].iloc[0]) < 1 for row in rows)
    assert {json.loads(p.read_text())["training"] for p in Path("outputs/train").glob("*/v00?/run.json")} == {
        "lsf",
        "centroid",
    }


BAD = {
    "shape": ("corruptions", "x[:1]", r"returned float32 of shape \(1, 32, 32\) for one of \(3, 32, 32\)"),
    "range": ("corruptions", "x * 0 + 1.5", "returned values from 1.5 to 1.5 for image"),
    "nan": ("corruptions", "x * float('nan')", "returned NaN for image"),
    "type": ("corruptions", "x.tolist()", "returned list for image"),
    "raises": ("corruptions", "x.nothing", "AttributeError: .*own.py, line 2"),
    "exits": ("corruptions", "exit(3)", r"sys.exit\(3\)"),
    "ball": ("attacks", "m * 0 + 1", "beyond eps = 0.03"),
    "attack's shape": ("attacks", "m[:1]", "for images of"),
    "attack's nan": ("attacks", "m * float('nan')", "returned images with NaN"),
    "metric's shape": ("metrics", "x", r"returned a tensor of shape \(2, 10\) for 2 images"),
    "metric's nan": ("metrics", "x[:, 0] * float('nan')", "returned NaN or infinite numbers"),
}
TAKES = {"corruptions": "x, severity, generator", "metrics": "x, labels", "attacks": "model, m, labels, eps, norm, g"}


@pytest.mark.parametrize(("kind", "returned", "said"), BAD.values(), ids=BAD.keys())
def test_what_a_function_may_not_return(fsens: Type, error_of: ErrorOf, kind: str, returned: str, said: str) -> None:
    Path("own.py").write_text(f"def own({TAKES[kind]}):\n    return {returned}\n")
    asked = [s for s in QUIET if kind not in s]
    message = error_of(fsens("evaluate", *SMALL, *asked, f"suite.{kind}=[own.py:own]"))
    assert re.search(said, message), message
    assert f"suite.{kind}=own.py:own" in message
    assert "It takes (" in message, "what is expected is said beside what is wrong"
    assert not Path("outputs").exists(), "nothing is left of a run that could not begin"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("suite.corruptions=[nowhere.py:own]", "there is no file nowhere.py"),
        ("suite.corruptions=[gloom.py:glom]", "Closest: gloom"),
        ("suite.corruptions=[gloom.py:gloom,./gloom.py:gloom]", "both be called gloom"),
        ("suite.attacks=[nudge.py:]", "expected FILE.py:FUNCTION"),
        ("suite.metrics=[lead]", "your own function FILE.py:FUNCTION"),
    ],
)
def test_names_that_name_nothing(fsens: Type, error_of: ErrorOf, setting: str, said: str) -> None:
    assert said in error_of(fsens("evaluate", *SMALL, setting))


def test_a_regularizer_without_a_derivative(fsens: Type, error_of: ErrorOf) -> None:
    Path("own.py").write_text("def own(share, radius):\n    return share.sum().detach()\n")
    assert "without a graph" in error_of(fsens("train", "regularizer=own.py:own", "epochs=1", "data.train_size=200"))


def test_a_package_offers_names_by_entry_points(
    fsens: Type, error_of: ErrorOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = EntryPoints([EntryPoint(name="dusk", value="gloom:gloom", group="fsens.corruptions")])
    monkeypatch.setattr("fsens_cli.guest.hooks.entry_points", lambda group: offered.select(group=group))
    packaged.cache_clear()
    try:
        assert "Closest: dusk" in error_of(fsens("evaluate", "suite.corruptions=[dask]"))
        done = fsens("evaluate", *SMALL, "suite.attacks=[]", "suite.prediction=false", "suite.corruptions=[dusk]")
        assert done.exit_code == 0, done.output
        assert "dusk" in set(pd.read_csv(only_folder() / "accuracy.csv")["probe"])
    finally:
        packaged.cache_clear()
