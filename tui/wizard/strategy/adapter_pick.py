"""Naming the old adapter: a list of those that earlier runs made, those that fit first, and a path that is typed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from engine.common.clean_text import clean, shorten
from engine.messages.catalogue import text
from tui.draft.facts import Facts
from tui.flow import strategy
from tui.flow.paths import absolute, is_there
from tui.flow.strategy import NONE
from tui.widgets.beside import Advanced, Cancelled
from tui.widgets.choosers import Pick, PickList
from tui.widgets.form import FormField
from tui.wizard.paths import PathSuggester
from tui.world import world_of

if TYPE_CHECKING:
    from engine.app.old_adapter import OldAdapter
    from engine.models.adapter.match import Candidate
    from tui.draft.draft import Draft
    from tui.draft.services import Services

FIELD = "adapter"


class AdapterPick(Vertical):
    """``old`` is the adapter in force: None for none, or while it is still being read.

    Posts Looked when another one is in force, Accepted on Enter.
    """

    DEFAULT_CSS = """
    AdapterPick { height: auto; }
    AdapterPick #adapter-list { max-height: 1; }
    AdapterPick #adapter-list:focus, AdapterPick #adapter-list.-filtered { max-height: 4; }
    AdapterPick #adapter-status { height: auto; max-height: 3; padding: 0 0 0 2; }
    """

    class Listed(Message):
        """The adapters of the runs on this machine are known."""

        def __init__(self, candidates: list[Candidate]) -> None:
            super().__init__()
            self.candidates = candidates

    class Read(Message):
        """An adapter was read."""

        def __init__(self, old: OldAdapter) -> None:
            super().__init__()
            self.old = old

    class Looked(Message):
        """Another adapter is in force, or none, or one is being read."""

    class Accepted(Message):
        """Enter was pressed on the adapter in force."""

    def __init__(self, draft: Draft, facts: Facts, services: Services) -> None:
        super().__init__(id="adapter-pick")
        self._draft, self._facts, self._services = draft, facts, services
        self._candidates: list[Candidate] = []
        self._wanted = str(draft.get("strategy.adapter") or NONE)
        self.old: OldAdapter | None = None
        self.is_looking = False
        self._focus_is_coming = False
        self._seen_base = ""

    def compose(self) -> ComposeResult:
        listed = PickList(title_width=24, id="adapter-list")
        listed.display = False
        yield listed
        yield FormField(
            FIELD,
            text("strategy.old-adapter"),
            suggester=PathSuggester(self._suggest, folders_only=True),
            placeholder=text("strategy.old-adapter-hint"),
        )
        yield Static(Content(text("strategy.searching")), id="adapter-status", classes="quiet")

    def on_mount(self) -> None:
        self._begin()

    def mind_base(self) -> bool:
        """Compare anew when another model is known: it is looked up when a draft is opened at this step."""
        changed = self._base != self._seen_base
        if changed:
            self.old = None
            self._begin()
        return changed

    def _begin(self) -> None:
        self._seen_base = self._base
        self._list_them()
        known = self._facts.old_adapter
        if known is not None and known.named == self._wanted and known.base == self._base:
            self.old = known
        elif self._wanted:
            self._look(self._wanted)

    @property
    def _base(self) -> str:
        return str(self._facts.card.path) if self._facts.card else ""

    @property
    def _list(self) -> PickList:
        return self.query_one(PickList)

    @property
    def _typed(self) -> FormField:
        return self.query_one(FormField)

    @property
    def wanted(self) -> str:
        """What names the adapter in force, "" for none."""
        return self._wanted

    def focus_first(self) -> None:
        self._focus_is_coming = True
        (self._list if self._list.display else self._typed.control).focus()

    def _suggest(self, name: str) -> None:
        self._typed.set_hint(text("strategy.take-by-right", name=shorten(name, 16)) if name else "")

    # The list

    @work(thread=True, group="adapters", exclusive=True)
    def _list_them(self) -> None:
        named = str(self._draft.get("model.name_or_path") or "")
        found = self._services.adapters(self._facts.card, named, Path(world_of(self).root))
        self.post_message(self.Listed(found))

    @on(Listed)
    def _listed(self, event: Listed) -> None:
        event.stop()
        self._candidates = event.candidates
        picks = [
            Pick(each.id, each.title, each.about, each.refused is None) for each in strategy.options(event.candidates)
        ]
        names = [pick.id for pick in picks]
        mine = self.old.card.run if self.old and self.old.card and self.old.card.run else self._wanted
        if mine not in names:
            self._typed.text = self._wanted
        had_focus = (self._typed.control.has_focus or self._focus_is_coming) and not self._typed.text
        self._list.display = bool(event.candidates)
        self._list.set_picks(picks, chosen=mine if mine in names else "-")
        self._list.choose(mine if mine in names else NONE)
        if had_focus and event.candidates and not self._wanted:
            self._list.focus()
        self._tell()
        self.post_message(self.Looked())

    @on(PickList.Moved)
    def _moved(self, event: PickList.Moved) -> None:
        event.stop()
        self._typed.text = ""
        self._list.mark(event.pick.id)
        self._want(event.pick.id)

    @on(PickList.Chosen)
    def _chosen(self, event: PickList.Chosen) -> None:
        event.stop()
        self._typed.text = ""
        self._want(event.pick.id)
        self.post_message(self.Accepted())

    # The path

    @on(FormField.Entered)
    def _entered(self) -> None:
        self._focus_is_coming = False

    @on(FormField.Submitted)
    def _submitted(self, event: FormField.Submitted) -> None:
        event.stop()
        self.take_typed()
        self.post_message(self.Accepted())

    @on(FormField.Left)
    def _left(self, event: FormField.Left) -> None:
        event.stop()
        self.take_typed()

    def take_typed(self) -> None:
        """What stands in the field is the adapter in force, if anything does."""
        typed = self._typed.text.strip()
        if typed:
            self._list.mark("-")
            self._want(absolute(typed) if is_there(typed) else typed)
        elif self._list.chosen == "-":
            self._list.mark(NONE)
            self._want(NONE)

    # Reading it

    def _want(self, name: str) -> None:
        if name != self._wanted:
            self._wanted, self.old = name, None
            if name:
                self._look(name)
            else:
                self.cancel()
            self._tell()
            self.post_message(self.Looked())

    def _look(self, name: str) -> None:
        self.is_looking = True
        self._read(name)
        self.screen.refresh_bindings()

    @work(thread=True, group="adapter", exclusive=True)
    def _read(self, name: str) -> None:
        worker = get_current_worker()

        def progress(done: int, total: int) -> None:
            if worker.is_cancelled:
                raise Cancelled
            self.post_message(Advanced(_comparing(done, total)))

        base_named = str(self._draft.get("model.name_or_path") or "")
        try:
            allow = self._draft.get("model.allow_pickle") is True
            old = self._services.look_at_adapter(name, allow, self._facts.card, base_named, progress)
        except Cancelled:
            return
        if not worker.is_cancelled:
            self.post_message(self.Read(old))

    @on(Advanced)
    def _advanced(self, event: Advanced) -> None:
        event.stop()
        if self.is_looking:
            self._say(event.said)

    @on(Read)
    def _was_read(self, event: Read) -> None:
        event.stop()
        if event.old.named == self._wanted:
            self.is_looking = False
            self.old = self._facts.old_adapter = event.old
            self._tell()
            self.screen.refresh_bindings()
            self.post_message(self.Looked())

    def cancel(self) -> None:
        """Give up reading; the adapter stays unread until it is chosen again."""
        self.workers.cancel_group(self, "adapter")
        if self.is_looking:
            self.is_looking = False
            if self._wanted:
                self._wanted = NONE
                self._list.mark(NONE)
                self._say(text("strategy.stopped"))
            self.screen.refresh_bindings()

    def _tell(self) -> None:
        # With one chosen from the list, the field gives its line to what is told of the three ways.
        self.set_class(self._list.display and bool(self._wanted) and not self._typed.text, "-listed")
        from engine.app.old_adapter import doubts
        from tui.flow.ways import adapter_line

        if self.is_looking:
            self._say(text("strategy.reading"))
        elif self.old is not None and self.old.error is not None:
            self._say(text("strategy.error", reason=self.old.error.reason), True)
        elif self.old is not None:
            self._say(" ".join([adapter_line(self.old), *(f"! {text(doubt)}" for doubt in doubts(self.old)[:1])]))
        else:
            self._say(strategy.found(self._candidates))

    def _say(self, words: str, wrong: bool = False) -> None:
        status = self.query_one("#adapter-status", Static)
        status.set_class(wrong, "wrong")
        status.update(Content(clean(words, keep_newlines=False)))


def _comparing(done: int, total: int) -> str:
    return text("strategy.comparing", done=done, total=total)
