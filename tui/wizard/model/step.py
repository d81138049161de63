"""Step 2, model: one found on this machine, the starter, or a path or hub id that is typed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from engine.common.clean_text import clean, shorten
from engine.common.errors import TunedeckError
from engine.config import toml
from engine.config.presets import Resolved
from engine.config.rules import Issue
from engine.messages.catalogue import text
from engine.messages.message import Message as Said
from engine.models.local import is_offline
from tui.draft.draft import Draft
from tui.draft.fit import config_so_far
from tui.draft.services import STARTER
from tui.flow import models
from tui.flow.answers import answer
from tui.flow.kind import KIND
from tui.flow.models import NAME_FIELD
from tui.flow.paths import absolute
from tui.flow.suggested import suggested
from tui.flow.verdicts import Verdicts
from tui.widgets.bars import fit as cells
from tui.widgets.choosers import Pick, PickList
from tui.widgets.form import FormField
from tui.widgets.line import wrap
from tui.wizard.model.card import LEAST_WIDTH, lines, ways
from tui.wizard.model.fetch_line import FetchLine
from tui.wizard.model.kind import KindPanel, KindScreen
from tui.wizard.paths import PathSuggester
from tui.wizard.step import Step, make_field

if TYPE_CHECKING:
    from engine.models.card import ModelCard

COLUMN = 18
WHOLE, TALL = 30, 40
"""Lines of a window that has room for all of the card, and for every method below it."""


class ModelStep(Step):
    NAME = "model"
    CHECKS = "wizard.test-model"
    FILTERS = "#model-list"

    class Found(Message):
        """The models on this machine are known."""

        def __init__(self, cards: list[ModelCard]) -> None:
            super().__init__()
            self.cards = cards

    def body(self) -> ComposeResult:
        self._cards: dict[str, ModelCard] = {}
        self._listed: list[tuple[str, ModelCard]] = []
        self._verdicts = Verdicts()
        self._suggested: tuple[str, Said | str] = ("", "")
        self._moved_on = False
        self._tested = ""
        self._unseen: dict[str, Mapping[str, Any]] = {}
        """What models said while another was chosen, by their folders: F5 shows it."""
        chosen = str(self.draft.get(NAME_FIELD) or "")
        yield PickList(chosen=chosen, title_width=26, id="model-list")
        yield FetchLine(self.services, id="model-status")
        yield FormField(
            NAME_FIELD,
            text("wizard-model.name"),
            suggester=PathSuggester(self._suggest, folders_only=True),
            placeholder=text("wizard-model.name-hint"),
        )
        pickle = make_field("model.allow_pickle", self.draft, label=text("wizard-model.allow-pickle"))
        pickle.display = bool(self.draft.get("model.allow_pickle"))
        yield pickle
        yield make_field(KIND, self.draft, label=text("wizard-model.kind"))
        yield KindPanel(id="kind-panel")
        yield Static(id="model-card")

    def on_mount(self) -> None:
        self._find()

    def focus_first(self) -> None:
        self._list.focus()

    @property
    def _list(self) -> PickList:
        return self.query_one(PickList)

    @property
    def _fetch(self) -> FetchLine:
        return self.query_one(FetchLine)

    @property
    def _typed(self) -> FormField:
        return next(form for form in self.query(FormField) if form.key == NAME_FIELD)

    @property
    def _pickle(self) -> FormField:
        return next(form for form in self.query(FormField) if form.key == "model.allow_pickle")

    def _suggest(self, name: str) -> None:
        self._typed.set_hint(text("wizard-model.complete", name=shorten(name, 16)) if name else "")

    @property
    def chosen(self) -> str:
        """The model in force: what is typed, else the line under the cursor."""
        typed = self._typed.text.strip()
        if typed:
            return absolute(typed)
        return self._list.current.id if self._list.current else str(self.draft.get(NAME_FIELD) or "")

    # Finding

    @work(thread=True, group="find-models", exclusive=True)
    def _find(self) -> None:
        try:
            cards = self.services.find_models()
        except TunedeckError:
            cards = []
        self.post_message(self.Found(cards))

    @on(Found)
    def _found(self, event: Found) -> None:
        chosen = str(self.draft.get(NAME_FIELD) or "")
        self._listed = models.named(event.cards, chosen)
        self._cards |= dict(self._listed)
        self._verdicts.update(self.draft, self.facts)
        picks = self._picks()
        known = [pick.id for pick in picks]
        if chosen and chosen not in known:
            self._typed.text = chosen
        self._list.set_picks(picks, chosen=chosen if chosen in known else known[0])
        self._list.choose(self._list.chosen)
        self._suggest_one()
        count = len(event.cards)
        found = text("wizard-model.found", models=count) if count else text("wizard-model.none-found")
        self._fetch.say(f"{found} {text('wizard-model.offline')}" if is_offline() else found)
        self._show_card()
        if self._typed.text:
            self._typed.focus_control()  # Enter on the list would choose another model

    def _picks(self) -> list[Pick]:
        return [
            Pick(each.id, each.title, each.about, tail=self._verdict(each.id)) for each in models.options(self._listed)
        ]

    def _verdict(self, name: str) -> str:
        card = dict(self._listed).get(name)
        return cells(self._verdicts.column(card), COLUMN) if card is not None else ""

    def _suggest_one(self) -> None:
        """The cursor onto what suits this machine, unless a model was chosen or a person moved it."""
        if self.facts.machine is None or not self._list.picks or self._moved_on or self.draft.get(NAME_FIELD):
            return
        found = suggested(self._listed, self._verdicts.of, self.facts.machine)
        if found != self._suggested:
            self._suggested = found
            self._list.choose(found[0])
            self._show_card()

    def weighed(self) -> None:
        if self._verdicts.update(self.draft, self.facts) and self._listed:
            self._list.set_picks(self._picks())
            self._tell_card()
        self._suggest_one()

    @on(PickList.Moved)
    def _moved(self, event: PickList.Moved) -> None:
        self._moved_on = True
        self._show_card()

    @on(PickList.Chosen)
    def _picked(self, event: PickList.Chosen) -> None:
        self._typed.text = ""
        self._typed.show_error("")
        self.done()

    @on(FormField.Changed)
    def _typed_on(self, event: FormField.Changed) -> None:
        if event.field.key == NAME_FIELD:
            current = self._list.current
            self._list.mark(current.id if current and not self._typed.text.strip() else "")
            self._show_card()
        elif event.field.key == KIND:
            self._tell_card()

    def _show_card(self) -> None:
        self.facts.card = self._cards.get(self.chosen)
        self._tell_card()
        self.post_message(self.Touched())

    def _tell_card(self) -> None:
        card = self._cards.get(self.chosen)
        shown = self.query_one("#model-card", Static)
        said = Content("")
        if card:
            stops = self.facts.stops.get(str(card.path))
            width = shown.content_size.width or self.size.width or LEAST_WIDTH
            height = self.app.size.height
            said = lines(self._with_kind(), card, self._verdicts, stops, width, brief=height < WHOLE)
            if height >= TALL:
                said = Content("\n").join([said, ways(card, self._verdicts)])
        elif self._typed.text.strip():
            said = Content(f"  {text('wizard-model.look-up')}")
        elif self.chosen == STARTER:
            told = [line for words in models.starter_lines() for line in wrap(words, LEAST_WIDTH)]
            said = Content("\n").join(Content(f"  {line}") for line in told)
        if self.chosen and self.chosen == self._suggested[0]:
            said = Content("\n").join([Content.styled(f"  {text(self._suggested[1])}", "$success"), said])
        shown.update(said)

    def on_resize(self) -> None:
        self.call_after_refresh(self._tell_card)

    # Going on: a name without a card is looked up first

    def hold(self) -> bool:
        self.commit()
        if self._fetch.job:
            self._fetch.say(text("wizard-model.busy", job=text(self._fetch.job)))
            return True
        name = self.chosen
        if not name or name in self._cards:
            return False
        self._look_up(name, go_on=name != STARTER)
        return True

    def submitted(self, form: FormField) -> None:
        name = self.chosen
        if name and name not in self._cards and not self._fetch.job:
            self.commit()
            self._look_up(name, go_on=False)
        else:
            self.done()

    def _look_up(self, name: str, go_on: bool) -> None:
        self._typed.show_error("")
        self._fetch.start(
            name, str(self.draft.get("model.revision")), self.draft.get("model.allow_pickle") is True, go_on
        )

    @on(FetchLine.Looked)
    def _looked(self, event: FetchLine.Looked) -> None:
        if event.error is not None:
            self._refuse(event.name, event.error)
            return
        assert event.card is not None
        self._cards |= {event.name: event.card, str(event.card.path): event.card}
        self.facts.card = event.card
        self._fetch.say(text("wizard-model.fetched" if event.name == STARTER else "wizard-model.is-found"))
        self._show_card()
        self.post_message(self.Touched())
        if event.go_on and self.chosen == event.name:
            self.done()

    def _refuse(self, name: str, error: TunedeckError) -> None:
        said = clean(error.said, keep_newlines=False)
        pickled = error.code in models.PICKLED
        if pickled:
            self._pickle.display = True
        if self._typed.text.strip():
            self._fetch.say("")
            self._typed.show_error(said)
        else:
            self._fetch.say(said, wrong=True)
        (self._pickle if pickled else self._typed).focus_control() if self._typed.text else self._list.focus()

    def can(self, action: str) -> bool | None:
        if action not in ("check", "cancel"):
            return super().can(action)  # it is asked of every key: the widgets are looked for only where they decide
        asks = any(panel.busy for panel in self.query(KindPanel))
        if action == "check":
            return not asks and self.facts.card is not None
        return asks or any(line.job for line in self.query(FetchLine))  # none before the step is composed

    # Base or chat

    def check(self) -> None:
        """Ask the model itself whether it is base or chat; where it has answered already, show that."""
        self._tested = str(self.facts.card.path) if self.facts.card is not None else ""
        config = config_so_far(self._with_kind(), self.chosen)
        if (said := self._unseen.pop(self._tested, None)) is not None:
            self._show_answer(said)
        elif config is not None:
            self.query_one(KindPanel).start(self.services.kind_command, toml.dumps(Resolved(config, {})))

    def _with_kind(self) -> Draft:
        """The draft with the model and the kind as they are chosen now."""
        draft = self.typed()
        draft.set(NAME_FIELD, self.chosen)
        return draft

    @on(KindPanel.Said)
    def _asking(self, event: KindPanel.Said) -> None:
        self._fetch.say(event.words, event.wrong)

    @on(KindPanel.Answered)
    def _answered(self, event: KindPanel.Answered) -> None:
        tested, answer_ended, card = self._tested, event.values.get("templated"), self.facts.card
        if isinstance(answer_ended, dict):
            self.facts.stops[tested] = bool(answer_ended.get("stopped"))
            self._tell_card()
        if card is not None and str(card.path) == tested:
            self._show_answer(event.values)
        else:  # its word would be taken for that of another
            self._unseen[tested] = event.values
            self._fetch.say(text("wizard-model.answered-meanwhile", name=Path(tested).name))

    def _show_answer(self, values: Mapping[str, Any]) -> None:
        def taken(kind: str | None) -> None:
            if kind:
                self.draft.set(KIND, kind)
                next(form for form in self.query(FormField) if form.key == KIND).text = kind
                self._tell_card()

        self.app.push_screen(KindScreen(values), taken)

    def known(self) -> set[str]:
        """A model's name is checked by looking it up, not when its field is left."""
        return super().known() - {NAME_FIELD}

    def cancel(self) -> None:
        self.query_one(KindPanel).stop()
        self._fetch.stop()
        self._fetch.say(text("wizard-model.stopped"))

    def commit(self) -> None:
        name = self.chosen
        if name:
            self.draft.set(NAME_FIELD, name)
        answer(self.draft, self._pickle.key, self._pickle.text)
        self.draft.set(KIND, next(form.text for form in self.query(FormField) if form.key == KIND))
        self.facts.card = self._cards.get(name)

    def findings(self) -> list[Issue]:
        if not self.chosen:
            return [models.none_chosen()]
        return []
