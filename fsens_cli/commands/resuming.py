"""Is a run continued as it was started?"""

from pathlib import Path

from fsens_cli.config.compose import flat_settings
from fsens_cli.errors import ConfigError
from fsens_cli.runs.folder import read_record


def refuse_changes(path: Path, config_yaml: str, asked: dict[str, str]) -> None:
    """Raise ConfigError, naming the keys, if the configuration is not the one that the run was started with."""
    started = read_record(path).get("config", {})
    now = flat_settings(config_yaml)
    changed = sorted(key for key in started.keys() | now.keys() if started.get(key) != now.get(key))
    for key, value in asked.items():
        if key not in ("device", "out") and str(now.get(key, now.get(f"{key}.name"))) != value:
            changed.append(key)
    if changed:
        raise ConfigError(
            f"{path} was started with other settings of {', '.join(changed)}: "
            "a resumed run keeps its own. Start a new run to change them."
        )
