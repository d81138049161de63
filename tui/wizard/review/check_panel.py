"""The examination of the rows on screen: progress in words, then what was found, or what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import work
from textual.message import Message
from textual.signal import Signal

from engine.app.examine import Examined
from engine.common.errors import ConfigError, DataError, TunedeckError
from engine.config import toml
from engine.messages.catalogue import text
from tui.draft.child import Progress
from tui.draft.inspection import examine
from tui.draft.mix_sources import inspection_of, report_of
from tui.flow.rows_text import figures, keep, summary, told, trouble
from tui.widgets.line import Prose

if TYPE_CHECKING:
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts
    from tui.wizard.step import Step


class CheckPanel(Prose):
    """Runs the child process, puts into the facts what it found, and shows it, ``brief`` without the figures.

    Posts Ended once the child is through, whatever came of it. ``said`` is published whenever there is something new,
    for a screen that lies over this one.
    """

    DEFAULT_CSS = "CheckPanel { height: auto; max-height: 5; width: 1fr; }"

    class Ended(Message):
        """``examined`` holds what was found; ``refused`` why the rows can't be trained on; neither if stopped."""

        def __init__(self, examined: Examined | None, refused: TunedeckError | None) -> None:
            super().__init__()
            self.examined, self.refused = examined, refused

    def __init__(self, facts: Facts, brief: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.facts, self._brief = facts, brief
        self.busy = False
        self.said: Signal[str] = Signal(self, "said")

    def start(self, command: tuple[str, ...], config_text: str, key: str) -> None:
        """Examine the rows of this config, known by ``key`` in the facts; an examination under way is given up."""
        self.busy = True
        self.say(text("review.check-starting"))
        self._check(command, config_text, key)
        self.screen.refresh_bindings()

    def stop(self) -> None:
        """Give it up; the child is ended."""
        if self.busy:
            self.workers.cancel_group(self, "check")
            self._finish(text("review.check-cancelled"), None, None)

    def refuse(self, error: TunedeckError) -> None:
        """Say why the rows can't be examined yet."""
        self.say(trouble(error), wrong=True)

    def show(self, draft: Draft) -> None:
        """What is known of these rows, unless they are being examined."""
        if not self.busy:
            self.say(self._known(draft) or text("review.not-checked"))

    def _known(self, draft: Draft) -> str:
        report, inspection = report_of(draft, self.facts), inspection_of(draft, self.facts)
        lines = [figures(inspection)] if inspection is not None and not self._brief else []
        return "\n".join([*lines, *([summary(report)] if report is not None else [])])

    @work(group="check", exclusive=True)
    async def _check(self, command: tuple[str, ...], config_text: str, key: str) -> None:
        try:
            async for said in examine(command, config_text):
                if isinstance(said, Progress):
                    self.say(text("review.check-progress", what=said.text))
                elif isinstance(said, Examined):
                    self._found(said, key)
                else:
                    self._finish(text("review.check-refused", reason=said.message), None, None)
        except DataError as error:
            self._finish(trouble(error), None, error, wrong=True)
        except TunedeckError as error:
            self._finish(trouble(error), None, None, wrong=True)

    def _found(self, examined: Examined, key: str) -> None:
        keep(self.facts, examined, key)
        self._finish(told(examined, self._brief), examined, examined.refused, wrong=examined.refused is not None)

    def _finish(
        self, words: str, examined: Examined | None, refused: TunedeckError | None, wrong: bool = False
    ) -> None:
        self.busy = False
        self.say(words, wrong)
        self.post_message(self.Ended(examined, refused))
        self.screen.refresh_bindings()

    def say(self, words: str, wrong: bool = False) -> None:
        self.set_class(wrong, "wrong")
        if words != self.words:
            self.words = words
            self.refresh(layout=True)
        self.said.publish(words)


def begin(step: Step) -> None:
    """Examine the rows as the step's draft asks for them now."""
    step.commit()
    panel, draft = step.query_one(CheckPanel), step.draft
    try:
        panel.start(step.services.inspect_command, toml.dumps(draft.resolve()), draft.rows_key())
    except ConfigError as error:
        panel.refuse(error)
