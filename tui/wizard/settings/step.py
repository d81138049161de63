"""Step 5, settings, in three depths: a preset, the fields that matter most, and every field there is."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from engine.common.errors import ConfigError
from engine.config import presets, rules
from engine.config.rules import Issue
from engine.messages.catalogue import text
from engine.messages.message import Message
from tui.draft import fields
from tui.draft.draft import Draft, preset_of, task_of
from tui.draft.strategy_state import follow_preset, is_locked
from tui.widgets.choosers import Pick, PickList
from tui.widgets.form import FormField
from tui.wizard.settings.all_fields import SECTIONS, AllFields
from tui.wizard.settings.costs import Costs, about_quantization, beside
from tui.wizard.step import Step, hint_of, make_field

DEPTHS = ("settings.depth-preset", "settings.depth-common", "settings.depth-all")
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


class SettingsStep(Step):
    NAME = "settings"
    QUESTION = "wizard.settings-question"

    def body(self) -> ComposeResult:
        depth = self.facts.depth
        self._costs = Costs()
        self._told: dict[str, str] = {}
        if depth == 0:
            yield from self._preset_form()
        elif depth == 1:
            for dotted in COMMON:
                yield make_field(dotted, self.draft, about=dotted != WEIGHTS)
            yield Static(classes="explain", id="quantization-about")
        else:
            yield AllFields(self.draft)
        yield FormField(SEEDS, text("settings.seeds"), str(self.draft.seeds), hint=text("settings.seeds-hint"))
        following = text(DEPTHS[(depth + 1) % len(DEPTHS)])
        code = "settings.depth-edit" if depth == 2 else "settings.depth"
        yield Static(Content(text(code, depth=text(DEPTHS[depth]), following=following)), classes="quiet", id="depth")

    def _preset_form(self) -> ComposeResult:
        yield PickList(
            [Pick(preset.id, preset.id, preset.title) for preset in training_presets(self.draft)],
            chosen=self.draft.preset,
            title_width=24,
            id="preset-list",
        )
        yield Static(classes="explain", id="preset-about")
        yield make_field(WEIGHTS, self.draft, label=text("settings.precision"))
        yield Static(classes="explain", id="quantization-about")
        yield Static(id="in-force", classes="explain")

    def on_mount(self) -> None:
        self._explain()

    def focus_first(self) -> None:
        lists = self.query(PickList)
        (lists.first() if lists else self.query(FormField).first().control).focus()

    def known(self) -> set[str]:
        """The table checks its own fields."""
        return set() if self._table else super().known()

    def can(self, action: str) -> bool | None:
        return action == "depth"

    async def depth(self) -> None:
        await self.next_depth()

    async def next_depth(self, depth: int | None = None) -> None:
        """Show the next depth (or the one given), with everything typed so far."""
        self.commit()
        self.facts.depth = (self.facts.depth + 1) % len(DEPTHS) if depth is None else depth
        await self.recompose()
        self._explain()
        self.focus_first()

    async def close(self) -> bool:
        return bool(self._table and await self._table.close())

    @property
    def _table(self) -> AllFields | None:
        found = self.query(AllFields)
        return found.first() if found else None

    @property
    def _seeds(self) -> FormField:
        return next(form for form in self.query(FormField) if form.key == SEEDS)

    def commit(self) -> None:
        if self._table:
            self._table.take()
        else:
            self.write_fields()
        self.draft.seeds = _seeds_of(self._seeds.text) or self.draft.seeds

    def findings(self) -> list[Issue]:
        from engine.app.groups import MOST_SEEDS

        if _seeds_of(self._seeds.text) is None:
            return [Issue("error", SEEDS, Message("settings.seeds-wrong", most=MOST_SEEDS))]
        found = [issue for issue in self.draft.issues() if issue.field.split(".")[0] in (*SECTIONS, "data")]
        if not found:
            try:
                found = rules.errors(rules.check(self.draft.resolve().config))
            except ConfigError:
                return []
        return found

    async def show_findings(self, findings: list[Issue]) -> None:
        """A finding whose field is not in sight brings the table of all fields into sight first."""
        shown = {form.key for form in self.query(FormField)}
        if any(finding.field not in shown for finding in findings) and self.facts.depth != 2:
            await self.next_depth(2)
        wrong_seeds = next((finding for finding in findings if finding.field == SEEDS), None)
        if wrong_seeds is not None:
            self._seeds.set_hint(f"! {wrong_seeds.message}")  # a small window has no line below it
            self._seeds.focus_control()
        elif self._table:
            self._table.show_findings(findings)
        else:
            await super().show_findings(findings)

    # What the choices mean

    @on(PickList.Moved)
    def _moved(self, event: PickList.Moved) -> None:
        self.write_fields()
        self.draft.apply_preset(event.pick.id)
        follow_preset(self.draft)
        event.picklist.mark(event.pick.id)
        weights = next(form for form in self.query(FormField) if form.key == WEIGHTS)
        weights.text = str(self.draft.get(weights.key))
        weights.set_hint(hint_of(fields.spec_of(weights.key), self.draft))
        self._explain()
        self.post_message(self.Touched())

    @on(PickList.Chosen)
    def _chosen(self, event: PickList.Chosen) -> None:
        self.done()

    @on(FormField.Changed)
    def _changed(self, event: FormField.Changed) -> None:
        if event.field.key == SEEDS:
            event.field.set_hint(text("settings.seeds-hint"))
        if event.field.key == WEIGHTS and not self._table:
            self.write_fields()
            self._explain()
            self.post_message(self.Touched())

    @on(AllFields.Edited)
    def _edited(self, event: AllFields.Edited) -> None:
        self.post_message(self.Touched())

    def weighed(self) -> None:
        self._explain()

    async def reread(self) -> None:
        await self.recompose()
        self._explain()
        self.focus_first()

    def _explain(self) -> None:
        """The words that depend on what is chosen, and on what it costs here."""
        costs = self._costs.of(self.facts.fit)
        if self._table:
            self._table.show_costs(self.facts.fit, costs)
            return
        for form in self.query(FormField):
            if form.key == WEIGHTS:
                self._tell("#quantization-about", about_quantization(form.text, self.facts.fit, costs))
            elif form.key in costs and not is_locked(self.draft, form.key):
                self._tell_beside(form, beside(costs[form.key]))
        if not self.query("#preset-list"):
            return
        pick = self.query_one(PickList).current
        preset = next((item for item in training_presets(self.draft) if pick and item.id == pick.id), None)
        self._tell("#preset-about", preset.description if preset else "")
        self._tell("#in-force", text("settings.in-force", values=_in_force(self.draft)))

    def _tell(self, selector: str, said: str) -> None:
        """Write ``said`` there if it is not there yet: this is called once a second."""
        found = self.query(selector).results(Static)
        if self._told.get(selector) != said:
            for place in found:
                self._told[selector] = said
                place.update(Content(said))

    def _tell_beside(self, form: FormField, said: str) -> None:
        if self._told.get(form.key) != said:
            self._told[form.key] = said
            form.set_hint(said)


def _seeds_of(typed: str) -> int | None:
    """How many runs are wanted; None for what is no such number."""
    from engine.app.groups import MOST_SEEDS

    typed = typed.strip() or "1"
    return int(typed) if typed.isdecimal() and 1 <= int(typed) <= MOST_SEEDS else None


def _in_force(draft: Draft) -> list[str]:
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
