"""Jobs run by ray: one of our own on this machine, or a cluster that is running."""

import os
import socket
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fsens_cli.config.launchers.call import Call, Lost, Result
from fsens_cli.config.launchers.crew import Crew, part_of
from fsens_cli.errors import ConfigError

if TYPE_CHECKING:
    from ray import ObjectRef

# What a running ray has decided already.
ONLY_FOR_OUR_OWN = ("num_cpus", "num_gpus", "object_store_memory", "include_dashboard")


LOOPBACK = ("127.0.0.1", "localhost")
PATIENCE_SECONDS = 5.0


def run(calls: Sequence[Call[Result]], crew: Crew) -> list[Result | Lost]:
    """Return every job's result, or Lost; all are waited for, whichever of them dies. An interruption cancels them."""
    settings = part_of(crew.settings, "ray", "init")
    address = settings.pop("address", None) or os.environ.get("RAY_ADDRESS", "")
    if address:
        settings = {k: v for k, v in settings.items() if k not in ONLY_FOR_OUR_OWN}
        _check_reachable(str(address))
    _connect(str(address), settings)
    import ray

    waiting: list[ObjectRef[Result]] = []
    try:
        options = _options(part_of(crew.settings, "ray", "remote"), calls, gpus=ray.cluster_resources().get("GPU", 0))
        remote = ray.remote(**options)(_do)
        waiting += [remote.remote(call) for call in calls]
        return [_result(reference) for reference in waiting]
    except BaseException:
        for reference in waiting:
            ray.cancel(reference, force=True)
        raise
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raise ConfigError where nothing listens: ray itself tries for minutes, and then ends the whole process."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or "//" in host:
        return
    try:
        socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS).close()
    except OSError as error:
        raise ConfigError(f"the launcher ray cannot connect to {address}: {error.strerror or error}.") from error


def _connect(address: str, settings: Mapping[str, object]) -> None:
    # Both are read when ray is imported. Without the second, ray takes an address of this machine that others can reach
    # for its loopback one; nobody but this sweep has business with a ray of our own.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if not address or address.startswith(LOOPBACK):
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    import ray

    try:
        ray.init(address=address or "local", **settings)
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        where = f"connect to {address}" if address else "start"
        raise ConfigError(f"the launcher ray cannot {where}: {reason}") from error


def _options(given: dict[str, object], calls: Sequence[Call[Result]], *, gpus: float) -> dict[str, object]:
    if given.get("num_gpus") is None:
        wanted = any(call.job.device.startswith(("auto", "cuda")) for call in calls)
        given["num_gpus"] = int(wanted and gpus >= 1)
    return given


def _do(call: Call[Result]) -> Result:
    return call()


def _result(reference: "ObjectRef[Result]") -> Result | Lost:
    import ray

    try:
        return ray.get(reference)
    except ray.exceptions.WorkerCrashedError:
        return Lost("its ray worker was killed (out of memory?)")
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None) or error
        return Lost(f"ray: {type(cause).__name__}: {str(cause).strip().partition(chr(10))[0]}")
