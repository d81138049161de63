"""The mask X-ray: one row after the other, token by token, and what is right or wrong with each."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

from rich.cells import chop_cells
from textual import on, work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import Worker, WorkerCancelled, WorkerFailed

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.config import numbers
from engine.data.token_view.form import Xray, from_json
from engine.data.token_view.text import ASCII, DETAILS, UNICODE, legend, sentences, spans, summary
from engine.messages.catalogue import text
from engine.messages.message import Message as Said
from tui import keys
from tui.draft.asked import AskedChild
from tui.widgets.bars import KeyBar, TopLine
from tui.widgets.form import FormField
from tui.widgets.panel import Panel
from tui.widgets.whole import WholeScreen
from tui.wizard.xray.text import content_of
from tui.world import world_of

SEARCH, GO = "search", "go"
_DETAILS = ("xray.text", "xray.bounds", "xray.ids")
"""What the key for more detail is called, in the order of ``DETAILS``."""
TALL = 34


class XrayScreen(WholeScreen, Screen[None]):
    """Shows the rows of ``config_text``, beginning ``at`` a file and a row's number in it, or with source ``source``.

    ``command`` starts the child that is asked for them; the path of the config is put behind it.
    """

    CSS_PATH = "xray.tcss"
    AUTO_FOCUS = "#xray-rows"
    BINDINGS = keys.bindings(keys.XRAY)
    HELP = "xray.help"
    KEY_TABLES: ClassVar = (("widgets.keys", keys.XRAY),)

    def __init__(
        self, command: Sequence[str], config_text: str, at: tuple[str, int] | None = None, source: int = 0
    ) -> None:
        super().__init__()
        self._child = AskedChild(command, config_text, "draft.xray-ended")
        self._first, self._source = at, source
        self._asked = 0
        self._at = 0
        self._count, self._counted = 0, False
        self._ended: Said | None = None
        self._detail = 0
        self._found = ""
        self._says_all: bool | None = None
        self._said = ""
        self._listening: Worker[None] | None = None
        self.ray: Xray | None = None

    def compose(self) -> ComposeResult:
        yield TopLine(text("xray.name"))
        yield Static(id="xray-state", markup=False)
        with Panel(text("xray.as-tokens"), id="xray-row"):
            yield Static(id="xray-legend", markup=False)
            with VerticalScroll(id="xray-rows"):
                yield Static(id="xray-text", markup=False)
        with VerticalScroll(id="xray-asked", can_focus=False):
            yield FormField(SEARCH, text("xray.search-for"), hint=text("xray.search-hint"))
            yield FormField(GO, text("xray.go-to-row"), hint=text("xray.go-hint"))
        yield KeyBar(keys.in_bar(keys.XRAY, keys.EVERYWHERE))

    def on_mount(self) -> None:
        self._signs = UNICODE if world_of(self).terminal.unicode else ASCII
        self.query_one("#xray-legend", Static).update(content_of(legend(self._signs))[0])
        self._say(text("xray.starting"))
        if self._first is None:
            self._ask("source", number=self._source)
        else:
            self._ask("place", file=self._first[0], row=self._first[1])
        self._listening = self._listen()

    async def on_unmount(self) -> None:
        """The child is gone before the screen is."""
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(WorkerCancelled, WorkerFailed):
                await self._listening.wait()
        await self._child.closed()

    def on_resize(self) -> None:
        self._show()

    # What the child says

    def _ask(self, what: str, **more: Any) -> None:
        self._asked += 1
        self._child.ask(ask=what, id=self._asked, **more)

    @work(group="xray", exclusive=True)
    async def _listen(self) -> None:
        try:
            async with aclosing(self._child.answers()) as answers:
                async for record in answers:
                    if not self.is_whole:  # it is being left: what is shown goes first
                        return
                    self._hear(record)
        except TunedeckError as error:
            if self.is_whole:
                self._trouble(error)

    def _hear(self, record: dict[str, Any]) -> None:
        kind = record["type"]
        if "count" in record:
            ended = record.get("ended")
            self._counting(int(record["count"]), bool(record["counted"]), Said.from_json(ended) if ended else None)
        if kind == "progress":
            self._say(text("xray.working", what=Said.from_json(record["message"])))
        elif kind == "unavailable":
            self._trouble(TunedeckError("xray.not-yet", reason=Said.from_json(record["message"])))
        elif kind in ("error", "trouble"):
            self._trouble(TunedeckError.from_json(record))
        elif kind == "row" and record["id"] == self._asked:
            self.ray, self._at = from_json(record["ray"]), int(record["at"])
            self._say("")
            self._title()
            self._show()
        elif kind == "none" and record["id"] == self._asked:
            self._say(text("xray.no-more", reason=Said.from_json(record["message"])))

    def _counting(self, count: int, counted: bool, ended: Said | None) -> None:
        """More rows were read: once all are, it is known on which side of the split the one on screen is."""
        was_counted, self._counted = self._counted, counted
        self._count, self._ended = count, ended
        self._title()
        if counted and not was_counted and self.ray is not None and not self._said:
            self._ask("row", at=self._at)

    # What is shown

    def _say(self, words: str) -> None:
        if words != self._said:
            self._said = words
            self._show_state()

    def _trouble(self, error: TunedeckError) -> None:
        self._say(clean(f"! {error.said}", keep_newlines=False))

    def _title(self) -> None:
        ray, code = self.ray, "xray.count" if self._counted else "xray.count-so-far"
        place = text("xray.place", file=Path(ray.file).name, row=ray.row) if ray is not None else text("xray.name")
        count = text(code, at=self._at + 1, count=self._count) if self._count else ""
        self.query_one(TopLine).show(left=place, right=count)

    def _show(self) -> None:
        self._show_state()
        if self.ray is None:
            return
        made, found = content_of(spans(self.ray, self._signs, DETAILS[self._detail]), self._found)
        self.query_one("#xray-text", Static).update(made)
        rows = self.query_one("#xray-rows", VerticalScroll)
        width = max(10, rows.size.width - 3)
        above = sum(max(1, len(chop_cells(line, width))) for line in made.plain[: max(0, found)].split("\n")) - 1
        rows.scroll_to(y=max(0, above - 2) if found >= 0 else 0, animate=False)

    def _show_state(self) -> None:
        """What becomes of the row, and what is wrong with it; in full where there is room for it."""
        lines: list[Content] = []
        if self.ray is not None:
            says_all = self.size.height >= TALL if self._says_all is None else self._says_all
            verdicts = self.ray.verdicts if says_all else tuple(self.ray.bad)
            lines.append(Content.styled(summary(self.ray), "bold"))
            for each, words in zip(verdicts, sentences(verdicts), strict=True):
                lines.append(Content.styled(words, "" if each.passes else "bold $warning"))
        if self._ended:
            lines.append(Content(text("xray.searched", reason=self._ended)))
        if self._said:
            lines.append(Content.styled(self._said, "bold $warning" if self._said.startswith("!") else ""))
        self.query_one("#xray-state", Static).update(Content("\n").join(lines))

    def copied(self) -> str:
        """The row as the model reads it: its examples one after the other."""
        if self.ray is None:
            return ""
        parts = ["".join(piece.text for piece in part.pieces) for part in self.ray.parts]
        return "\n\n".join(parts) or self.ray.words

    # Going through the rows

    def action_next_row(self) -> None:
        self._ask("row", at=self._at + 1)

    def action_previous_row(self) -> None:
        if self._at:
            self._ask("row", at=self._at - 1)
        else:
            self._say(text("xray.first-row"))

    def action_next_hit(self) -> None:
        """The next row with what was searched for, without a search just the next one."""
        if self._found:
            self._seek(1, text=self._found)
        else:
            self.action_next_row()

    def action_previous_hit(self) -> None:
        if self._found:
            self._seek(-1, text=self._found)
        else:
            self.action_previous_row()

    def action_next_bad(self) -> None:
        self._seek(1, bad=True)

    def action_previous_bad(self) -> None:
        self._seek(-1, bad=True)

    def _seek(self, step: int, **more: Any) -> None:
        self._say(text("xray.searching"))
        self._ask("seek", at=self._at + step, step=step, **more)

    def action_detail(self) -> None:
        self._detail = (self._detail + 1) % len(DETAILS)
        self.query_one(KeyBar).rename("detail", text(_DETAILS[(self._detail + 1) % len(DETAILS)]))
        self._show()

    def action_verdicts(self) -> None:
        self._says_all = not (self.size.height >= TALL if self._says_all is None else self._says_all)
        self._show_state()

    # What is typed

    def action_search(self) -> None:
        self._open(SEARCH)

    def action_go_to(self) -> None:
        self._open(GO)

    def _open(self, name: str) -> None:
        self.query_one("#xray-asked").add_class("-open")
        for field in self.query(FormField):
            field.display = field.key == name
            if field.display:
                field.focus_control()

    def _close(self) -> None:
        self.query_one("#xray-asked").remove_class("-open")
        self.query_one("#xray-rows").focus()

    @on(FormField.Submitted)
    def _typed(self, event: FormField.Submitted) -> None:
        event.stop()
        typed = event.field.text.strip()
        self._close()
        if event.field.key == SEARCH:
            self._found = typed
            if typed:
                # A row that says it already is found first, unless it was found before.
                self._seek(1, text=typed)
            return
        *file, number = typed.rsplit(maxsplit=1) or [""]
        try:
            row = numbers.read(number, whole=True)
        except numbers.NoNumber:
            row = 0
        if not isinstance(row, int) or row < 1:
            self._say(text("xray.no-number"))
            return
        here = self.ray.file if self.ray else ""
        self._say(text("xray.searching"))
        self._ask("place", file=file[0] if file else here, row=row)

    def action_leave(self) -> None:
        if self.query_one("#xray-asked").has_class("-open"):
            self._close()
            return
        self.workers.cancel_group(self, "xray")
        self.dismiss()
