"""A small file picker: folders and data files."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.common.clean_text import clean
from engine.common.errors import reason_of
from engine.messages import formats
from engine.messages.catalogue import text
from tui import keys
from tui.flow.paths import listing
from tui.widgets.choosers import Pick, PickList
from tui.widgets.clickable import Hints
from tui.widgets.whole import WholeScreen

_UP = ".."


class FilePicker(WholeScreen, ModalScreen[Path | None]):
    """Dismissed with the chosen file, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close"),
        Binding("left,backspace", "up", "Folder above"),
        Binding("right", "enter_folder", "Open folder"),
        Binding("full_stop", "take_folder", "Take the whole folder"),
        *keys.over_dialog("help", "copy", "quit"),
    ]

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder if folder.is_dir() else Path.home()

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog picker"):
            yield Static(id="picker-folder", classes="dialog-title")
            yield PickList(title_width=44, id="picker-list")
            yield Hints(text("wizard.picker-keys"), ("choose", "up", "filter", "take_folder", "leave"), classes="quiet")

    def copied(self) -> str:
        """The path under the cursor."""
        pick = self.query_one(PickList).current
        return pick.id if pick is not None and pick.id != _UP else str(self._folder)

    def on_mount(self) -> None:
        self._open(self._folder)
        self.query_one(PickList).focus()

    def _open(self, folder: Path, come_from: str = "") -> None:
        title = self.query_one("#picker-folder", Static)
        try:
            entries = listing(folder)
        except OSError as error:
            said = text("widgets.named", name=str(folder), value=reason_of(error))
            title.update(Content(f"! {said}"))
            return
        self._folder = folder
        self.query_one(PickList).unfilter()
        self._entries = {str(path): (path, is_folder) for _, path, is_folder in entries}
        title.update(Content(clean(str(folder), keep_newlines=False)))
        picks = [Pick(str(path), name, "" if is_folder else _size(path)) for name, path, is_folder in entries]
        self.query_one(PickList).set_picks(
            [Pick(_UP, "../", text("wizard.picker-above")), *picks], chosen=come_from or _UP
        )
        self.query_one(PickList).choose(come_from or (picks[0].id if picks else _UP))

    async def action_filter(self) -> None:
        await self.query_one(PickList).action_filter()

    @on(PickList.Chosen)
    def _chosen(self, event: PickList.Chosen) -> None:
        event.stop()
        if event.pick.id == _UP:
            self.action_up()
            return
        path, is_folder = self._entries.get(event.pick.id, (None, False))
        if path is None:  # chosen in a folder that was left since
            return
        if is_folder:
            self._open(path)
        else:
            self.dismiss(path)

    def action_choose(self) -> None:
        self.query_one(PickList).action_choose()

    def action_up(self) -> None:
        self._open(self._folder.parent, come_from=str(self._folder))

    def action_enter_folder(self) -> None:
        pick = self.query_one(PickList).current
        if pick and pick.id in self._entries and self._entries[pick.id][1]:
            self._open(self._entries[pick.id][0])

    def action_take_folder(self) -> None:
        self.dismiss(self._folder)

    def action_leave(self) -> None:
        self.dismiss(None)


def _size(path: Path) -> str:
    try:
        return formats.size(path.stat().st_size)
    except OSError:
        return ""
