"""What is a tracker: something with one method that is told numbers, and that may fail without ending the training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from fsens_cli.errors import require, require_one_of

TRACKERS = ("none", "tensorboard", "mlflow")


@dataclass(kw_only=True)
class TrackerConfig:
    """Which tracker follows a training.

    Attributes:
        name: ``none``, ``tensorboard`` (event files in the run folder) or ``mlflow``.
        uri: for ``mlflow``, its tracking server or store; empty for the environment's ``MLFLOW_TRACKING_URI``, else
            ``mlflow.db`` in the folder of all runs.
        experiment: for ``mlflow``, the experiment that the run belongs to.
    """

    name: str = "none"
    uri: str = ""
    experiment: str = "fsens"

    def __post_init__(self) -> None:
        """Check names."""
        require_one_of("tracker", self.name, TRACKERS)
        require(self.name == "mlflow" or not self.uri, "tracker.uri belongs to tracker=mlflow alone.")
        require(bool(self.experiment), "tracker.experiment must not be empty.")


class Tracker(Protocol):
    """Whatever is told the numbers of a training."""

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        """Keep these numbers by name; ``step`` is the number of epochs done."""


class Nowhere:
    """The tracker of those who have none."""

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        """Forget the numbers: the run folder has them."""


@dataclass(slots=True)
class Dispensable:
    """A tracker without which the training goes on: its first error becomes one warning, then it is left alone.

    A full disk or a server that has gone must not cost the training that they report.
    """

    tracker: Tracker
    warn: Callable[[str], None]
    failed: bool = False

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        """Pass the numbers on, unless that has failed before."""
        if self.failed:
            return
        try:
            self.tracker.log(step, numbers)
        except Exception as error:  # noqa: BLE001 whatever a server or its client may raise
            self.failed = True
            reason = (str(error).splitlines() or [""])[0]
            self.warn(
                f"the tracker stopped at step {step} ({type(error).__name__}: {reason}); the training goes on, and "
                "training.csv has all its numbers."
            )
