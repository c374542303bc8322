"""Jobs in several processes of this machine."""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from threading import Thread
from time import sleep
from typing import Generic

from fsens_cli.config.launchers.call import Call, Lost, Result
from fsens_cli.config.launchers.crew import Crew

# joblib takes these as numbers where they are numbers.
MAYBE_NUMBERS = ("pre_dispatch", "batch_size", "max_nbytes")
POLL_SECONDS = 0.5
IDLE_SECONDS = 1


def run(calls: Sequence[Call[Result]], crew: Crew) -> list[Result | Lost]:
    """Return every job's result, or Lost for all of them where a process died: joblib then stops the others too."""
    from joblib import Parallel, delayed, parallel_config

    settings = {k: v for k, v in crew.settings.items() if k not in ("_target_", "n_jobs", "backend")}
    settings |= {k: int(str(settings[k])) for k in MAYBE_NUMBERS if str(settings.get(k, "")).isdecimal()}
    try:
        # Left alone, workers would wait for more for minutes, and hold their memory.
        with parallel_config(backend="loky", idle_worker_timeout=IDLE_SECONDS):
            return list(Parallel(n_jobs=crew.workers, **settings)(delayed(_UnderParent(call))() for call in calls))
    except Exception as error:  # noqa: BLE001 whatever broke the pool, finished jobs have left their records
        return [Lost(_reason(error))] * len(calls)


@dataclass(frozen=True, slots=True)
class _UnderParent(Generic[Result]):
    """Does a call in a worker that ends soon after the process which started it, however that ended."""

    call: Call[Result]
    parent: int = field(default_factory=os.getpid)

    def __call__(self) -> Result:
        _watch(self.parent)
        return self.call()


@cache
def _watch(parent: int) -> None:
    """Start a worker's only watch: between two calls it would outlive its parent, too."""
    Thread(target=_end_with, args=(parent,), name="parent-watch", daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        sleep(POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def _reason(error: Exception) -> str:
    if type(error).__name__ in ("TerminatedWorkerError", "BrokenProcessPool"):
        return "a worker process was killed (out of memory?), and joblib stopped the others with it"
    return f"joblib: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
