"""Step 5, settings, in three depths: a preset, the fields that matter most, and every field there is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from engine.config.rules import Issue
from engine.messages.catalogue import text
from tui.draft import fields
from tui.draft.draft import flatten
from tui.draft.strategy_state import is_locked
from tui.flow import settings
from tui.flow.answers import hint_of
from tui.flow.costs import Costs, about_quantization, beside
from tui.flow.settings import COMMON, SEEDS, WEIGHTS, in_force, seeds_of, training_presets
from tui.widgets.choosers import Pick, PickList
from tui.widgets.form import FormField
from tui.widgets.line import Prose, wrap
from tui.wizard.pairs import INDENT, pairs
from tui.wizard.settings.all_fields import AllFields
from tui.wizard.step import Step, make_field

NAMES = 30
"""Cells for the name of a field beside what a preset makes it."""
DEPTHS = ("settings.depth-preset", "settings.depth-common", "settings.depth-all")


class SettingsStep(Step):
    NAME = "settings"

    def body(self) -> ComposeResult:
        depth = self.facts.depth
        self._costs = Costs()
        self._told: dict[str, str] = {}
        if depth == 0:
            yield from self._preset_form()
        elif depth == 1:
            for dotted in COMMON:
                form = make_field(dotted, self.draft, about=dotted != WEIGHTS)
                form.set_class(dotted != WEIGHTS, "common")  # what auto chose stands right below the other one
                yield form
            yield Prose(classes="explain", id="quantization-about")
            yield Static(id="also-set", classes="example", markup=False)
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
            title_width=22,
            id="preset-list",
        )
        yield Prose(classes="explain", id="preset-about")
        weights = make_field(WEIGHTS, self.draft, label=text("settings.precision"))
        weights.add_class("long-label")
        yield weights
        yield Prose(classes="explain", id="quantization-about")
        yield Prose(id="in-force", classes="explain")
        yield Static(id="preset-values", classes="example", markup=False)

    def on_mount(self) -> None:
        self._explain()

    def focus_first(self) -> None:
        lists = self.query(PickList)
        (lists.first() if lists else self.query(FormField).first().control).focus()

    def known(self) -> set[str]:
        """The table checks its own fields."""
        return set() if self._table else super().known()

    def can(self, action: str) -> bool | None:
        if action == "reset":
            return bool(self._table and self._table.can_reset())
        return action == "depth" or (action == "filter" and self._table is not None)

    async def filter(self) -> None:
        if self._table:
            self._table.filter()

    def reset(self) -> None:
        if self._table:
            self._table.reset()

    async def depth(self) -> None:
        await self.next_depth()

    async def next_depth(self, depth: int | None = None) -> None:
        """Show the next depth (or the one given), with everything typed so far."""
        self.commit()
        self.facts.depth = (self.facts.depth + 1) % len(DEPTHS) if depth is None else depth
        await self.recompose()
        self._explain()
        self.focus_first()

    async def edit(self, dotted: str) -> None:
        """Open the field called ``dotted`` in the table of all fields."""
        if self._table is not None:
            self._table.query_one(PickList).choose(dotted)
            await self._table.edit(dotted)

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
        self.draft.seeds = seeds_of(self._seeds.text) or self.draft.seeds

    def findings(self) -> list[Issue]:
        if seeds_of(self._seeds.text) is None:
            return [settings.wrong_seeds()]
        return settings.findings(self.draft)

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
        settings.choose_preset(self.draft, event.pick.id)
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
            self._tell_values("#also-set", text("settings.also-set"), settings.also_set(self.draft))
            return
        pick = self.query_one(PickList).current
        preset = next((item for item in training_presets(self.draft) if pick and item.id == pick.id), None)
        self._tell("#preset-about", preset.description if preset else "")
        self._tell("#in-force", text("settings.in-force", values=in_force(self.draft)))
        if preset is not None:
            self._tell_values("#preset-values", text("settings.preset-sets"), flatten(preset.values))

    def _tell_values(self, selector: str, head: str, values: Iterable[tuple[str, Any]]) -> None:
        """Fields and their values below ``head``; in a huge window with what each is."""
        rows = [(name, fields.show(value)) for name, value in values]
        explains = self.screen.has_class("-huge")
        if self._told.get(selector) == (told := repr((rows, self.size.width, explains))):
            return
        self._told[selector] = told
        lines = [Content.styled(f"  {head}", "bold")] if rows else []
        for row in rows:
            shown = pairs([row], NAMES, self.size.width)
            lines += [line.stylize_before("$foreground") for line in shown] if explains else shown
            if explains:
                about = wrap(fields.spec_of(row[0]).description, self.size.width - 2 * INDENT)
                lines += [Content(f"{'':{2 * INDENT}}{line}") for line in about]
        self.query_one(selector, Static).update(Content("\n").join(lines))

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._explain)

    def _tell(self, selector: str, said: str) -> None:
        for place in self.query(selector).results(Prose):
            place.say(said)

    def _tell_beside(self, form: FormField, said: str) -> None:
        if self._told.get(form.key) != said:
            self._told[form.key] = said
            form.set_hint(said)
