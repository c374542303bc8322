"""What tells the jobs of a sweep, or networks, apart, in a few words for a legend."""

from collections.abc import Mapping, Sequence
from pathlib import Path

LONGEST_LABEL = 30


def overlay_labels(settings: Sequence[Mapping[str, str]], trainings: Sequence[str] = ()) -> list[str]:
    """Return what tells the jobs of a sweep apart: their trainings where only weights differ, else what was set.

    >>> overlay_labels([{"model": "resnet8", "weights": "packaged:lsf"}, {"model": "resnet8", "weights": "out/b.pt"}])
    ['lsf', 'b.pt']
    >>> overlay_labels([{"weights": "run:a/v001"}, {"weights": "run:b/v002"}], ["lsf", "hsf"])
    ['lsf training', 'hsf training']
    >>> overlay_labels([{"weights": "packaged:lsf"}, {"weights": "run:b/v002"}], ["lsf", "lsf"])
    ['lsf training (packaged)', 'lsf training (v002)']
    >>> overlay_labels([{"model": "resnet8", "weights": "packaged:lsf"}])
    ['resnet8 (lsf)']
    """
    if len(settings) == 1 and {"model", "weights"} <= settings[0].keys():
        # Nothing to be told apart from, but a table without its weights is anybody's.
        return [f"{settings[0]['model']} ({_short(settings[0]['weights'])})"]
    keys = list(dict.fromkeys(key for s in settings for key in s))
    varying = [key for key in keys if len({str(s.get(key)) for s in settings}) > 1] or keys[:1]
    if varying == ["weights"] and trainings and all(trainings):
        named = [
            f"{training} training" if list(trainings).count(training) == 1 else f"{training} training ({origin})"
            for training, origin in zip(trainings, (_origin(str(s.get("weights", ""))) for s in settings), strict=True)
        ]
        if len(set(named)) == len(named):
            return named
    short = [", ".join(_short(str(s.get(key, ""))) for key in varying) for s in settings]
    if len(set(short)) == len(short):
        return short
    return [_end_of(", ".join(str(s.get(key, "")) for key in varying)) for s in settings]


def _origin(weights: str) -> str:
    """Return in a word where weights of one training come from."""
    return "packaged" if weights.startswith("packaged:") else Path(weights).name


def _short(value: str) -> str:
    """Return a run's name without its version, and the last part of any other path."""
    parts = Path(value.removeprefix("run:").removeprefix("packaged:")).parts
    if value.startswith("run:") and len(parts) > 1 and (parts[-1] == "latest" or parts[-1][1:].isdigit()):
        parts = parts[:-1]
    return _end_of(parts[-1]) if parts else value


def _end_of(text: str) -> str:
    return text if len(text) <= LONGEST_LABEL else f"...{text[3 - LONGEST_LABEL :]}"
