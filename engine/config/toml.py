"""Configs in and out of TOML; written files say beside each value where it came from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit
import tomlkit.exceptions
from tomlkit.items import Table

from engine.common.errors import ConfigError, reason_of
from engine.common.regular_files import open_regular, read_regular
from engine.config import provenance
from engine.config.presets import GONE, Layer, Resolved, load_preset, overrides, resolve
from engine.config.provenance import DEFAULT, EARLIER_VERSION, FILE, SET
from engine.config.schema import RunConfig
from engine.messages.catalogue import text as said
from engine.messages.message import Message

_HEAD = "A tunedeck run. `tunedeck run THIS_FILE` repeats it."
"""The same in every language: by it the program knows a file that it wrote."""
_MOST_BYTES = 4 << 20
_PATHS = (
    ("model", "name_or_path"), ("model", "chat_template"), ("strategy", "adapter"), ("eval", "metric_file"),
)  # fmt: skip
"""Fields that may hold a path."""
_BUILT_IN = ("plain", "chatml")
"""Chat templates that go before files of the same name."""
_BEFORE = {"dataset": {"stratify": False}}
"""What a file that holds every value meant where it lacks one of these: the version that wrote it had no such field."""


def load(path: Path, assignments: Sequence[str] = (), preset: str = "") -> Resolved:
    """Read a run's config from ``path``, with ``--set a.b=c`` assignments on top.

    Relative paths are taken from the file's folder, else from the current one, those of ``--set`` from the current
    one, where they exist there. A field that a run's own file lacks because it is newer than the run means what was
    done then, and one that is gone since is passed over. Raises ConfigError with every finding, or naming the line
    that is not TOML.
    """
    values, of_a_run = read_values(path), _is_of_a_run(path)
    if of_a_run:
        _leave_out_gone(values)
    layers = [Layer(EARLIER_VERSION, _BEFORE)] if of_a_run else []
    layers += [Layer(provenance.preset(preset), load_preset(preset).values)] if preset else []
    layers.append(Layer(FILE, _anchored(values, path.parent, Path.cwd())))
    if assignments:
        layers.append(Layer(SET, _anchored(overrides(assignments), Path.cwd())))
    return resolve(layers)


def located(resolved: Resolved) -> Resolved:
    """``resolved`` with every relative path that exists from the current folder made absolute: a run works in its own.

    A config that was read by ``load`` has none left; what was typed elsewhere may.
    """
    values = resolved.config.model_dump(exclude_unset=True)
    anchored = _anchored(values, Path.cwd())
    return resolved if anchored == values else Resolved(RunConfig.model_validate(anchored), resolved.sources)


def read_values(path: Path) -> dict[str, Any]:
    """The plain values of a TOML file. Raises ConfigError naming file and line."""
    try:
        return tomllib.loads(_read(path).decode("utf-8"))
    except FileNotFoundError:
        raise ConfigError("config.no-such-file", path=path) from None
    except UnicodeDecodeError as error:
        raise ConfigError("config.not-utf8", path=path, byte=error.start) from None
    except OSError as error:
        raise ConfigError("config.unreadable", path=path, reason=reason_of(error)) from None
    except RecursionError:
        raise ConfigError("config.nested-too-deep", path=path) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("config.not-toml", path=path, reason=str(error)) from None


def _read(path: Path) -> bytes:
    """A config's bytes; a pipe is waited for only where the shell made it, as ``<(command)`` does. Raises OSError."""
    if path.parent in (Path("/dev/fd"), Path("/proc/self/fd")) or path == Path("/dev/stdin"):
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    return read_regular(path, _MOST_BYTES)


def dumps(resolved: Resolved, full: bool = True) -> str:
    """The config as TOML, each value with a comment that names its source; ``full`` includes the defaults."""
    document = tomlkit.document()
    document.add(tomlkit.comment(_HEAD if full else f"{_HEAD} {said('config.rest-is-default')}"))
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


def with_values(text: str, values: Mapping[str, Any], source: Message | str) -> str:
    """A config's text with ``values`` by dotted field, each with ``source`` beside it; all else stays as it is.

    Fields of a run's own file that are gone since are left out. Raises ConfigError when the text is not TOML, or the
    result no valid config.
    """
    try:
        document = tomlkit.parse(text)
    except tomlkit.exceptions.TOMLKitError as error:
        raise ConfigError("config.changed-not-toml", reason=str(error)) from None
    if text.startswith(f"# {_HEAD}\n"):
        _leave_out_gone(document)
    for dotted, value in values.items():
        section, field = dotted.split(".")
        if section not in document:
            document.add(section, tomlkit.table())
        item = tomlkit.item(value)
        item.comment(said(provenance.of(source)))
        document[section][field] = item
    changed = tomlkit.dumps(document)
    resolve([Layer(FILE, tomllib.loads(changed))])
    return changed


def _is_of_a_run(path: Path) -> bool:
    """Whether tunedeck wrote the file: then it holds every value there was."""
    try:
        with open_regular(path) as file:
            return file.readline(200).strip() == f"# {_HEAD}".encode()
    except OSError:
        return False


def _leave_out_gone(values: MutableMapping[str, Any]) -> None:
    """Remove what earlier versions wrote into every run's file and nothing ever read."""
    for dotted in GONE:
        section, field = dotted.split(".")
        if isinstance(values.get(section), MutableMapping):
            values[section].pop(field, None)


def _table(part: Any, prefix: str, resolved: Resolved, full: bool) -> Table:
    table = tomlkit.table()
    for name in type(part).model_fields:
        value = getattr(part, name)
        source = resolved.source(f"{prefix}.{name}")
        if value is None or value == {} or (not full and source == DEFAULT):
            continue
        item = tomlkit.item(value)
        item.comment(said(source))
        table.add(name, item)
    return table


def _anchored(values: dict[str, Any], *folders: Path) -> dict[str, Any]:
    """Relative paths become absolute by the first of ``folders`` in which they exist: the runner works in another."""
    anchored = dict(values)
    for section, name in _PATHS:
        anchored |= {section: _with_absolute(anchored[section], name, folders)} if section in anchored else {}
    data = anchored.get("data")
    if isinstance(data, list):
        anchored["data"] = [_with_absolute(item, "path", folders) for item in data]
    elif isinstance(data, dict):
        anchored["data"] = {key: _with_absolute(item, "path", folders) for key, item in data.items()}
    return anchored


def _with_absolute(table: Any, name: str, folders: Sequence[Path]) -> Any:
    if isinstance(table, dict) and isinstance(table.get(name), str) and table[name]:
        if name == "chat_template" and table[name] in _BUILT_IN:
            return table
        return table | {name: _absolute(table[name], folders)}
    return table


def _absolute(text: str, folders: Sequence[Path]) -> str:
    """``text`` as an absolute path; as it is where it is in none of ``folders``, or can be no path at all."""
    try:
        path = Path(text).expanduser()
        if path.is_absolute():
            return str(path)
        beside = next((folder / path for folder in folders if (folder / path).exists()), None)
        if beside is not None:
            return str(beside.resolve())
        # Of a pattern, or a dataset named behind a #, what goes before must be there.
        certain = re.split(r"[#*?\[]", text, maxsplit=1)[0]
        for folder in folders if certain != text else ():
            start = folder / certain
            if (start if certain.endswith("/") or start.exists() else start.parent).exists():
                return str(folder.resolve() / text)
    except (OSError, ValueError, RuntimeError):
        pass  # who reads it says what is wrong with it
    return text
