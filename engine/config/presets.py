"""Layers of a config (default < preset < file < flags or form), merged with the source of every value."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any

from pydantic import BaseModel, ValidationError

from engine.common import paths
from engine.common.errors import ConfigError
from engine.config import provenance, synonyms
from engine.config.rules import Issue
from engine.config.schema import RunConfig
from engine.messages.catalogue import described
from engine.messages.message import Message


@dataclass(frozen=True)
class Layer:
    """Values of one origin: a message of ``provenance``, or a word of the caller's own."""

    origin: Message | str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Resolved:
    """A valid config and, for each dotted field that is not a default, where its value came from."""

    config: RunConfig
    sources: dict[str, Message] = field(default_factory=dict)

    def source(self, dotted: str) -> Message:
        """Origin of ``train.batch_size`` and the like; DEFAULT when nobody set it."""
        return self.sources.get(dotted, provenance.DEFAULT)


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
    sources: dict[str, Message] = {}
    for layer in layers:
        _merge(merged, layer.values, provenance.of(layer.origin), sources, "")
    try:
        config = RunConfig.model_validate(merged)
    except ValidationError as error:
        raise config_error(_one_per_field(_issue(item) for item in error.errors())) from None
    return Resolved(config, sources)


def config_error(issues: Sequence[Issue]) -> ConfigError:
    """One error for all ``issues``."""
    lines = [issue.line for issue in issues]
    return ConfigError("config.unusable", issues=tuple(issues), lines=lines, count=len(lines))


def load_preset(preset_id: str) -> Preset:
    """A shipped preset by its file name. Raises ConfigError naming those there are."""
    path = paths.presets_dir() / f"{preset_id}.toml"
    if not path.is_file():
        raise ConfigError("config.no-such-preset", preset=preset_id, known=preset_ids())
    values = tomllib.loads(path.read_text("utf-8"))
    about, code = values.pop("preset", {}), f"presets.{preset_id}"
    title = described(code, about.get("title", preset_id))
    return Preset(preset_id, title, described(code, about.get("description", ""), "description"), values)


def preset_ids() -> list[str]:
    return sorted(path.stem for path in paths.presets_dir().glob("*.toml"))


def set_dotted(values: dict[str, Any], dotted: str, value: Any) -> None:
    """Put ``value`` at ``a.b.c``; ``data.0.path`` reaches into the list of sources.

    Raises ConfigError where there can be no such place.
    """
    *parents, last = dotted.split(".")
    here: Any = values
    for key in parents:
        if isinstance(here, list):
            index = _source_index(key, dotted)
            while len(here) <= index:
                here.append({})
            here = here[index]
        elif isinstance(here, dict):
            here = here.setdefault(key, [] if key == "data" else {})
    if not isinstance(here, dict):
        raise ConfigError("config.no-such-place", field=dotted)
    here[last] = value


def _source_index(key: str, dotted: str) -> int:
    if not key.isdecimal() or int(key) >= 1000:
        raise ConfigError("config.no-such-source", field=dotted)
    return int(key)


def overrides(assignments: Iterable[str]) -> dict[str, Any]:
    """The values of ``--set a.b=c`` texts, for a Layer. Sources stay apart by number, so that one field of one
    source can be replaced: ``{"data": {0: {"path": …}}}``. Raises ConfigError for one that makes no sense.
    """
    values: dict[str, Any] = {}
    for text in assignments:
        dotted, value = parse_assignment(text)
        section, _, rest = dotted.partition(".")
        index, _, field_name = rest.partition(".")
        if section == "data" and field_name:
            source = values.setdefault("data", {}).setdefault(_source_index(index, dotted), {})
            set_dotted(source, field_name, value)
        else:
            set_dotted(values, dotted, value)
    return values


def parse_assignment(text: str) -> tuple[str, Any]:
    """``train.batch_size=8`` as (dotted, value); the value is read as TOML, else (also a date) taken as text."""
    dotted, found, raw = text.partition("=")
    if not found or not re.fullmatch(r"[A-Za-z_]\w*(\.\w+)+", dotted.strip()):
        raise ConfigError("config.bad-setting", given=text)
    try:
        value = tomllib.loads(f"value = {raw}")["value"]
    except tomllib.TOMLDecodeError:
        value = raw
    return dotted.strip(), raw.strip() if isinstance(value, (date, time)) or "\n" in raw else value


def _merge(
    into: dict[str, Any], values: Mapping[str, Any], origin: Message, sources: dict[str, Message], prefix: str
) -> None:
    for key, value in values.items():
        dotted = f"{prefix}{key}"
        if key == "data" and not prefix and isinstance(value, Mapping) and all(isinstance(k, int) for k in value):
            sources_so_far = into.setdefault(key, [])
            for index, item in value.items():
                sources_so_far.extend({} for _ in range(index + 1 - len(sources_so_far)))
                if isinstance(sources_so_far[index], dict):
                    _merge(sources_so_far[index], item, origin, sources, f"data.{index}.")
        elif isinstance(value, Mapping) and key != "columns":
            here = into.setdefault(key, {})
            if not isinstance(here, dict):
                here = into[key] = {}
            _merge(here, value, origin, sources, f"{dotted}.")
        elif key == "data" and not prefix and isinstance(value, list):
            into[key] = [dict(item) if isinstance(item, Mapping) else item for item in value]
            for gone in [dotted for dotted in sources if dotted.startswith("data.")]:
                del sources[gone]
            for index, item in enumerate(value):
                for sub in item if isinstance(item, Mapping) else ():
                    sources[f"data.{index}.{sub}"] = origin
        else:
            into[key] = value
            sources[dotted] = origin


def _issue(error: Any) -> Issue:
    return Issue("error", _field_of(error["loc"]), _what(error))


def _what(error: Any) -> Message:
    """What pydantic found, in our words."""
    kind, given, loc = error["type"], error.get("input"), error["loc"]
    if kind == "extra_forbidden" and (gone := GONE.get(_field_of(loc))):
        return Message(gone)
    if kind == "extra_forbidden":
        nearest = _nearest(loc)
        return Message("config.misspelt-key", nearest=nearest) if nearest else Message("config.unknown-key")
    if loc == ("data",) and kind in ("missing", "list_type", "too_short"):
        return Message("config.no-source")
    if kind == "missing":
        return Message("config.required")
    if kind in ("model_type", "model_attributes_type"):
        return Message("config.no-section", header="[[data]]" if loc[0] == "data" else f"[{loc[0]}]")
    if kind == "two_numbers":
        return Message("config.two-numbers", given=str(given)[:40], what=error["ctx"]["what"])
    if kind == "literal_error" and isinstance(given, str) and len(names := _expected(kind, error)) > _MANY_NAMES:
        known = [str(name).strip("'") for name in names]
        close = difflib.get_close_matches(given.lower(), known, n=1, cutoff=0.5)
        return (
            Message("config.misspelt-name", given=given[:60], nearest=close[0])
            if close
            else Message("config.unknown-name", given=given[:60], known=known)
        )
    shown = repr(given) if isinstance(given, (str, int, float)) else type(given).__name__
    shown = shown.lower() if isinstance(given, bool) else shown
    return Message("config.wrong-value", expected=_expected(kind, error), given=shown[:60])


def _expected(kind: str, error: Any) -> list[str | Message]:
    """What a field takes, by pydantic's name for what is wrong; each may be the one that was meant."""
    if kind == "literal_error":
        return re.findall(r"'[^']*'", error["ctx"]["expected"])
    if kind in ("bool_type", "bool_parsing"):
        return ["true", "false"]
    if kind in _EXPECTED:
        bounds = [value for value in error.get("ctx", {}).values() if isinstance(value, (int, float))]
        return [Message(_EXPECTED[kind], **({"bound": bounds[0]} if bounds else {}))]
    return [Message.literal(error["msg"])]


_MANY_NAMES = 8
"""With more names than these to choose from, the one that was probably meant says more than all."""
GONE = {
    "adapter.method": "config.gone-method",
    "launch.nodes": "config.gone-nodes",
}
"""Fields that earlier versions had and nothing ever read, and what is said of each."""
_EXPECTED = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "config.a-whole-number"),
    **dict.fromkeys(("float_type", "float_parsing"), "config.a-number"),
    "finite_number": "config.a-finite-number",
    "string_type": "config.a-text", "list_type": "config.a-list", "dict_type": "config.a-table",
    "greater_than": "config.greater", "greater_than_equal": "config.at-least",
    "less_than": "config.less", "less_than_equal": "config.at-most",
    "string_too_short": "config.text-at-least", "string_too_long": "config.text-at-most",
}  # fmt: skip


def _field_of(loc: tuple[int | str, ...]) -> str:
    """``train.batch_size``, ``data.0.path`` or ``eval.metrics.0`` without the kinds that a field may be of."""
    depth = 3 if loc[0] == "data" else 2
    kept = [part for at, part in enumerate(loc) if at < depth or isinstance(part, int) or "columns" in loc[:at]]
    return ".".join(str(part) for part in kept)


_OF_NAMES = ("config.misspelt-name", "config.unknown-name")


def _one_per_field(issues: Iterable[Issue]) -> list[Issue]:
    """A field that may be several things fails once for each; people need one line."""
    found = list(issues)
    by_field: dict[str, Issue] = {}
    for issue in found:
        inside = f"{issue.field}."
        if issue.what.args.get("given") == "list" and any(other.field.startswith(inside) for other in found):
            continue  # a list is right: what is in it is not
        first = by_field.setdefault(issue.field, issue)
        if first is not issue and first.what.code == issue.what.code == "config.wrong-value":
            expected = dict.fromkeys((*first.what.args["expected"], *issue.what.args["expected"]))
            by_field[issue.field] = Issue(first.level, first.field, first.what.with_args(expected=tuple(expected)))
        elif first.what.code == "config.wrong-value" and issue.what.code in _OF_NAMES:
            what = issue.what
            if "known" in what.args:  # a word or one of many names: both are said
                words = (str(each).strip("'") for each in first.what.args["expected"])
                what = what.with_args(known=(*words, *what.args["known"]))
            by_field[issue.field] = Issue(first.level, first.field, what)
    return list(by_field.values())


def _nearest(loc: tuple[int | str, ...]) -> str:
    """The field that another program calls so, the same name elsewhere, or the name most like the unknown one."""
    *parents, wrong = [str(part) for part in loc]
    section = ".".join(p for p in parents if not p.isdigit())
    known = synonyms.ours(wrong)
    if known:
        return known.removeprefix(f"{section}.") if section else known
    elsewhere = [f"{other}.{wrong}" for other in known_fields("") if wrong in known_fields(other)]
    if elsewhere:
        return elsewhere[0]
    own = known_fields(section)
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


def description(dotted: str) -> str:
    """What ``train.batch_size`` or ``data.0.path`` means, in the language of the process."""
    section, *_, name = dotted.split(".")
    model = section_model(section)
    english = model.model_fields[name].description or "" if model else ""
    return described(f"fields.{section}-{name}".replace("_", "-"), english)


def section_model(section: str) -> type[BaseModel] | None:
    """The pydantic model behind a section's name; ``data`` gives that of one source."""
    info = RunConfig.model_fields.get(section)
    if info is None:
        return None
    annotation: Any = info.annotation
    if section == "data":
        annotation = annotation.__args__[0]
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
