"""The check of the rows on screen: progress in words, then the figures, or what is wrong with them."""

from __future__ import annotations

from textual import work
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from engine.data.text import shorten
from engine.errors import DataError, TunedeckError
from tui.wizard.check import Inspection, inspect
from tui.wizard.child import Progress


class CheckPanel(Static):
    """Runs the child process and shows what it says. Posts Ended once it is through, whatever came of it."""

    DEFAULT_CSS = "CheckPanel { height: auto; max-height: 5; width: 1fr; }"

    class Ended(Message):
        """``inspection`` when the rows are fine; ``refused`` when they can't be trained on; neither if stopped."""

        def __init__(self, inspection: Inspection | None, refused: TunedeckError | None, key: str) -> None:
            super().__init__()
            self.inspection, self.refused, self.key = inspection, refused, key

    def __init__(self, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self.busy = False
        self.words = ""

    def start(self, command: tuple[str, ...], config_text: str, key: str) -> None:
        """Check the rows of this config, which the answer will name by ``key``; a check under way is given up."""
        self.busy = True
        self._say("checking the rows: starting ...  ctrl+x stops it")
        self._check(command, config_text, key)
        self.screen.refresh_bindings()

    def stop(self) -> None:
        """Give the check up; the child is ended."""
        if self.busy:
            self.workers.cancel_group(self, "check")
            self._finish("The check was stopped; F5 checks again.", None, None, "")

    def refuse(self, error: TunedeckError) -> None:
        """Say why there can be no check yet."""
        self._say(_trouble(error), wrong=True)

    def show(self, inspection: Inspection) -> None:
        """The figures of an earlier check that still holds."""
        self._say(figures(inspection))

    @work(group="check", exclusive=True)
    async def _check(self, command: tuple[str, ...], config_text: str, key: str) -> None:
        try:
            async for said in inspect(command, config_text):
                if isinstance(said, Progress):
                    self._say(f"checking the rows: {said.text}  ctrl+x stops it")
                elif isinstance(said, Inspection):
                    self._finish(figures(said), said, None, key)
                else:
                    self._finish(f"The rows were not looked at: {said.message}.", None, None, key)
        except DataError as error:
            self._finish(_trouble(error), None, error, key, wrong=True)
        except TunedeckError as error:
            self._finish(_trouble(error), None, None, key, wrong=True)

    def _finish(
        self,
        words: str,
        inspection: Inspection | None,
        refused: TunedeckError | None,
        key: str,
        wrong: bool = False,
    ) -> None:
        self.busy = False
        self._say(words, wrong)
        self.post_message(self.Ended(inspection, refused, key))
        self.screen.refresh_bindings()

    def _say(self, words: str, wrong: bool = False) -> None:
        self.set_class(wrong, "wrong")
        if words != self.words:
            self.words = words
            self.update(Content(words))


def figures(found: Inspection) -> str:
    """The check's result in three lines, and what stands out in it."""
    lines = [
        f"{found.rows:,} rows: {found.train_rows:,} to learn from, {found.eval_rows:,} held out",
        f"tokens a row: {found.tokens_mean:,.0f} on average, longest {found.tokens_max:,}; "
        f"{found.supervised_share:.0%} of them learnt",
    ]
    if found.examples:
        lines.append(f"learnt of the first row: {shorten(found.examples[0]['trained'], 72)}")
    return "\n".join(lines)


def _trouble(error: TunedeckError) -> str:
    return "! " + "\n".join(part for part in (error.title, error.message, error.hint) if part)
