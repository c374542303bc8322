"""Random command lines of every verb: values that are right, nearly right and odd, by seed."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

ODD = [
    "0", "1", "-1", "16", "1e9", "1e400", "-1e-400", "nan", ".nan", "inf", "-inf", ".inf", "true", "null", "''", "[]",
    "{}", "[1,2]", "[nan]", "[[1]]", "[1,", "{a:1}", "{a:", "x", "a b", "${seed}", "${oc.env:HOME}", "${now:%Y}", "???",
    "'", '"', "\\", "#", "=", "a=b", "../x", "/etc/passwd", "~", "~nobody/x", "\x1b[31m", "\u202e", "日本", "\x00",
    "9" * 400, "9" * 5000, "x" * 300, "[" * 200, "0x10", "1_000", "0.1.2", "1,2", "range(3)", "choice(1,2)", "glob(*)",
    "@a", "!!python/name:os", "8/255", "[8/255,1]", "1/0", ".5,.5,.5", "1e3",
]  # fmt: skip
KEYS = ["hydra.run.dir", "hydra.callbacks.x._target_", "hydra/launcher", "_target_", "model.kwargs._target_", "seed.x",
        "data", "model", "suite", "optim", "frontend", "regularizer", "lr", "eps", "model.kwargs.width", "data.root",
        "", "+x", "++seed", "~seed", "a@b", "seed@x"]  # fmt: skip
WORDS = ["all", "none", "auto", "random", "test", "train", "cpu", "cuda:9", "linf", "l2", "pgd", "autoattack", "dct",
         "haar", "logit", "normalized", "blur", "pca", "quick", "full", "packaged:lsf", "run:latest", "public", "timm",
         "net.py:make", "hub:a/b", "dualband", "cifar10", "folder", "arrays", "resnet8", "resnet18", "png"]  # fmt: skip
NUMBERS = ["0", "1", "2", "3", "5", "12", "16", "-1", "0.1", "0.25", "0.5", "1.5", "-0.5", "8/255", "1e1"]
FLAGS = ["--weights", "--model", "--data", "--device", "--seed", "--num-images", "--epochs", "--eps-linf", "--resume",
         "--launcher", "--config-dir", "--data-root", "--batch-size"]  # fmt: skip
BARE = ["--json", "--quiet", "-m", "--num-images", "--nosuch", "num_images"]
# What would only make a run long, or write elsewhere.
LONG = {"1e9", "1e3"}


def settings_of(printed: str) -> dict[str, object]:
    """Return the dotted keys and values of what ``--print-config`` shows."""
    flat: dict[str, object] = {}

    def walk(value: Any, name: str) -> None:
        flat[name] = value
        if isinstance(value, dict):
            for key, child in value.items():
                walk(child, f"{name}.{key}".lstrip("."))

    walk(yaml.safe_load(printed), "")
    del flat[""]
    return flat


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Draws lines.

    Attributes:
        settings: of each verb, with their defaults.
        options: what a verb's setting may be, where it is one of a few words; for lines that shall be taken.
        odd: the share of arguments that are no setting with a likely value.
        to_run: whether lines are run: no values that only make a run long, and no other folder to write to.
    """

    settings: Mapping[str, Mapping[str, object]]
    options: Callable[[str, str], list[str]] = lambda verb, key: []
    odd: float = 0.55
    to_run: bool = False

    def draw(self, chance: random.Random) -> tuple[str, list[str]]:
        """Return a verb and one to three arguments."""
        verb = chance.choice(sorted(self.settings))
        return verb, [word for _ in range(chance.randint(1, 3)) for word in self._argument(chance, verb)]

    def _argument(self, chance: random.Random, verb: str) -> list[str]:
        settings = self.settings[verb]
        keys = sorted(key for key, value in settings.items() if not isinstance(value, dict))
        key = chance.choice([key for key in keys if key != "out"] if self.to_run else keys)
        if chance.random() > self.odd:
            return [f"{key}={self._likely(chance, verb, key)}"]
        kind = chance.random()
        if kind < 0.1:
            return [chance.choice(FLAGS), self._odd(chance)]
        if kind < 0.2:
            return [chance.choice(FLAGS), chance.choice(NUMBERS + WORDS)]
        if kind < 0.25:
            return [chance.choice(BARE)]
        if kind < 0.35:
            return [f"{chance.choice(KEYS)}={self._odd(chance)}"]
        if kind < 0.45:
            return [f"{_misspelt(chance, key)}={chance.choice(NUMBERS)}"]
        if kind < 0.5:
            return [f"{chance.choice(sorted(settings))}={chance.choice(WORDS)}"]
        return [f"{key}={self._odd(chance)}"]

    def _odd(self, chance: random.Random) -> str:
        value = chance.choice([v for v in ODD if v not in LONG] if self.to_run else ODD)
        # No system passes a zero byte on.
        return value.replace("\x00", chance.choice(["\\0", "\x01"]))

    def _likely(self, chance: random.Random, verb: str, key: str) -> str:
        """Return a value that may be right."""
        default = self.settings[verb][key]
        if isinstance(default, bool):
            return chance.choice(["true", "false"])
        if isinstance(default, int):
            return str(chance.choice([0, 1, 2, 3, 16, -1, default // 2, default + 1]))
        if isinstance(default, float):
            return chance.choice([*NUMBERS, f"{0.5 * default}", f"{2 * default}"])
        words = self.options(verb, key) or WORDS
        if isinstance(default, list):
            inside = words if any(isinstance(item, str) for item in default) else NUMBERS
            items = ",".join(chance.choice(inside) for _ in range(chance.randint(0, 3)))
            return chance.choice([f"[{items}]", items or "[]"])
        return chance.choice(words)


def _misspelt(chance: random.Random, key: str) -> str:
    place = len(key) // 2
    return key[:place] + chance.choice("._/-é") + key[place:]
