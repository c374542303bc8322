"""How many jobs of a sweep run at a time, and with how many threads each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fsens_cli.errors import ConfigError, require

# By the last part of the launcher's _target_.
KINDS = {
    "BasicLauncher": "basic",
    "JoblibLauncher": "joblib",
    "LocalLauncher": "submitit",
    "SlurmLauncher": "submitit",
    "RayLauncher": "ray",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What this machine has to share out: CPU cores, threads that torch would use, GPUs that jobs may use."""

    cores: int
    threads: int
    gpus: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Who does the jobs.

    Attributes:
        name: the launcher as it was typed.
        kind: ``basic``, ``joblib``, ``submitit`` or ``ray``.
        settings: of the launcher.
        workers: how many jobs run at a time; None where a cluster decides.
        threads: of torch in each job; None where the job finds out by itself.
    """

    name: str
    kind: str = "basic"
    settings: Mapping[str, object] = field(default_factory=dict)
    workers: int | None = 1
    threads: int | None = None

    @property
    def elsewhere(self) -> bool:
        """Whether jobs run in other processes."""
        return self.kind != "basic"

    def in_words(self, num_jobs: int) -> str:
        """Return one line about who does how many jobs.

        >>> Crew(name="joblib", kind="joblib", workers=2, threads=1).in_words(3)
        '3 jobs through joblib, 2 at a time, threads each: 1'
        """
        text = f"{num_jobs} job{'' if num_jobs == 1 else 's'} through {self.name}"
        text += "" if self.workers is None else f", {self.workers} at a time"
        return text + ("" if self.threads is None else f", threads each: {self.threads}")


BASIC = Crew(name="basic")


def crew_for(name: str, settings: Mapping[str, object], *, num_jobs: int, machine: Machine) -> Crew:
    """Share the machine out.

    Raises:
        ConfigError: a setting of the launcher makes no sense.
    """
    kind = KINDS.get(str(settings.get("_target_", "")).rpartition(".")[2])
    if kind is None:
        raise ConfigError(
            f"hydra/launcher={name} is none that fsens can send jobs to: joblib, slurm, slurm-local, ray, or a file of "
            "your own that begins with one of these."
        )
    workers, threads = _SHARES[kind](settings, num_jobs, machine) if kind in _SHARES else (1, None)
    if workers == 1 and kind in ("basic", "joblib"):
        # One at a time needs no second process; joblib would use none either.
        return BASIC
    return Crew(name=name, kind=kind, settings=dict(settings), workers=workers, threads=threads)


def _share_joblib(settings: Mapping[str, object], num_jobs: int, machine: Machine) -> tuple[int | None, int | None]:
    asked = int(_number(settings, "n_jobs") or 0)
    if asked == 0:
        raise ConfigError(
            "hydra.launcher.n_jobs=0: give how many jobs run at a time, or -1 for one for each GPU, else CPU core."
        )
    # As joblib counts: -1 is all, -2 all but one.
    places = asked if asked > 0 else max(1, (machine.gpus or machine.cores) + 1 + asked)
    workers = max(1, min(places, num_jobs))
    return workers, max(1, machine.threads // workers)


def _share_submitit(settings: Mapping[str, object], num_jobs: int, machine: Machine) -> tuple[int | None, int | None]:
    for key in ("nodes", "tasks_per_node"):
        count = settings.get(key, 1)
        require(count == 1, f"hydra.launcher.{key}={count}: each job is one process, so this stays 1.")
    for key in ("timeout_min", "cpus_per_task", "mem_gb", "array_parallelism"):
        value = _number(settings, key)
        require(value is None or value >= 1, f"hydra.launcher.{key}={value} must be at least 1.")
    cpus = int(_number(settings, "cpus_per_task") or 0) or None
    if not str(settings["_target_"]).endswith("LocalLauncher"):
        return None, cpus
    # Without a queue in front of it, submitit would start all jobs at once.
    workers = max(1, min(num_jobs, machine.gpus or machine.cores // (cpus or 1)))
    return workers, cpus or max(1, machine.threads // workers)


def _share_ray(settings: Mapping[str, object], num_jobs: int, machine: Machine) -> tuple[int | None, int | None]:
    del num_jobs, machine
    cpus = part_of(settings, "ray", "remote").get("num_cpus", 1)
    if not (isinstance(cpus, int | float) and cpus > 0):
        raise ConfigError(f"hydra.launcher.ray.remote.num_cpus={cpus} must be larger than 0.")
    return None, max(1, int(cpus))


def part_of(settings: Mapping[str, object], *keys: str) -> dict[str, object]:
    """Return the settings below the keys; none where there is no such part."""
    for key in keys:
        inner = settings.get(key)
        settings = inner if isinstance(inner, Mapping) else {}
    return dict(settings)


def _number(settings: Mapping[str, object], key: str) -> int | float | None:
    """Return a setting; the schema of Hydra's plugin makes it a number or none."""
    value = settings.get(key)
    return value if isinstance(value, int | float) else None


_SHARES = {"joblib": _share_joblib, "submitit": _share_submitit, "ray": _share_ray}
