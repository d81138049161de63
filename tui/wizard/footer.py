"""The foot of the wizard: keeps the facts' machine and fit current, and shows the fit bar or words in its place."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from engine.messages.catalogue import text
from tui.draft import consequences
from tui.draft.fit import unknown
from tui.flow import fit_refresh, outlook
from tui.machine import feed_of
from tui.messages import MachineRead
from tui.widgets.fitbar import ConsequenceLine, FitBar
from tui.wizard.breakdown import BreakdownScreen
from tui.world import world_of

if TYPE_CHECKING:
    from engine.memory.history import Observation
    from engine.models.card import ModelCard
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts
    from tui.draft.services import Services


class Foot(Vertical):
    """Two lines on every step, so that nothing above them moves when a model is chosen.

    ``typed`` gives the draft as it stands in the fields. Posts Weighed when the facts hold another fit.
    """

    DEFAULT_CSS = "Foot { height: 2; width: 1fr; }"

    class Weighed(Message):
        """The fields or the machine moved, and the facts hold what that leads to."""

    class Learnt(Message):
        """What earlier runs measured was read, and the card of ``model`` if it is on this machine."""

        def __init__(self, history: tuple[Observation, ...], model: str, card: ModelCard | None) -> None:
            super().__init__()
            self.history, self.model, self.card = history, model, card

    def __init__(self, typed: Callable[[], Draft], facts: Facts, services: Services) -> None:
        super().__init__()
        self._typed, self._facts, self._services = typed, facts, services
        self._weighed: object = None

    def compose(self) -> ComposeResult:
        yield ConsequenceLine()
        terminal = world_of(self).terminal
        bar = FitBar(terminal.unicode, not terminal.sixteen)
        bar.display = False
        yield bar

    def on_mount(self) -> None:
        draft = self._typed()
        pickles = draft.get("model.allow_pickle") is True
        self._learn(str(draft.get("model.name_or_path") or ""), str(draft.get("model.revision")), pickles)

    def look(self, looks: bool) -> None:
        """Whether the machine is watched: not while another place is shown."""
        if looks:
            feed_of(self).look(self)
        else:
            feed_of(self).leave(self)

    def on_unmount(self) -> None:
        self.look(False)

    @property
    def words(self) -> str:
        """What stands there now."""
        bar = self.query_one(FitBar)
        return bar.words if bar.display else self.query_one(ConsequenceLine).words

    def weigh(self) -> None:
        """Work out and show what the fields lead to as they stand; sends only what changed."""
        draft, facts = self._typed(), self._facts
        known = _known(draft, facts)
        if known == self._weighed:  # a field that is left holds what its last key was weighed by
            self.post_message(self.Weighed())
            return
        fit_refresh.weigh(draft, facts)
        self._weighed = (*known[:-1], facts.fit)
        self._show(draft)

    @on(MachineRead)
    def _machine_read(self, message: MachineRead) -> None:
        draft = self._typed()
        if fit_refresh.hear(message.machine, draft, self._facts):
            self._show(draft)
        else:
            self._tell_breakdown()

    @work(thread=True, group="learn")
    def _learn(self, model: str, revision: str, allow_pickle: bool) -> None:
        from engine.memory.history import read_history

        card = self._services.known_card(model, revision, allow_pickle) if model else None
        self.post_message(self.Learnt(tuple(read_history()), model, card))

    @on(Learnt)
    def _learnt(self, message: Learnt) -> None:
        message.stop()
        self._facts.history = message.history
        if self._facts.card is None and message.model == self._typed().get("model.name_or_path"):
            self._facts.card = message.card
        self.weigh()

    def _show(self, draft: Draft) -> None:
        line, bar, fit = self.query_one(ConsequenceLine), self.query_one(FitBar), self._facts.fit
        found = consequences.consequence(draft, self._facts)
        if bar.display != (fit is not None):  # setting it lays the screen out anew
            line.display, bar.display = fit is None, fit is not None
        if fit is None:
            card = self._facts.card
            words = consequences.sentence(found, card.weight_bytes if card else None)
            note = unknown(draft, self._facts)
            line.say(words or note or text("draft.nothing-yet"), note if words else "")
        else:
            time = outlook.time_of(draft, self._facts)
            bar.show(fit, (*((text(time.short),) if time else ()), *consequences.pieces(found)))
        self._tell_breakdown()
        self.post_message(self.Weighed())

    def _tell_breakdown(self) -> None:
        """Not by a message to the wizard's screen: one that lies under another repaints both for any message."""
        if isinstance(self.app.screen, BreakdownScreen):
            self.app.screen.show(self._facts)


def _known(draft: Draft, facts: Facts) -> tuple[object, ...]:
    """All that the foot is worked out from, the fit last."""
    found = {name: copy(value) if isinstance(value, (list, dict)) else value for name, value in vars(facts).items()}
    fit = found.pop("fit")
    return draft.values_key(), draft.task, draft.preset, draft.seeds, draft.step, found, fit
