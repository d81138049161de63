"""Step 3, strategy: go on from an old adapter, make it permanent, or start afresh."""

from __future__ import annotations

from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from engine.config.rules import Issue
from tui.widgets.form_cards import Card, Cards
from tui.wizard.step import Step, message_of
from tui.world import world_of


@dataclass(frozen=True)
class Strategy:
    """A way to go on; ``refused`` says why it can't be chosen, "" when it can."""

    id: str
    title: str
    summary: str
    meaning: str
    refused: str = ""


_REFUSED = "needs an adapter; comes with the next version"
STRATEGIES = (
    Strategy(
        "fresh",
        "fresh",
        "A new adapter on the plain model. Old training is not used.",
        "Right for a first run, and for a task unlike the ones before. Whatever was trained before is left as it is.",
    ),
    Strategy(
        "continue",
        "continue",
        "Goes on training an adapter you have. Keeps the old skill.",
        "Right for more data of the same kind: the adapter keeps its rank and its layers, and some of the old rows "
        "are mixed in so that it does not forget.",
        _REFUSED,
    ),
    Strategy(
        "merge",
        "merge, then LoRA",
        "Makes the old skill permanent, learns the new one beside it.",
        "Right for a related task: an old adapter becomes part of the model for good, that is proved, and a new LoRA "
        "is trained on top.",
        _REFUSED,
    ),
)


class StrategyStep(Step):
    NAME = "strategy"
    QUESTION = "How should it go on from what it has learnt?"

    def body(self) -> ComposeResult:
        cards = [
            Card(
                way.id,
                way.title,
                way.summary + (f"\n\nNot now: {way.refused}." if way.refused else ""),
                not way.refused,
            )
            for way in STRATEGIES
        ]
        yield Cards(cards, str(self.draft.get("strategy.kind")), world_of(self).terminal.unicode, id="strategy-cards")
        yield Static(classes="explain", id="strategy-about")

    def on_mount(self) -> None:
        self._explain(str(self.draft.get("strategy.kind")))

    def focus_first(self) -> None:
        self.query_one(Cards).focus()

    def commit(self) -> None:
        self.draft.set("strategy.kind", self.query_one(Cards).current.id)

    def findings(self) -> list[Issue]:
        way = next(way for way in STRATEGIES if way.id == self.draft.get("strategy.kind"))
        if not way.refused:
            return []
        return [Issue("error", "strategy.kind", f"'{way.title}' {way.refused}.", "Choose fresh.")]

    async def show_trouble(self, finding: Issue) -> None:
        about = self.query_one("#strategy-about", Static)
        about.update(Content(f"! {message_of(finding)}"))

    @on(Cards.Moved)
    def _moved(self, event: Cards.Moved) -> None:
        self._explain(event.card.id)

    @on(Cards.Chosen)
    def _chosen(self, event: Cards.Chosen) -> None:
        self.done()

    def _explain(self, kind: str) -> None:
        way = next((way for way in STRATEGIES if way.id == kind), STRATEGIES[0])
        self.query_one("#strategy-about", Static).update(Content(way.meaning))
