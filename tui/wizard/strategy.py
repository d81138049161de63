"""Step 3, strategy: go on from an old adapter, make it permanent, or start afresh."""

from __future__ import annotations

from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from tui.widgets.form_list import Pick, PickList
from tui.wizard.step import Step


@dataclass(frozen=True)
class Strategy:
    """A way to go on; ``refused`` says why it can't be chosen, "" when it can."""

    id: str
    title: str
    meaning: str
    refused: str = ""


_REFUSED = "needs an adapter; comes with the next version"
STRATEGIES = (
    Strategy(
        "fresh",
        "fresh",
        "A new LoRA adapter on the plain model. Whatever was trained before is not used. "
        "Right for a first run, and for a task unlike the ones before.",
    ),
    Strategy(
        "continue",
        "continue",
        "Goes on training an adapter you have, with its rank and its layers. "
        "Right for more data of the same kind; some old rows are mixed in so that it does not forget.",
        _REFUSED,
    ),
    Strategy(
        "merge",
        "merge, then LoRA",
        "Makes an adapter part of the model for good, proves it, and trains a new LoRA on top. "
        "Right for a related task, when the old skill should stay.",
        _REFUSED,
    ),
)


class StrategyStep(Step):
    NAME = "strategy"
    QUESTION = "How should it go on from what it has learnt?"

    def body(self) -> ComposeResult:
        picks = [
            Pick(way.id, way.title, way.refused or "a new adapter on the plain model", enabled=not way.refused)
            for way in STRATEGIES
        ]
        chosen = str(self.draft.get("strategy.kind"))
        yield PickList(picks, chosen=chosen, title_width=18, id="strategy-list")
        yield Static(classes="explain", id="strategy-about")

    def on_mount(self) -> None:
        self._explain(str(self.draft.get("strategy.kind")))

    def focus_first(self) -> None:
        self.query_one(PickList).focus()

    def commit(self) -> None:
        self.draft.set("strategy.kind", self.query_one(PickList).chosen)

    @on(PickList.Moved)
    def _moved(self, event: PickList.Moved) -> None:
        self._explain(event.pick.id)

    @on(PickList.Chosen)
    def _chosen(self, event: PickList.Chosen) -> None:
        self.done()

    def _explain(self, kind: str) -> None:
        way = next((way for way in STRATEGIES if way.id == kind), STRATEGIES[0])
        refused = f"\n\nNot now: it {way.refused}." if way.refused else ""
        self.query_one("#strategy-about", Static).update(Content(way.meaning + refused))
