"""Step 3, strategy: go on from an old adapter, make it part of the model, or start afresh."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from engine.config.rules import Issue
from engine.messages.catalogue import text
from tui import messages
from tui.draft import relation, strategy_state
from tui.flow import strategy
from tui.flow.answers import message_of
from tui.flow.strategy import TRUST
from tui.flow.ways import Way, ways
from tui.widgets.choosers import Card, Cards, Pick, PickList
from tui.widgets.form import FormField
from tui.wizard.pairs import pairs
from tui.wizard.step import Step, make_field
from tui.wizard.strategy.adapter_pick import AdapterPick
from tui.wizard.strategy.relation_panel import RelationPanel
from tui.world import world_of

if TYPE_CHECKING:
    from engine.app.old_adapter import OldAdapter
    from tui.draft.draft import Draft

TALL = 34
"""Lines of a terminal from which the strategies stand side by side as cards, not below each other as a list."""
_LABEL_WIDTH = 7


class StrategyStep(Step):
    NAME = "strategy"
    FILTERS = "#adapter-list"

    def body(self) -> ComposeResult:
        self._kind = str(self.draft.get("strategy.kind"))
        self._touched = False
        self._go_on = False
        self._goes_to_ways = False
        self._ways: list[Way] = []
        yield AdapterPick(self.draft, self.facts, self.services)
        trust = make_field(TRUST, self.draft, label=text("strategy.trust-base"), about=True)
        trust.display = False
        yield trust
        yield Cards([Card("fresh", "fresh", "")], unicode=world_of(self).terminal.unicode, id="strategy-cards")
        yield PickList(title_width=18, id="strategy-list")
        yield RelationPanel(id="relation")
        yield Static(id="strategy-about")

    def on_mount(self) -> None:
        self._show()

    def focus_first(self) -> None:
        if self._pick.wanted and self._choosers.display:
            self._choosers.focus()
        else:
            self._goes_to_ways = bool(self._pick.wanted)
            self._pick.focus_first()

    @property
    def _pick(self) -> AdapterPick:
        return self.query_one(AdapterPick)

    @property
    def _trust(self) -> FormField:
        return next(form for form in self.query(FormField) if form.key == TRUST)

    @property
    def _choosers(self) -> Cards | PickList:
        """The strategies as they are shown in a window of this size."""
        if self.app.size.height >= TALL:
            return self.query_one("#strategy-cards", Cards)
        return self.query_one("#strategy-list", PickList)

    @property
    def old(self) -> OldAdapter | None:
        """The adapter in force; None for none, or while it is still being read."""
        return self._pick.old

    # The adapter

    @on(AdapterPick.Looked)
    def _looked(self) -> None:
        if not self._pick.wanted:
            self._kind = "fresh"
        elif self.old is not None and self._kind == "fresh" and not self._touched:
            self._kind = strategy.preferred(self.draft, self.facts, self.old, self._pick.wanted)
        self._trust.display = bool(self.old and self.old.needs_trust)
        self._show()
        self.post_message(self.Touched())
        if self._goes_to_ways and self._choosers.display:
            self._goes_to_ways = False
            self._choosers.focus()
        if self._go_on and not self._pick.is_looking:
            self._go_on = False
            self.done()

    @on(AdapterPick.Accepted)
    def _accepted(self) -> None:
        if not self._pick.wanted:
            self.done()
        elif self._choosers.display:
            self._choosers.focus()

    # The strategies

    @on(Cards.Moved)
    def _card_moved(self, event: Cards.Moved) -> None:
        self._move(event.card.id)

    @on(PickList.Moved, "#strategy-list")
    def _line_moved(self, event: PickList.Moved) -> None:
        self._move(event.pick.id)

    def _move(self, kind: str) -> None:
        self._kind, self._touched = kind, True
        self._show()
        self.post_message(self.Touched())

    @on(Cards.Chosen)
    @on(PickList.Chosen, "#strategy-list")
    def _chosen(self) -> None:
        self.done()

    @on(FormField.Changed)
    def _trusted(self, event: FormField.Changed) -> None:
        if event.field.key == TRUST:
            self.write_fields()
            self._show()

    def _show(self) -> None:
        """The strategies as they are possible now, and the one under the cursor in words."""
        cards, listed = self.query_one("#strategy-cards", Cards), self.query_one("#strategy-list", PickList)
        offered = bool(self._pick.wanted) and not (self._pick.is_looking and self.old is None)
        cards.display = offered and self._choosers is cards
        listed.display = offered and self._choosers is listed
        about = self.query_one("#strategy-about", Static)
        if not offered:
            self._ways = []
            about.update("")
            return
        self._ways = ways(self.draft, self.facts, self.old, self._measured(), self._free())
        cards.set_cards([Card(way.id, way.title, way.brief, not way.refused) for way in self._ways], self._kind)
        picks = [Pick(way.id, way.title, way.note, not way.refused) for way in self._ways]
        listed.set_picks(picks, chosen=self._kind)
        listed.choose(self._kind)
        width = about.content_size.width or self.size.width or 60
        about.update(Content("\n").join(self._told(width)))
        self.screen.refresh_bindings()

    def _told(self, width: int) -> list[Content]:
        """The way under the cursor in words; in a huge window the others too, each below its name."""
        here = next(way for way in self._ways if way.id == self._kind)
        if not self.screen.has_class("-huge"):
            return pairs(here.details, _LABEL_WIDTH, width)
        lines: list[Content] = []
        for way in self._ways:
            lines += [Content("")] * bool(lines)
            lines.append(Content.styled(f"  {way.title}", "bold $accent" if way is here else "bold"))
            lines += pairs(way.details, _LABEL_WIDTH, width)
        return lines

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._show)

    def weighed(self) -> None:
        if self._pick.mind_base():
            self._goes_to_ways = bool(self._pick.wanted)
            self._show()
        if self._ways:
            self._show()

    def _free(self) -> int:
        return self.services.free_bytes(Path(world_of(self).root))

    # Going on

    def _variant(self, kind: str) -> Draft:
        """The draft with ``kind`` and the adapter in force."""
        return strategy.variant(super().typed(), kind, self.old)

    def typed(self) -> Draft:
        return self._variant(self._kind) if not self._pick.is_looking else super().typed()

    def hold(self) -> bool:
        self._pick.take_typed()
        if self._pick.is_looking:
            self._go_on = True
        return self._pick.is_looking

    def commit(self) -> None:
        if self._pick.is_looking:
            return
        self.write_fields()
        strategy_state.choose(self.draft, self._kind if self._pick.wanted else "fresh", self.old)

    def findings(self) -> list[Issue]:
        return strategy.findings(next((way for way in self._ways if way.id == self._kind), None))

    async def show_trouble(self, finding: Issue) -> None:
        self.query_one("#strategy-about", Static).update(Content(f"! {message_of(finding)}"))
        if self._choosers.display:
            self._choosers.focus()

    # The relation of old and new rows

    def can(self, action: str) -> bool | None:
        if action not in ("cancel", "compare", "replay", "inspect"):
            return super().can(action)  # it is asked of every key: the widgets are looked for only where they decide
        panels, picks = self.query(RelationPanel), self.query(AdapterPick)
        is_read = any(pick.old and pick.old.card for pick in picks)
        if action == "cancel":
            return any(pick.is_looking for pick in picks) or any(panel.busy for panel in panels)
        if action == "compare":
            able = is_read and not any(panel.busy for panel in panels)
            return able and (relation.can_ask(self._variant(self._kind)) or None)
        if action == "replay":
            return any(pick.old and pick.old.replay and pick.old.replay.sources for pick in picks)
        return is_read

    def replay(self) -> None:
        """Mix the rows of the old adapter in, or take them out again."""
        self.commit()
        if self.old is not None and self.old.replay is not None:
            strategy_state.toggle_replay(self.draft, self.old.replay)
            self._touched = True
            self._show()
            self.post_message(self.Touched())

    def cancel(self) -> None:
        self._pick.cancel()
        self.query_one(RelationPanel).stop()

    def _measured(self) -> relation.Measured | None:
        return self.facts.measured_of(self._variant(self._kind))

    def compare(self) -> None:
        """Measure how the new rows relate to the old ones; once measured, show all figures."""
        self.query_one(RelationPanel).ask(self.services.relation_command, self._variant(self._kind), self.facts)

    def inspect(self) -> None:
        """Everything about the adapter, over the step."""
        named = str(self.draft.get("model.name_or_path") or "")
        pickles = self.draft.get("model.allow_pickle") is True
        self.post_message(messages.AdapterAsked(self._pick.wanted, self.facts.card, named, pickles))

    @on(RelationPanel.Ended)
    def _compared(self, event: RelationPanel.Ended) -> None:
        if event.measured is not None:
            self.facts.measured = event.measured
            self._kind = event.measured.advice.strategy if not self._touched else self._kind
        self._show()
