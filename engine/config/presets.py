"""Layers of a config (default < preset < file < flags or form), merged with the source of every value."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, ValidationError

from engine import paths
from engine.config.rules import Issue
from engine.config.schema import RunConfig
from engine.errors import ConfigError


@dataclass(frozen=True)
class Layer:
    """Values of one origin. ``name`` is shown to people: preset "first-steps", file, you, detected."""

    name: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Resolved:
    """A valid config and, for each dotted field that is not a default, where its value came from."""

    config: RunConfig
    sources: dict[str, str] = field(default_factory=dict)

    def source(self, dotted: str) -> str:
        """Origin of ``train.batch_size`` and the like; ``default`` when nobody set it."""
        return self.sources.get(dotted, "default")


@dataclass(frozen=True)
class Preset:
    """A preset file: its values, and one sentence for whom it is."""

    id: str
    title: str
    description: str
    values: dict[str, Any]


def resolve(layers: Sequence[Layer]) -> Resolved:
    """Merge ``layers``, later ones winning, and validate the whole.

    Raises ConfigError that holds every finding, unknown keys with their nearest valid name.
    """
    merged: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for layer in layers:
        _merge(merged, layer.values, layer.name, sources, "")
    try:
        config = RunConfig.model_validate(merged)
    except ValidationError as error:
        raise config_error(_one_per_field(_issue(item) for item in error.errors())) from None
    return Resolved(config, sources)


def config_error(issues: Sequence[Issue]) -> ConfigError:
    """One error for all ``issues``."""
    count = f"{len(issues)} things" if len(issues) > 1 else "one thing"
    return ConfigError(
        "The config can't be used",
        "\n".join(f"  {issue}" for issue in issues),
        f"Correct {count} and try again; `tunedeck run --help` and the README list the fields.",
        tuple(issues),
    )


def load_preset(preset_id: str) -> Preset:
    """A shipped preset by its file name. Raises ConfigError naming those there are."""
    path = paths.presets_dir() / f"{preset_id}.toml"
    if not path.is_file():
        raise ConfigError("No such preset", preset_id, "There are: " + ", ".join(preset_ids()))
    values = tomllib.loads(path.read_text("utf-8"))
    about = values.pop("preset", {})
    return Preset(preset_id, about.get("title", preset_id), about.get("description", ""), values)


def preset_ids() -> list[str]:
    return sorted(path.stem for path in paths.presets_dir().glob("*.toml"))


def set_dotted(values: dict[str, Any], dotted: str, value: Any) -> None:
    """Put ``value`` at ``a.b.c``; ``data.0.path`` reaches into the list of sources."""
    *parents, last = dotted.split(".")
    here: Any = values
    for key in parents:
        if isinstance(here, list):
            while len(here) <= int(key):
                here.append({})
            here = here[int(key)]
        else:
            here = here.setdefault(key, [] if key == "data" else {})
    if isinstance(here, list):
        raise ConfigError("Unknown setting", dotted, "Write data.0.path for a field of the first source.")
    here[last] = value


def parse_assignment(text: str) -> tuple[str, Any]:
    """``train.batch_size=8`` as (dotted, value); the value is read as TOML, else taken as text."""
    dotted, found, raw = text.partition("=")
    if not found or not re.fullmatch(r"[A-Za-z_]\w*(\.\w+)+", dotted.strip()):
        raise ConfigError("A setting can't be read", f"--set {text}", "Write it as section.field=value.")
    try:
        value = tomllib.loads(f"value = {raw}")["value"]
    except tomllib.TOMLDecodeError:
        value = raw
    return dotted.strip(), value


def _merge(into: dict[str, Any], values: Mapping[str, Any], name: str, sources: dict[str, str], prefix: str) -> None:
    for key, value in values.items():
        dotted = f"{prefix}{key}"
        if isinstance(value, Mapping) and key != "columns":
            here = into.setdefault(key, {})
            if not isinstance(here, dict):
                here = into[key] = {}
            _merge(here, value, name, sources, f"{dotted}.")
        elif key == "data" and not prefix and isinstance(value, list):
            into[key] = [dict(item) if isinstance(item, Mapping) else item for item in value]
            for index, item in enumerate(value):
                for sub in item if isinstance(item, Mapping) else ():
                    sources[f"data.{index}.{sub}"] = name
        else:
            into[key] = value
            sources[dotted] = name


def _issue(error: Any) -> Issue:
    dotted = ".".join(str(part) for part in error["loc"] if part not in ("int", "literal['auto']", "constrained-int"))
    kind, given = error["type"], error.get("input")
    if kind == "extra_forbidden":
        nearest = _nearest(error["loc"])
        return Issue("error", dotted, "unknown key.", f"Did you mean '{nearest}'?" if nearest else "Remove it.")
    if kind == "missing":
        return Issue("error", dotted, "is required.")
    message = error["msg"].replace("Input should", "should").replace("String should", "should")
    shown = repr(given) if isinstance(given, (str, int, float, bool)) else type(given).__name__
    return Issue("error", dotted, f"{message[0].lower()}{message[1:]}, not {shown[:60]}.")


def _one_per_field(issues: Iterable[Issue]) -> list[Issue]:
    """A field that may be several things fails once for each; people need one line."""
    by_field: dict[str, Issue] = {}
    for issue in issues:
        first = by_field.get(issue.field)
        if first is None:
            by_field[issue.field] = issue
        else:
            said = first.message.rsplit(", not ", 1)[0]
            by_field[issue.field] = replace(first, message=f"{said}, or {issue.message}".replace("or should", "or"))
    return list(by_field.values())


def _nearest(loc: tuple[int | str, ...]) -> str:
    """The valid name most like the unknown one: in its own section, else anywhere."""
    *parents, wrong = [str(part) for part in loc]
    own = known_fields(".".join(p for p in parents if not p.isdigit()))
    close = difflib.get_close_matches(wrong, own, n=1, cutoff=0.6)
    if close:
        return close[0]
    everywhere = {name: f"{section}.{name}" for section in known_fields("") for name in known_fields(section)}
    close = difflib.get_close_matches(wrong, list(everywhere), n=1, cutoff=0.75)
    return everywhere[close[0]] if close else ""


def known_fields(section: str) -> list[str]:
    """Field names of a section; with "" the sections themselves."""
    if not section:
        return list(RunConfig.model_fields)
    model = section_model(section)
    return list(model.model_fields) if model else []


def section_model(section: str) -> type[BaseModel] | None:
    """The pydantic model behind a section's name; ``data`` gives that of one source."""
    info = RunConfig.model_fields.get(section)
    if info is None:
        return None
    annotation: Any = info.annotation
    if section == "data":
        annotation = annotation.__args__[0]
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
