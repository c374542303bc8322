"""The user's own code: whatever it does ends in one line, and nothing that it does to the process stays."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from typer.testing import Result

Fsens = Callable[..., Result]

NET = """
import dataclasses
import torch
from collections import OrderedDict
from torch import nn
from torch.utils.checkpoint import checkpoint

class Net(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2)
        self.fc = nn.Linear(4, num_classes)
    def logits(self, x):
        return self.fc(self.conv(x).tanh().mean((2, 3)))
    def forward(self, x):
        return self.logits(x)

torch.manual_seed(0)
ready = Net()
number = 7

def make(num_classes=10):
    return Net(num_classes)

def passes_on(**kwargs):
    return Net(**kwargs) if kwargs else Net(1000)

def needs(**kwargs):
    return Net(kwargs["num_classes"])

@dataclasses.dataclass
class Output:
    hidden: object
    scores: object

class ModelOutput(OrderedDict):
    def __getattr__(self, name):
        return self[name]

RETURNS = {
    "a_tuple": lambda out, x: (out, x.mean((2, 3))),
    "a_list": lambda out, x: [x, out],
    "a_dict": lambda out, x: {"hidden": x.mean((2, 3)), "scores": out},
    "named": lambda out, x: {"aux": 0 * out, "logits": out},
    "model_output": lambda out, x: ModelOutput(loss=out.sum(), logits=out),
    "a_dataclass": lambda out, x: Output(x, out),
}

class Returns(Net):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind
    def forward(self, x):
        return RETURNS[self.kind](self.logits(x), x)

class Squeezes(Net):
    def forward(self, x):
        return super().forward(x).squeeze()

class FailsAlone(Net):
    def forward(self, x):
        if len(x) == 1:
            raise ValueError("two or more\\nplease")
        return super().forward(x)

class Reentrant(Net):
    def forward(self, x):
        return checkpoint(self.logits, x, use_reentrant=True)

class Forward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

class NoBackward(Net):
    def forward(self, x):
        return super().forward(Forward.apply(x))

class FailsLater(Net):
    def forward(self, x):
        if len(x) > 4:
            raise RuntimeError("too many\\n" * 50)
        return super().forward(x)

class Quits(Net):
    def forward(self, x):
        raise SystemExit(0)

class QuitsLater(Net):
    def forward(self, x):
        if len(x) > 4:
            raise SystemExit(0)
        return super().forward(x)

class Ends(Net):
    def forward(self, x):
        raise GeneratorExit

class EndsLater(Net):
    def forward(self, x):
        if len(x) > 4:
            raise GeneratorExit
        return super().forward(x)

class Talks(Net):
    def forward(self, x):
        print("hello from forward")
        return super().forward(x)

class TwoOfThem(Net):
    def forward(self, x):
        return super().forward(x), super().forward(x)

class Words(Net):
    def forward(self, x):
        return {"label": "cat"}

def talks():
    print("hello from a factory")
    return Talks()

def quits():
    raise SystemExit(0)

def quits_with_words():
    import sys
    sys.exit("no licence")

def disturbs():
    import os
    os.chdir("/")
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.set_grad_enabled(False)
    torch.set_num_threads(3)
    torch.set_default_device("cpu")
    return Net().float()

for kind in RETURNS:
    globals()[kind] = lambda kind=kind: Returns(kind)
"""
VERBS = {
    "measure": ["num_images=12"],
    "hybrid-probe": ["num_images=12", "pairings=1"],
    "evaluate": ["num_images=12", "suite.attack_images=6"],
    "train": ["epochs=1", "data.train_size=120", "batch_size=8"],
    "blur-defense": ["num_images=12", "suite.attack_images=6"],
    "critical-band": ["num_images=12", "num_resamples=100"],
    "layers": ["num_images=12"],
}


@pytest.fixture(autouse=True)
def own_net(somewhere: Path, no_figures: None) -> None:
    (somewhere / "net.py").write_text(NET)


def run(fsens: Fsens, function: str, *more: str, verb: str = "measure") -> Result:
    weights = [] if verb == "train" else ["--weights", "random"]
    return fsens(verb, "--model", f"net.py:{function}", *weights, "data.test_size=20", *VERBS[verb], *more)


def told(result: Result) -> str:
    """Return the one line of a refusal, with the word LINE for the number of a line of net.py that is there."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.rstrip().splitlines() if not line.startswith("warning")]
    assert len(lines) == 1, result.stderr
    assert len(lines[0]) < 700
    return without_number(lines[0])


def without_number(text: str) -> str:
    """Replace the numbers of lines that raise, or end the program, by LINE; others stay."""
    source = NET.splitlines()

    def name(found: re.Match[str]) -> str:
        there = source[int(found[1]) - 1]
        return "line LINE," if re.search(r"raise|exit|kwargs", there) else found[0]

    return re.sub(r"line (\d+),", name, text)


@pytest.mark.parametrize("kind", ["a_tuple", "a_list", "a_dict", "named", "model_output", "a_dataclass", "ready"])
def test_logits_are_found(kind: str, fsens: Fsens) -> None:
    result = run(fsens, kind, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["num_images"] == 12


REFUSED = [
    ("Squeezes", "net.py:Squeezes returns (10,) for a batch of one image, expected (1, 10): a squeeze() without an"),
    ("FailsAlone", "on a batch of one image failed: ValueError: two or more (net.py, line LINE, in forward)."),
    ("Reentrant", "its gradient with respect to the image failed: RuntimeError: When use_reentrant=True"),
    ("NoBackward", "its gradient with respect to the image failed: NotImplementedError: You must implement either"),
    ("Quits", "cannot take 3x32x32 images (it ends the program with sys.exit(0) (net.py, line LINE, in forward))"),
    ("Ends", "cannot take 3x32x32 images (GeneratorExit (net.py, line LINE, in forward))"),
    ("quits", "calling quits failed: it ends the program with sys.exit(0) (net.py, line"),
    ("quits_with_words", "calling quits_with_words failed: it ends the program with sys.exit('no licence')"),
    ("TwoOfThem", "returns a tuple with 2 tensors of 10 columns in it, and nothing called logits: return the logits"),
    ("Words", "returns a dict with no tensor with a column for each class in it"),
    ("needs", "calling needs failed: KeyError: 'num_classes' (net.py, line LINE, in needs). If it needs the number of "
     "classes: model.kwargs.num_classes=10."),
    ("passes_on", "returns shape (1000,) for an image, and the data has 10 classes: give the data it was trained on, "
     "or a network with that many outputs, or model.kwargs.num_classes=10 where it takes it."),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:None of the inputs")  # torch's own, of the reentrant network
@pytest.mark.parametrize(("function", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused_before_the_run(function: str, message: str, fsens: Fsens) -> None:
    assert message in told(run(fsens, function))
    assert list(Path("outputs").rglob("results.json")) == []


def test_kwargs_pass_on_the_number_of_classes(fsens: Fsens) -> None:
    assert run(fsens, "needs", "model.kwargs.num_classes=10").exit_code == 0


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            "FailsLater",
            "the model failed: RuntimeError: too many (net.py, line LINE, in forward). --debug shows where.",
        ),
        ("QuitsLater", "the model failed: it ends the program with sys.exit(0) (net.py, line LINE, in forward)."),
    ],
)
def test_failing_in_the_middle_of_any_verb(function: str, message: str, verb: str, fsens: Fsens) -> None:
    assert message in told(run(fsens, function, verb=verb))


def test_what_is_no_exception_of_a_usual_kind(fsens: Fsens) -> None:
    assert "the model failed: GeneratorExit (net.py, line LINE, in forward)." in told(run(fsens, "EndsLater"))


def test_debug_shows_the_traceback(fsens: Fsens) -> None:
    result = run(fsens, "FailsLater", "--debug")
    assert isinstance(result.exception, RuntimeError)


def test_a_sweep_goes_on(fsens: Fsens) -> None:
    arguments = ["--weights", "random", "data.test_size=20", *VERBS["measure"]]
    result = fsens(
        "measure", "-m", "--model", "net.py:EndsLater,net.py:make,net.py:QuitsLater,net.py:FailsLater", *arguments
    )
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert "the model failed: it ends the program with sys.exit(0) (net.py, line LINE, in forward)." in without_number(
        result.stderr
    )
    assert len(list(Path("outputs").rglob("results.json"))) == 1


def test_prints_go_to_standard_error(fsens: Fsens) -> None:
    result = run(fsens, "talks", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["num_images"] == 12
    assert "hello from a factory" in result.stderr
    assert "hello from forward" in result.stderr


def test_the_process_is_left_as_it_was(fsens: Fsens) -> None:
    before = Path.cwd(), torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()
    result = run(fsens, "disturbs")
    assert result.exit_code == 0, result.output
    assert (Path.cwd(), torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()) == before
    assert torch.get_default_device() == torch.device("cpu")
    assert Path(result.stdout.rstrip().splitlines()[-1]).is_dir()


def test_our_command_line_is_not_the_network_s(fsens: Fsens, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("parses.py").write_text(
        "import argparse\nfrom net import Net\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--width', default=4)\nargs = parser.parse_args()\n"
        "print('width', args.width)\nmake = Net\n"
    )
    # What a shell would have given to the process.
    monkeypatch.setattr(sys, "argv", ["fsens", "measure", "--model", "parses.py:make", "--json", *VERBS["measure"]])
    done = fsens(*sys.argv[1:], "--weights", "random", "data.test_size=20")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["num_images"] == 12
    assert "width 4" in done.stderr
    assert sys.argv[1] == "measure"


def test_a_file_without_a_function_lists_its_functions(fsens: Fsens) -> None:
    line = told(fsens("measure", "--model", "net.py", "--weights", "random"))
    assert (
        "model=net.py: name the function or class that makes the network: net.py:Net, net.py:make, net.py:pass" in line
    )
    Path("broken.py").write_text("def make(:")
    assert "it is no Python: SyntaxError" in told(fsens("measure", "--model", "broken.py"))
    Path("none.py").write_text("x = 1")
    assert "it has none at its top" in told(fsens("measure", "--model", "none.py"))
    assert "there is no file missing.py" in told(fsens("measure", "--model", "missing.py"))


def test_a_ready_network_takes_no_arguments(fsens: Fsens) -> None:
    assert "ready is a network already and takes no model.kwargs" in told(run(fsens, "ready", "model.kwargs.width=3"))
    assert "net.py has no function number" in told(run(fsens, "number"))
