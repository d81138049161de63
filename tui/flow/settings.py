"""Step 5, settings: the presets, the fields that matter most, all fields, and what is wrong with their values."""

from __future__ import annotations

from typing import Any

from engine.common.errors import ConfigError
from engine.config import presets, rules
from engine.config.provenance import DEFAULT
from engine.config.rules import Issue
from engine.messages.catalogue import text
from engine.messages.message import Message
from tui.draft import fields
from tui.draft.draft import Draft, preset_of, task_of
from tui.draft.strategy_state import follow_preset

SECTIONS = ("run", "train", "adapter", "dataset", "model", "eval", "checkpoint", "sample", "launch", "notify")
ELSEWHERE = ("model.name_or_path", "model.allow_pickle")  # asked by the step that shows what they lead to
WEIGHTS = "model.quantization"
SEEDS = "seeds"
"""The field that is none of the config: how many runs of it are started."""
COMMON = (
    "train.num_train_epochs",
    "train.learning_rate",
    "train.batch_size",
    "dataset.max_length",
    "adapter.r",
    WEIGHTS,
)


def all_fields(draft: Draft) -> list[str]:
    """The dotted names of every field there is to set at this step."""
    names = [spec.dotted for section in SECTIONS for spec in fields.section_specs(section, ELSEWHERE)]
    return names + [f"data.{index}.max_rows" for index, _ in enumerate(draft.data_sources())]


def choose_preset(draft: Draft, preset_id: str) -> None:
    """Answer the preset; the rate of an adapter that is continued stays a third of its."""
    draft.apply_preset(preset_id)
    follow_preset(draft)


def findings(draft: Draft) -> list[Issue]:
    """What is wrong with the settings, by themselves and together."""
    found = [issue for issue in draft.issues() if issue.field.split(".")[0] in (*SECTIONS, "data")]
    if not found:
        try:
            found = rules.errors(rules.check(draft.resolve().config))
        except ConfigError:
            return []
    return found


def wrong_seeds() -> Issue:
    from engine.app.groups import MOST_SEEDS

    return Issue("error", SEEDS, Message("settings.seeds-wrong", most=MOST_SEEDS))


def seeds_of(typed: str) -> int | None:
    """How many runs are wanted; None for what is no such number."""
    from engine.app.groups import MOST_SEEDS

    typed = typed.strip() or "1"
    return int(typed) if typed.isdecimal() and 1 <= int(typed) <= MOST_SEEDS else None


def in_force(draft: Draft) -> list[str]:
    """The few values people ask for first."""
    length, steps = draft.get("dataset.max_length"), draft.get("train.max_steps")
    values = [
        text("settings.steps", steps=steps)
        if isinstance(steps, int) and steps
        else text("settings.epochs", epochs=draft.get("train.num_train_epochs")),
        text("settings.batch", size=fields.show(draft.get("train.batch_size"))),
        text("settings.rate", rate=fields.show(draft.get("train.learning_rate"))),
        text("settings.rank", rank=fields.show(draft.get("adapter.r"))),
    ]
    return values + ([text("settings.length", tokens=length)] if isinstance(length, int) else [])


def also_set(draft: Draft) -> list[tuple[str, Any]]:
    """What is set beside the common fields, by the preset or by hand: each field with its value."""
    names = [name for name in all_fields(draft) if name not in COMMON and draft.source(name) != DEFAULT]
    return [(name, draft.get(name)) for name in names]


def training_presets(draft: Draft) -> list[presets.Preset]:
    """The presets to choose from, the one in force first, then the task's own.

    Those that bring a model or data are whole demos: offered only when the draft began with one.
    """
    loaded = [presets.load_preset(preset_id) for preset_id in presets.preset_ids()]
    fitting = [preset for preset in loaded if preset.id == draft.preset or not _is_demo(preset)]
    own = preset_of(task_of(draft))
    return sorted(fitting, key=lambda preset: (preset.id != draft.preset, preset.id != own, preset.id))


def _is_demo(preset: presets.Preset) -> bool:
    return bool(preset.values.get("data")) or "name_or_path" in preset.values.get("model", {})
