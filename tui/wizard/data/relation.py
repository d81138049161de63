"""The part of the data step that compares new rows with what an old adapter has learnt, on request."""

from __future__ import annotations

from textual import on

from tui.flow import source_text
from tui.wizard.step import Step
from tui.wizard.strategy.relation_panel import RelationPanel


class RelatingStep(Step):
    """A step with a RelationPanel in it."""

    def compare(self) -> None:
        """Measure it; the verdict says whether the strategy that was chosen suits these rows."""
        self.commit()
        self.query_one(RelationPanel).ask(self.services.relation_command, self.draft, self.facts)

    def tell_relation(self) -> None:
        """What was measured of these rows, or that it can be, or that nothing old is mixed in."""
        panel = self.query_one(RelationPanel)
        if not panel.busy:
            panel.say(source_text.relation(self.draft, self.facts))

    @on(RelationPanel.Ended)
    def _compared(self, event: RelationPanel.Ended) -> None:
        if event.measured is not None:
            self.facts.measured = event.measured
