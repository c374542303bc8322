"""What a run is about, in words for tables, files and figures."""

import textwrap
from dataclasses import dataclass

from fsens_cli.runs.json_files import Fields, Json

# Letters that fit one column above a figure.
TITLE_WIDTH = 52


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A network with its weights, and data."""

    model: str
    weights: str
    data: str
    data_title: str
    training: str = ""

    def as_json(self, verb: str, num_images: int) -> Json:
        """Return the entries with which the ``results.json`` of every verb begins."""
        return {
            "verb": verb,
            "model": self.model,
            "weights": self.weights,
            "training": self.training,
            "data": self.data_title,
            "num_images": num_images,
        }


def subject_text(model: str, weights: str, training: str) -> str:
    """Return the network with its training where that is known, else with its weights.

    >>> subject_text("net", "best.safetensors", "lsf"), subject_text("net", "packaged:lsf", "lsf")
    ('net (lsf training)', 'net (packaged:lsf)')
    """
    known = f"{training} training" if training and not weights.startswith("packaged:") else weights
    return f"{model} ({known})"


def known_as(results: Fields) -> str:
    """Return what a finished run is about, with its training where that is known."""
    return subject_text(results.text("model"), results.text("weights"), results.text("training", ""))


def titles_of(results: Fields) -> tuple[str, str]:
    """Return a finished run's network with its weights, and the title of its figures."""
    subject = f"{results.text('model')} ({results.text('weights')})"
    about = f"{results.text('data')}, n = {results.whole('num_images'):,}"
    return subject, f"{wrap_title(subject)}\n{wrap_title(about)}"


def wrap_title(title: str) -> str:
    """Break a title into lines that fit one column."""
    return "\n".join(textwrap.wrap(title, TITLE_WIDTH))
