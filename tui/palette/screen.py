"""The command palette: everything that can be done or opened from here, found by a few letters."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from rich.cells import cell_len
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.widgets import Input
from textual.worker import get_current_worker

from engine.common.clean_text import clean
from engine.messages.catalogue import text
from tui import keys
from tui.palette import offers
from tui.palette.offers import Offer
from tui.widgets.choosers import Pick, PickList
from tui.widgets.form import Entry
from tui.widgets.line import Line, cut_cells
from tui.widgets.whole import WholeScreen
from tui.world import world_of

_TITLE_CELLS = 24


class Hits(PickList, can_focus=False):
    """What was found. The line of text keeps the focus; the cursor shows all the same."""

    SHOWS_CURSOR = True


class PaletteScreen(WholeScreen, ModalScreen[Offer | None]):
    """Lies over ``screen``; dismissed with what was chosen there."""

    AUTO_FOCUS = "#wanted"
    BINDINGS: ClassVar[list[BindingType]] = [
        *keys.bindings(keys.PALETTE),
        Binding("ctrl+q", "app.quit"),
        *(
            Binding(key, f"move({by})", show=False)
            for key, by in (("up", -1), ("down", 1), ("pageup", -10), ("pagedown", 10))
        ),
    ]
    KEY_TABLES: ClassVar = (("widgets.keys", keys.PALETTE),)
    DEFAULT_CSS = """
    PaletteScreen {
        align: center top;
        #palette { width: 100%; max-width: 112; height: 22; max-height: 100%; padding: 0 1; }
        #palette { background: $boost; border: round $accent; }
        #wanted { width: 100%; margin: 0 0 1 0; }
        #hits { height: 1fr; max-height: 100%; }
        #about, #shell { height: 1; }
        #about { margin-top: 1; }
    }
    """

    class Named(Message):
        """What is found by name was read."""

        def __init__(self, found: list[Offer]) -> None:
            super().__init__()
            self.found = found

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__()
        self._over = screen
        settings = list(offers.settings(screen))
        self._has_settings = bool(settings)
        self._offers = [*offers.actions(screen), *offers.places(screen.app, screen), *settings]
        self._shown: list[Offer] = []

    def compose(self) -> ComposeResult:
        with Vertical(id="palette") as frame:
            frame.border_title = f" {text('keys.palette')} "
            yield Entry(placeholder=text("palette.wanted"), compact=True, select_on_focus=False, id="wanted")
            yield Hits(title_width=_TITLE_CELLS, id="hits")
            yield Line("", id="about")
            yield Line("", id="shell", classes="muted")

    def on_mount(self) -> None:
        self.query_one("#wanted", Input).cursor_blink = False
        self._find("")
        self._read()

    @work(thread=True, group="names", exclusive=True)
    def _read(self) -> None:
        app, worker = self.app, get_current_worker()
        rooms: list[Iterable[Offer]] = [offers.runs(app, world_of(self).root)]
        if not getattr(self._over, "only_watches", False):  # they begin no run
            rooms += [offers.models(app), offers.files(app, self._over, Path.cwd())]
        if not self._has_settings:
            rooms.append(offers.fields(app, getattr(self._over, "run_dir", None)))
        for room in rooms:
            found = list(room)
            if worker.is_cancelled:
                return
            self.post_message(self.Named(found))

    @on(Named)
    def _named(self, message: Named) -> None:
        """More was found; the cursor stays on the line that a person moved it to."""
        hits = self.query_one(Hits)
        here = self.chosen if hits.cursor else None
        self._offers += message.found
        self._find(self.query_one("#wanted", Input).value)
        if here in self._shown:
            hits.cursor = self._shown.index(here)
            self._explain()

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        message.stop()
        self._find(message.value)

    def _find(self, wanted: str) -> None:
        """Show what fits, with the best under the cursor."""
        self._shown = offers.matching(self._offers, wanted)
        hits = self.query_one(Hits)
        hits.set_picks(
            [Pick(str(at), each.title, each.about, tail=f"{each.key:>6}") for at, each in enumerate(self._shown)]
        )
        hits.choose("0")
        hits.mark("")
        self._explain()

    @property
    def chosen(self) -> Offer | None:
        """What is under the cursor."""
        return self._shown[self.query_one(Hits).cursor] if self._shown else None

    @on(PickList.Moved)
    def _explain(self) -> None:
        offer, width = self.chosen, self.query_one("#shell").content_size.width or self.size.width - 6
        about = text("palette.nothing") if offer is None else offer.about
        self.query_one("#about", Line).show(cut_cells(clean(about, keep_newlines=False), width))
        way = text("palette.copies") if offer is not None and offer.shell else ""
        room = width - cell_len(way) - 5
        said = f"$ {cut_cells(clean(offer.shell, keep_newlines=False), room)}   {way}" if offer and way else ""
        self.query_one("#shell", Line).show(said)

    def on_resize(self) -> None:
        self.call_after_refresh(self._explain)

    def copied(self) -> str:
        """The command, path or setting that the line stands for."""
        return self.chosen.shell if self.chosen is not None else ""

    async def action_copy(self) -> None:
        await self.app.run_action("copy")

    def action_move(self, by: int) -> None:
        hits = self.query_one(Hits)
        hits.action_move(max(-hits.cursor, min(by, len(self._shown) - 1 - hits.cursor)))

    @on(Input.Submitted)
    @on(PickList.Chosen)
    def _accept(self, event: Message) -> None:
        event.stop()
        self.dismiss(self.chosen)

    def action_leave(self) -> None:
        self.dismiss(None)
