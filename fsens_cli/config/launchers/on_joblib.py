"""How are jobs run in several processes of this machine?"""

from collections.abc import Sequence
from typing import Any

from fsens_cli.config.launchers.call import Call, Lost
from fsens_cli.config.launchers.crew import Crew

# joblib takes these as numbers where they are numbers.
MAYBE_NUMBERS = ("pre_dispatch", "batch_size", "max_nbytes")


def run(calls: Sequence[Call[Any]], crew: Crew) -> list[Any]:
    """Return every job's result, or Lost for all of them where a process died: joblib then stops the others too."""
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    settings = {k: v for k, v in crew.settings.items() if k not in ("_target_", "n_jobs", "backend")}
    settings |= {k: int(settings[k]) for k in MAYBE_NUMBERS if str(settings.get(k, "")).isdecimal()}
    try:
        return list(Parallel(n_jobs=crew.workers, backend="loky", **settings)(delayed(call)() for call in calls))
    except Exception as error:  # noqa: BLE001 whatever broke the pool, finished jobs have left their records
        return [Lost(_reason(error))] * len(calls)
    finally:
        # They would wait for more for minutes, and hold their memory.
        get_reusable_executor().shutdown(wait=True, kill_workers=True)


def _reason(error: Exception) -> str:
    if type(error).__name__ in ("TerminatedWorkerError", "BrokenProcessPool"):
        return "a worker process was killed (out of memory?), and joblib stopped the others with it"
    return f"joblib: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
