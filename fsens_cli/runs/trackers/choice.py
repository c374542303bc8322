"""The tracker of a training."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from fsens_cli.errors import OutputError
from fsens_cli.runs.folder import RunFolder
from fsens_cli.runs.trackers.tracker import Dispensable, Nowhere, Tracker, TrackerConfig


def require_tracker(config: TrackerConfig) -> None:
    """Raise OutputError if the tracker's package is not installed; asked before anything is loaded."""
    if config.name != "none" and find_spec(config.name) is None:
        raise OutputError(f"tracker={config.name} needs {config.name}: pip install 'fsens[{config.name}]'.")


@contextmanager
def tracking(config: TrackerConfig, run: RunFolder, warn: Callable[[str], None]) -> Iterator[Tracker]:
    """Yield the tracker of a run; its failures are told to ``warn``, once.

    Raises:
        OutputError: the tracker cannot even begin.
    """
    if config.name == "none":
        yield Nowhere()
    elif config.name == "tensorboard":
        from fsens_cli.runs.trackers.on_tensorboard import event_files

        with event_files(run.path) as tracker:
            yield Dispensable(tracker, warn)
    else:
        from fsens_cli.runs.trackers.on_mlflow import mlflow_run

        with mlflow_run(config, run) as tracker:
            yield Dispensable(tracker, warn)
