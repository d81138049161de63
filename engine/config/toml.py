"""Configs in and out of TOML; written files say beside each value where it came from."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Table

from engine.config.presets import Layer, Resolved, load_preset, parse_assignment, resolve, set_dotted
from engine.config.schema import RunConfig
from engine.errors import ConfigError


def load(path: Path, assignments: Sequence[str] = (), preset: str = "") -> Resolved:
    """Read a run's config from ``path``, with ``--set a.b=c`` assignments on top.

    Relative data and model paths are taken from the file's folder when they exist there.
    Raises ConfigError with every finding, or naming the line that is not TOML.
    """
    values = read_values(path)
    layers = [Layer(f"preset {preset}", load_preset(preset).values)] if preset else []
    layers.append(Layer("file", _anchored(values, path.parent)))
    if assignments:
        flags: dict[str, Any] = {}
        base = {"data": [dict(item) for item in values.get("data", []) if isinstance(item, dict)]}
        touches_data = any(text.startswith("data.") for text in assignments)
        flags = dict(base) if touches_data else {}
        for text in assignments:
            set_dotted(flags, *parse_assignment(text))
        layers.append(Layer("--set", flags))
    return resolve(layers)


def read_values(path: Path) -> dict[str, Any]:
    """The plain values of a TOML file. Raises ConfigError naming file and line."""
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        raise ConfigError("No such config file", str(path), "`tunedeck` makes one; README shows an example.") from None
    except UnicodeDecodeError as error:
        raise ConfigError("The config is not UTF-8 text", f"{path}: byte {error.start}") from None
    except OSError as error:
        raise ConfigError("The config can't be read", f"{path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("The config is not valid TOML", f"{path}: {error}", "Correct that line.") from None


def dumps(resolved: Resolved, full: bool = True) -> str:
    """The config as TOML, each value with a comment that names its source; ``full`` includes the defaults."""
    document = tomlkit.document()
    document.add(tomlkit.comment("A tunedeck run. `tunedeck run THIS_FILE` repeats it."))
    for section in RunConfig.model_fields:
        part = getattr(resolved.config, section)
        if isinstance(part, list):
            array = tomlkit.aot()
            for index, item in enumerate(part):
                array.append(_table(item, f"{section}.{index}", resolved, full))
            document.add(section, array)
            continue
        table = _table(part, section, resolved, full)
        if len(table):
            document.add(section, table)
    return tomlkit.dumps(document)


def _table(part: Any, prefix: str, resolved: Resolved, full: bool) -> Table:
    table = tomlkit.table()
    for name in type(part).model_fields:
        value = getattr(part, name)
        source = resolved.source(f"{prefix}.{name}")
        if value is None or value == {} or (not full and source == "default"):
            continue
        item = tomlkit.item(value)
        item.comment(source)
        table.add(name, item)
    return table


def _anchored(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Relative paths that exist beside the config file become absolute, so that a run can move."""
    anchored = dict(values)
    model = anchored.get("model")
    if isinstance(model, dict) and isinstance(model.get("name_or_path"), str):
        anchored["model"] = model | {"name_or_path": _absolute(model["name_or_path"], folder)}
    if isinstance(anchored.get("data"), list):
        anchored["data"] = [
            item | {"path": _absolute(item["path"], folder)}
            if isinstance(item, dict) and isinstance(item.get("path"), str) else item
            for item in anchored["data"]
        ]  # fmt: skip
    return anchored


def _absolute(text: str, folder: Path) -> str:
    path = Path(text).expanduser()
    if path.is_absolute():
        return str(path)
    beside = folder / path
    return str(beside.resolve()) if beside.exists() else text
