"""The config that a verb of ``tunedeck data`` works on, and how these verbs end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.common.errors import ConfigError

if TYPE_CHECKING:
    from engine.config.schema import RunConfig

FATAL = 1
UNUSABLE = 2
NO_MODEL = "-"


def config_of(what: list[str], assignments: list[str], model: str) -> RunConfig:
    """The config that is meant, or one made of the data that is named. Raises ConfigError, DataError."""
    from engine.config import toml
    from engine.config.presets import Layer, overrides, resolve
    from engine.config.provenance import COMMAND_LINE, SET
    from engine.data.files.opened import check_name

    if any(name.endswith(".toml") for name in what):
        if len(what) > 1:
            raise ConfigError("cli.config-and-data", given=" ".join(what))
        chosen = [f"model.name_or_path={model}"] if model else []
        return toml.load(Path(what[0]).expanduser(), [*assignments, *chosen]).config
    named = {"model": {"name_or_path": model or NO_MODEL}, "data": [{"path": check_name(path)} for path in what]}
    return resolve([Layer(COMMAND_LINE, named), Layer(SET, overrides(assignments))]).config
