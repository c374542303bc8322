"""The launcher that was asked for, checked to be installed."""

import shutil
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

from fsens_cli.config.grammar import Setting
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
}
# Our configurations of launchers, where they have another name than what is typed: that one is the plugin's.
OUR_PREFIX = "fsens-"
OURS = {
    "joblib": f"{OUR_PREFIX}joblib",
    "ray": f"{OUR_PREFIX}ray",
    "submitit_slurm": "slurm",
    "submitit_local": "slurm-local",
}


def option_of(name: str, folders: Sequence[Path]) -> str:
    """Return the option of Hydra's group that a launcher's name means; ``folders`` are ours, then the user's own."""
    own = any((folder / GROUP / f"{name}.yaml").is_file() for folder in folders[1:])
    return name if own else OURS.get(name, name)


def launchers(folders: Sequence[Path]) -> list[str]:
    """Return the names of all launchers."""
    files = {path.stem.removeprefix(OUR_PREFIX) for folder in folders for path in (folder / GROUP).glob("*.yaml")}
    return sorted({"basic", *NEEDS, *files})


def is_about_launcher(key: str) -> bool:
    """Return whether a setting says where jobs run."""
    return key == GROUP or key.startswith(SETTINGS)


def without_launcher(overrides: Iterable[str]) -> tuple[str, ...]:
    """Return the settings that say what is done, not where.

    >>> without_launcher(["seed=0", "hydra/launcher=ray", "++hydra.launcher.ray.init.num_cpus=2"])
    ('seed=0',)
    """
    return tuple(o for o in overrides if not is_about_launcher(o.partition("=")[0].lstrip("+")))


def chosen(settings: Sequence[Setting], options: Sequence[str], *, multirun: bool) -> str:
    """Return the launcher's name; ``basic`` where none was given.

    Raises:
        ConfigError: unknown, not installed, several, or without a sweep to run.
    """
    about = [s for s in settings if is_about_launcher(s.key)]
    if about and not multirun:
        raise ConfigError(f"{about[0].text} says where the jobs of a sweep run: add -m, or leave it out.")
    names = [s for s in about if s.key == GROUP]
    several = next((s for s in about if s.is_sweep), None)
    if several is not None:
        raise ConfigError(f"{several.text}: a sweep has one launcher; give a single value.")
    name = names[-1].values[0] if names else "basic"
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
