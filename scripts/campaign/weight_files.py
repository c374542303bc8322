"""Weight files that are odd or hostile: they load, or are refused in one line, and nothing in them runs."""

import json
import pickle
import random
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from commands import BAD_INPUT, DONE, run
from safetensors.torch import load_file, save
from settings import FEW
from table import Clock, Part
from torch import Tensor

from fsens_cli.models.weights import PACKAGED_FOLDER

GOOD = PACKAGED_FOLDER / "dualband-resnet8-standard.safetensors"
KWARGS: list[dict[str, object]] = [
    {"pretrained": True}, {"pretrained_cfg": {"url": "http://127.0.0.1:9/x"}}, {"checkpoint_path": "evil.pt"},
    {"url": "http://127.0.0.1:9/x"}, {"cache_dir": "/tmp"}, {"weights": "x"}, {"width": 10**9}, {"width": [1]},
    {"no_such": 1},
]  # fmt: skip
HEADERS = ["null", "3", "[]", "{", "[" * 100_000, '{"model": null}', '{"model": []}', '{"model": {"kwargs": 1}}',
           '{"num_classes": 1099511627776}', '{"class_names": ["\\u001b[31m"]}', '{"image_shape": [3, 1000000000, 9]}',
           '{"model": {"mean": [NaN], "std": [1]}}', '{"data_title": "\\u001b]0;x\\u0007"}']  # fmt: skip


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.mkdir, (self.trace,)


def try_files(count: int, seed: int, folder: Path, clock: Clock) -> Part:
    """Measure with every listed file, then with good files whose bytes were changed."""
    part = Part("weight files")
    chance = random.Random(seed)
    tensors = load_file(GOOD)
    trace = folder / "ran"
    folder.mkdir(parents=True)
    listed = _listed(tensors, trace, folder)
    for number in range(count):
        if clock.is_over(part):
            break
        name, make = listed[number] if number < len(listed) else ("changed bytes", lambda: _changed(tensors, chance))
        content = make()
        file = folder / ("w.pt" if content[:2] in (b"PK", b"\x80\x02", b"\x80\x04") else "w.safetensors")
        file.write_bytes(content)
        ended = run(["measure", "--model", "resnet8", "--weights", file.name, *FEW], folder, 120)
        fault = ended.fault(DONE, BAD_INPUT) or ("code in it ran" if trace.exists() else "")
        part.add(f"number {number}, {name}", fault)
        file.unlink()
    return part


def _listed(tensors: dict[str, Tensor], trace: Path, folder: Path) -> list[tuple[str, Callable[[], bytes]]]:
    def saved(content: Any) -> bytes:
        torch.save(content, folder / "made.pt")
        return (folder / "made.pt").read_bytes()

    def with_header(text: str) -> bytes:
        return save(tensors, metadata={"fsens": text})

    def with_bias(bias: Tensor) -> bytes:
        return saved({**tensors, "fc.bias": bias})

    itself: dict[str, Any] = {"state_dict": tensors}
    itself["again"] = itself
    bias = tensors["fc.bias"]
    makers: list[tuple[str, Callable[[], bytes]]] = [
        ("code beside weights", lambda: saved({"state_dict": tensors, "extra": Evil(trace)})),
        ("code alone", lambda: pickle.dumps(Evil(trace), protocol=2)),
        ("one byte", lambda: b"\x80\x02"),
        ("nothing", lambda: b""),
        ("a page", lambda: b"<!doctype html><p>404"),
        ("an empty zip", lambda: b"PK\x05\x06" + b"\0" * 18),
        ("a dict that contains itself", lambda: saved(itself)),
        ("sparse", lambda: with_bias(bias.to_sparse())),
        ("meta", lambda: with_bias(bias.to("meta"))),
        ("complex", lambda: with_bias(bias.to(torch.complex64))),
        ("not a number", lambda: with_bias(bias * float("nan"))),
        ("another shape", lambda: with_bias(bias[:3])),
        ("names that are numbers", lambda: saved(dict(enumerate(tensors.values())))),
        ("a list", lambda: saved(list(tensors.values()))),
        ("a network", lambda: saved(torch.nn.Linear(2, 2))),
        ("controls in a name", lambda: saved({**tensors, "\x1b[31mx": bias})),
        ("a size that lies", lambda: _lying(10**9)),
        ("a size beyond 64 bits", lambda: _lying(10**30)),
        ("a header without end", lambda: struct.pack("<Q", 2**63) + b"{}"),
    ]
    makers += [(f"header {text[:40]}", partial(with_header, text)) for text in HEADERS]
    makers += [(f"kwargs {kwargs}", partial(with_header, _with_kwargs(kwargs))) for kwargs in KWARGS]
    return makers


def _with_kwargs(kwargs: dict[str, object]) -> str:
    return json.dumps({"model": {"kwargs": kwargs}})


def _lying(size: int) -> bytes:
    header = json.dumps({"a": {"dtype": "F32", "shape": [size], "data_offsets": [0, 4 * size]}}).encode()
    return struct.pack("<Q", len(header)) + header + b"\0" * 16


def _changed(tensors: dict[str, Tensor], chance: random.Random) -> bytes:
    """Return a good file that was cut, or of which bytes were changed near its beginning, where its header is."""
    content = bytearray(GOOD.read_bytes())
    if chance.random() < 0.3:
        return bytes(content[: chance.randrange(len(content))])
    for _ in range(chance.randint(1, 6)):
        content[chance.randrange(chance.choice([9, 2_000, len(content)]))] = chance.randrange(256)
    return bytes(content)
