"""Which launcher was asked for, and is it there?"""

import shutil
from collections.abc import Iterable, Sequence
from importlib.util import find_spec

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.types import Override

from fsens_cli.errors import ConfigError, suggestion

GROUP = "hydra/launcher"
SETTINGS = "hydra.launcher."
# A launcher's package, and the extra of fsens that installs it.
NEEDS = {
    "joblib": ("hydra_joblib_launcher", "joblib"),
    "slurm": ("hydra_submitit_launcher", "slurm"),
    "slurm-local": ("hydra_submitit_launcher", "slurm"),
    "submitit_slurm": ("hydra_submitit_launcher", "slurm"),
    "submitit_local": ("hydra_submitit_launcher", "slurm"),
    "ray": ("hydra_ray_launcher", "ray"),
    "ray_aws": ("hydra_ray_launcher", "ray"),
}
# What plugins register under a name that a file of ours has; Hydra would warn of the clash.
SHADOWED = ("joblib", "submitit_local", "submitit_slurm", "ray")


def register_plugin_settings() -> None:
    """Move the plugins' own configurations to where ours extend them: ``schema/launcher``."""
    store = ConfigStore.instance()
    registered = store.repo.get("hydra", {}).get("launcher", {})
    for name in SHADOWED:
        entry = registered.pop(f"{name}.yaml", None)
        if entry is not None:
            store.store(group="schema/launcher", name=name, node=entry.node, provider="fsens")


def is_about_launcher(key: str) -> bool:
    """Return whether a setting says where jobs run."""
    return key == GROUP or key.startswith(SETTINGS)


def without_launcher(overrides: Iterable[str]) -> tuple[str, ...]:
    """Return the settings that say what is done, not where.

    >>> without_launcher(["seed=0", "hydra/launcher=ray", "++hydra.launcher.ray.init.num_cpus=2"])
    ('seed=0',)
    """
    return tuple(o for o in overrides if not is_about_launcher(o.partition("=")[0].lstrip("+")))


def chosen(overrides: Sequence[Override], options: Sequence[str], *, multirun: bool) -> str:
    """Return the launcher's name; ``basic`` where none was given.

    Raises:
        ConfigError: unknown, not installed, several, or without a sweep to run.
    """
    about = [o for o in overrides if is_about_launcher(o.key_or_group)]
    if about and not multirun:
        raise ConfigError(f"{about[0].input_line} says where the jobs of a sweep run: add -m, or leave it out.")
    names = [o for o in about if o.key_or_group == GROUP]
    several = next((o for o in about if o.is_sweep_override()), None)
    if several is not None:
        raise ConfigError(f"{several.input_line}: a sweep has one launcher; give a single value.")
    name = str(names[-1].value()) if names else "basic"
    if name not in options:
        raise ConfigError(f"unknown launcher '{name}'.{suggestion(name, options)} {GROUP} can be {', '.join(options)}.")
    if name in NEEDS:
        package, extra = NEEDS[name]
        if not is_installed(package):
            raise ConfigError(f'{GROUP}={name} needs fsens[{extra}]: pip install "fsens[{extra}]"')
    if name in ("slurm", "submitit_slurm") and shutil.which("sbatch") is None:
        raise ConfigError(
            f"{GROUP}={name} needs Slurm's sbatch, which is not here: start on a login node, or try slurm-local."
        )
    return name


def is_installed(plugin: str) -> bool:
    """Return whether a plugin of Hydra is there."""
    return find_spec("hydra_plugins") is not None and find_spec(f"hydra_plugins.{plugin}") is not None
