"""Random command lines of every verb: values that are right, nearly right and odd, by seed."""

import random
from collections.abc import Mapping
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


@dataclass(frozen=True, slots=True)
class Lines:
    """Draws lines.

    Attributes:
        settings: of each verb, with their defaults.
        to_run: whether lines are run: only values that leave a run short, and no other folder to write to.
    """

    settings: Mapping[str, Mapping[str, object]]
    to_run: bool = False

    def draw(self, chance: random.Random) -> tuple[str, list[str]]:
        """Return a verb and one to three arguments."""
        verb = chance.choice(sorted(self.settings))
        return verb, [word for _ in range(chance.randint(1, 3)) for word in self._argument(chance, verb)]

    def _argument(self, chance: random.Random, verb: str) -> list[str]:
        settings = self.settings[verb]
        kind = chance.random()
        if kind < 0.08 and not self.to_run:
            return [chance.choice(FLAGS), self._odd(chance)]
        if kind < 0.14:
            return [chance.choice(FLAGS), chance.choice(NUMBERS + WORDS)]
        if kind < 0.17:
            return [chance.choice(BARE)]
        if kind < 0.22:
            return [f"{chance.choice(KEYS)}={self._odd(chance)}"]
        key = chance.choice(sorted(set(settings) - {"out"}) if self.to_run else sorted(settings))
        if kind < 0.27:
            return [f"{_misspelt(chance, key)}={chance.choice(NUMBERS)}"]
        return [f"{key}={self._odd(chance) if kind < 0.55 else _near(chance, settings[key])}"]

    def _odd(self, chance: random.Random) -> str:
        value = chance.choice([v for v in ODD if v not in LONG] if self.to_run else ODD)
        # No system passes a zero byte on.
        return value.replace("\x00", chance.choice(["\\0", "\x01"]))


def _misspelt(chance: random.Random, key: str) -> str:
    place = len(key) // 2
    return key[:place] + chance.choice("._/-é") + key[place:]


def _near(chance: random.Random, default: object) -> str:
    """Return a value that may be right where ``default`` is."""
    if isinstance(default, bool):
        return chance.choice(["true", "false", "True", "yes", "1"])
    if isinstance(default, int | float):
        return chance.choice(NUMBERS)
    if isinstance(default, list):
        inside = WORDS if any(isinstance(item, str) for item in default) else NUMBERS
        items = ",".join(chance.choice(inside) for _ in range(chance.randint(0, 3)))
        return chance.choice([f"[{items}]", items or "[]"])
    return chance.choice(WORDS + NUMBERS)
