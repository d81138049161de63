"""The wizard's unfinished answers: values by dotted name, where each came from, kept on disk at every commit."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.common import paths
from engine.common.errors import ConfigError, MachineError, reason_of
from engine.common.files import write_atomic
from engine.config import presets, provenance
from engine.config.presets import Resolved
from engine.config.provenance import DEFAULT, DETECTED, YOU
from engine.config.rules import Issue
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.runs.directory import DUPLICATED_FROM

FIRST_STEP = "task"
TASK_PRESETS = {"instructions": "first-steps", "text": "continued-pretraining"}
"""Each task and the preset it begins with."""
_MAPS = ("columns", "tags", "labels")
# What is trained and on what: another preset, which says how, leaves these alone.
_NOT_HOW = ("data.", "run.", "model.name_or_path", "model.revision", "strategy.")


@dataclass
class Draft:
    """What has been answered so far. Values may be wrong until a step's Next has checked them.

    ``values`` and ``sources`` have the same keys, such as ``train.batch_size`` or ``data.0.path``; a value of
    None means "deliberately empty". A field that is in neither stands at its default. ``seeds`` is how many runs are
    started, each with a seed of its own. ``duplicated_from`` is the id of the run that the answers were copied from.
    ``notes`` is what is to be said of answers that came with it; it is not kept.
    """

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, Message] = field(default_factory=dict)
    task: str = ""
    preset: str = ""
    step: str = FIRST_STEP
    seeds: int = 1
    duplicated_from: str = ""
    notes: tuple[Message, ...] = ()

    def get(self, dotted: str) -> Any:
        """The value in force: the answered one, else the default of the schema."""
        return self.values[dotted] if dotted in self.values else default_of(dotted)

    def source(self, dotted: str) -> Message:
        return self.sources.get(dotted, DEFAULT)

    def set(self, dotted: str, value: Any, source: Message = YOU) -> None:
        """Answer one field. Passing an unchanged value along changes nothing, so its source stays true."""
        before = self.get(dotted)
        if before == value and isinstance(before, bool) == isinstance(value, bool):
            return
        self.values[dotted] = value
        self.sources[dotted] = source

    def unset(self, dotted: str) -> None:
        """Back to the default."""
        self.values.pop(dotted, None)
        self.sources.pop(dotted, None)

    def reset(self, dotted: str) -> None:
        """Back to what the preset says, else to the default."""
        self.unset(dotted)
        if dotted in (said := self._preset_values()):
            self.values[dotted], self.sources[dotted] = said[dotted], provenance.preset(self.preset)

    def unanswered(self, dotted: str) -> Any:
        """What the field is when nobody answers it: the preset's value, else the default."""
        return self._preset_values().get(dotted, default_of(dotted))

    def _preset_values(self) -> dict[str, Any]:
        is_known = self.preset in presets.preset_ids()
        return dict(flatten(presets.load_preset(self.preset).values)) if is_known else {}

    def apply_preset(self, preset_id: str) -> None:
        """Put a preset's values in place of the last preset's; what a person set or a file showed stays.

        Raises ConfigError when there is no such preset.
        """
        preset = presets.load_preset(preset_id)
        if preset_id == self.preset:
            return
        for dotted in [name for name, source in self.sources.items() if source.code == "source.preset"]:
            if not dotted.startswith(_NOT_HOW):
                self.unset(dotted)
        for dotted, value in flatten(preset.values):
            if dotted not in self.values and not dotted.startswith(_NOT_HOW):
                self.values[dotted] = value
                self.sources[dotted] = provenance.preset(preset_id)
        self.preset = preset_id

    @property
    def is_begun(self) -> bool:
        """Whether more was answered than opening the wizard and leaving it does."""
        return (
            self.step != FIRST_STEP
            or YOU in self.sources.values()
            or any(name.startswith(("model.name_or_path", "data.")) for name in self.values)
        )

    def data_sources(self) -> list[dict[str, Any]]:
        """The data sources in order, each with the fields answered so far."""
        data = self.nested().get("data", [])
        return [dict(item) for item in data] if isinstance(data, list) else []

    def set_data(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Replace all sources, keeping the origin of every value that did not change."""
        known = {
            (str(self.values.get(f"data.{name.split('.')[1]}.path")), name.split(".", 2)[2], repr(value)): source
            for name, value in self.values.items()
            if name.startswith("data.") and (source := self.sources.get(name))
        }
        for dotted in [name for name in self.values if name.startswith("data.")]:
            self.unset(dotted)
        for index, item in enumerate(items):
            for name, value in item.items():
                dotted = f"data.{index}.{name}"
                self.values[dotted] = value
                self.sources[dotted] = known.get((str(item.get("path")), name, repr(value)), YOU)

    def nested(self) -> dict[str, Any]:
        """The values as a config file would hold them; deliberately empty ones are left out."""
        into: dict[str, Any] = {}
        for dotted in sorted(self.values):
            value = self.values[dotted]
            if value is not None:
                presets.set_dotted(into, dotted, value)
        return into

    def rows_key(self) -> str:
        """The same for drafts whose rows come out the same: same files, split, lengths and tokenizer."""
        prefixes = ("data.", "dataset.", "model.", "run.seed", "run.split_seed")
        answered = [item for item in self.values.items() if item[0].startswith(prefixes)]
        # What a file showed follows from the file, and comes a moment after its name.
        found = {name for name, _ in answered if name.startswith("data.") and self.source(name) == DETECTED}
        return repr(sorted((name, value) for name, value in answered if name not in found))

    def values_key(self) -> str:
        """The same for drafts with the same answers."""
        return repr(sorted(self.values.items(), key=lambda item: item[0]))

    def resolve(self) -> Resolved:
        """The config these answers make. Raises ConfigError with every finding."""
        resolved = presets.resolve([presets.Layer(YOU, self.nested())])
        return Resolved(resolved.config, {name: self.sources.get(name, YOU) for name in resolved.sources})

    def issues(self) -> list[Issue]:
        """What is wrong with the values, field by field; [] when the draft is a valid config."""
        try:
            self.resolve()
        except ConfigError as error:
            return [issue for issue in error.issues if isinstance(issue, Issue)]
        return []

    @classmethod
    def from_resolved(cls, resolved: Resolved) -> Draft:
        """A draft filled in from a finished config, origins included."""
        draft = cls()
        for dotted, value in flatten(resolved.config.model_dump(exclude_unset=True)):
            source = resolved.source(dotted)
            if source != DEFAULT:
                draft.values[dotted] = value
                draft.sources[dotted] = source
        ids = [str(source.args["name"]) for source in resolved.sources.values() if source.code == "source.preset"]
        draft.preset = max(set(ids), key=ids.count) if ids else ""
        return draft


def task_of(draft: Draft) -> str:
    """The draft's task: the one chosen, else what its settings show, else instructions."""
    if draft.task:
        return draft.task
    by_preset = {preset: task for task, preset in TASK_PRESETS.items()}
    if draft.preset in by_preset:
        return by_preset[draft.preset]
    return "text" if draft.get("dataset.train_on") == "all" else "instructions"


def preset_of(task: str) -> str:
    return TASK_PRESETS[task]


def default_of(dotted: str) -> Any:
    """The schema's default of ``section.field`` or ``data.N.field``; None where a field has none."""
    section, *rest = dotted.split(".")
    model = presets.section_model(section)
    info = model.model_fields.get(rest[-1]) if model and rest else None
    if info is None or info.is_required():
        return None
    return info.get_default(call_default_factory=True)


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested values as (dotted name, value); a source's maps (columns, tags, labels) are one value each."""
    for key, value in values.items():
        dotted = f"{prefix}{key}"
        if isinstance(value, Mapping) and key not in _MAPS:
            yield from flatten(value, f"{dotted}.")
        elif dotted == "data" and isinstance(value, list):
            for index, item in enumerate(value):
                yield from flatten(item, f"data.{index}.")
        else:
            yield dotted, value


def save(draft: Draft, path: Path | None = None) -> None:
    """Keep ``draft`` on disk, readable by its owner only. Raises MachineError when that can't be done."""
    import tomlkit

    path = path or paths.draft_file()
    document = tomlkit.document()
    document.add(tomlkit.comment(text("draft.kept")))
    about = {
        "task": draft.task, "preset": draft.preset, "step": draft.step, "seeds": draft.seeds,
        DUPLICATED_FROM: draft.duplicated_from,
    }  # fmt: skip
    document.add("draft", tomlkit.item(about))
    document.add("empty", tomlkit.item([name for name, value in draft.values.items() if value is None]))
    kept = {name: value for name, value in draft.values.items() if value is not None}
    document.add("values", tomlkit.item(kept))
    document.add("sources", tomlkit.item({name: provenance.written(source) for name, source in draft.sources.items()}))
    try:
        paths.private_dir(path.parent)
        write_atomic(path, tomlkit.dumps(document))
    except OSError as error:
        raise MachineError("draft.not-saved", path=path, reason=reason_of(error)) from error


def load(path: Path | None = None) -> Draft | None:
    """The draft kept on disk, None when there is none or it can't be understood."""
    try:
        record = tomllib.loads((path or paths.draft_file()).read_text("utf-8"))
        about, values, sources = record["draft"], dict(record["values"]), record["sources"]
        values |= {str(name): None for name in record.get("empty", [])}
        draft = Draft(values, {name: provenance.read(sources.get(name, YOU.code)) for name in values})
        draft.task, draft.preset, draft.step = str(about["task"]), str(about["preset"]), str(about["step"])
        draft.seeds = max(1, int(about.get("seeds", 1)))
        draft.duplicated_from = str(about.get(DUPLICATED_FROM, ""))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return draft if draft.values or draft.task else None


def discard(path: Path | None = None) -> None:
    """Remove the kept draft: its run was started."""
    (path or paths.draft_file()).unlink(missing_ok=True)


def newest(path: Path | None = None) -> Draft | None:
    """The kept draft; where there is none the one that was set aside last takes its place."""
    path = path or paths.draft_file()
    earlier = [] if path.exists() else set_aside(path)
    if earlier:
        earlier[0].rename(path)
    return load(path)


def set_aside(path: Path | None = None) -> list[Path]:
    """The drafts that others took the place of, newest first."""
    path = path or paths.draft_file()
    return sorted(path.parent.glob(f"{path.stem}-*{path.suffix}"), key=lambda each: each.name, reverse=True)


def put_aside(path: Path | None = None) -> None:
    """Keep the draft beside the one that begins now; it is offered again. One nobody can read is left where it is."""
    path = path or paths.draft_file()
    if load(path) is not None:
        path.rename(path.with_name(f"{path.stem}-{time.time_ns()}{path.suffix}"))


def take_up(earlier: Path, path: Path | None = None) -> None:
    """Make a draft that was set aside the kept one again; the kept one is set aside."""
    path = path or paths.draft_file()
    put_aside(path)
    earlier.rename(path)
