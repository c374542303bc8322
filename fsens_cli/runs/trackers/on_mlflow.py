"""A training's numbers in MLflow: in a database beside the run folders, or on a server."""

import logging
import os
import textwrap
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fsens_cli.errors import OutputError
from fsens_cli.runs.folder import RunFolder
from fsens_cli.runs.json_files import Fields
from fsens_cli.runs.trackers.tracker import Tracker, TrackerConfig

if TYPE_CHECKING:
    from mlflow import MlflowClient

# A server that has gone is given up within seconds; MLflow's own patience is minutes, and the training waits.
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
# As many as a server takes at once.
MAX_PARAMS = 100
MAX_PARAM_LENGTH = 500
# What a broken connection says of itself fills a page.
MAX_REASON = 200


class MlflowRun:
    """One run of MLflow."""

    def __init__(self, client: "MlflowClient", run_id: str) -> None:
        self.client = client
        self.run_id = run_id

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        """Write the numbers as metrics."""
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        self.client.log_batch(self.run_id, [Metric(name, value, now, step) for name, value in numbers.items()])


@contextmanager
def mlflow_run(config: TrackerConfig, run: RunFolder) -> Iterator[Tracker]:
    """Yield a tracker that writes into a run of MLflow named after the run folder; a continued run has it already.

    Raises:
        OutputError: the store or server cannot be used.
    """
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    # The database is made by migrations that tell of every step.
    for teller in ("alembic", "mlflow.store.db"):
        logging.getLogger(teller).setLevel(logging.WARNING)
    given = config.uri or os.environ.get("MLFLOW_TRACKING_URI", "")
    uri = given or f"sqlite:///{_all_runs(run) / 'mlflow.db'}"
    try:
        client = MlflowClient(tracking_uri=uri)
        before = Fields(run.record, run.path / "run.json").fields_or_none("tracker")
        known = "" if before is None else before.text("run_id", "")
        if known:
            client.update_run(known, status="RUNNING")
        else:
            # Else MLflow would put a folder for artifacts into the working folder.
            artifacts = None if given else (_all_runs(run) / "mlruns").as_uri()
            known = _new_run(client, config.experiment, run, artifacts)
            # Not the address, which may hold a password.
            run.save(tracker={"name": config.name, "run_id": known})
    except (MlflowException, OSError) as error:
        reason = textwrap.shorten(str(error).splitlines()[0], MAX_REASON, placeholder=" ...")
        raise OutputError(f"tracker.uri={uri} cannot be used ({reason}): give another one, or tracker=none.") from error
    status = "KILLED"
    try:
        yield MlflowRun(client, known)
        status = "FINISHED"
    finally:
        _end(client, known, status)


def _all_runs(run: RunFolder) -> Path:
    """Return the folder ``out`` of ``out/train/NAME/v001``."""
    return run.path.resolve().parents[2]


def _new_run(client: "MlflowClient", title: str, run: RunFolder, artifacts: str | None) -> str:
    """Make a run, and its experiment if it is the first of it, and return the run's identifier."""
    from mlflow.entities import Param

    experiment = client.get_experiment_by_name(title)
    number = experiment.experiment_id if experiment else client.create_experiment(title, artifact_location=artifacts)
    name = "/".join(run.path.parts[-2:])
    made = client.create_run(number, run_name=name, tags={"fsens.run": str(run.path.resolve())})
    asked = Fields(run.record, run.path / "run.json").fields("config").content
    settings = [Param(key, str(value)[:MAX_PARAM_LENGTH]) for key, value in asked.items()]
    for first in range(0, len(settings), MAX_PARAMS):
        client.log_batch(made.info.run_id, params=settings[first : first + MAX_PARAMS])
    identifier: str = made.info.run_id
    return identifier


def _end(client: "MlflowClient", run_id: str, status: str) -> None:
    """Say how the run ended; a server that has gone has been warned about, and the numbers matter more."""
    from mlflow.exceptions import MlflowException

    try:
        client.set_terminated(run_id, status=status)
    except (MlflowException, OSError):
        logging.getLogger(__name__).debug("MLflow was not told that run %s ended", run_id)
